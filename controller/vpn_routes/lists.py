"""Routes of lists of people: what a list changes, and carrying out its steps in portions."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from controller.access.drafts import unfiled_devices
from controller.access.pending import pending_plain, read_pending
from controller.access.people_list import plan_list, removals
from controller.access.prepared_list import PreparedStep, StepWish, enter_steps, prepare_step
from controller.account_routes.bodies import BecauseText, Body, ShortText
from controller.api.context import Viewer, viewer
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import require_everywhere
from controller.app import open_registrar
from controller.change_routes.vpn import vpn_actor
from controller.operations.exchange import error_json
from controller.roles import Right
from controller.vpn_control.adapters import DEVICE, PERSON
from controller.vpn_control.lists import ROWS_AT_ONCE, STEP, STEPS_AT_ONCE
from controller.vpn_routes.devices import (
    KeyText,
    PersonBody,
    files_json,
    public_key_of,
    require_name,
    sealed,
    unsealed,
)
from inventory.errors import Location
from vpn.people.people_list import ListedDevice

# Answers hold preshared keys, so none of these is kept to be given again.
router: Final = APIRouter(prefix="/vpn/people-lists")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
FieldName = Literal["title", "role", "site", "licence", "licence_until", "until"]
_LONGEST_PENDING: Final = 900_000


class WhereBody(Body):
    """A place in the file of a list."""

    file: str = Field(max_length=4_096)
    line: int = Field(0, ge=0)
    column: int = Field(0, ge=0)


class RowBody(Body):
    """A device that a person is to have; unsaid is what the list does not speak of."""

    person: PersonBody
    device: ShortText
    public_key: KeyText | None = None
    where: WhereBody
    unsaid: list[FieldName] = Field(default_factory=list, max_length=10)

    def listed(self) -> ListedDevice:
        """Return the trusted value. Raises ProblemError."""
        require_name(self.device, "device")
        key = public_key_of(self.public_key) if self.public_key else None
        where = Location(self.where.file, self.where.line, self.where.column)
        return ListedDevice(self.person.person(), self.device, key, where, frozenset(self.unsaid))


class ListRequest(Body):
    """Rows of a list, or a portion of them."""

    rows: list[RowBody] = Field(max_length=ROWS_AT_ONCE)


class RemovalRequest(Body):
    """All devices that a list names, by person and device."""

    kept: list[tuple[ShortText, ShortText]] = Field(max_length=100_000)


class StepBody(Body):
    """One step; with filed the device's files are wanted, for the key was made where they go."""

    verb: Literal["add", "change", "rotate", "revoke"]
    person: PersonBody
    device: ShortText = ""
    public_key: KeyText = ""
    filed: bool = False

    def wish(self) -> StepWish:
        """Return the trusted value. Raises ProblemError."""
        if self.verb != "change":
            require_name(self.device, "device")
        keyed = self.verb in {"add", "rotate"}
        key = public_key_of(self.public_key) if keyed else ""
        return StepWish(self.verb, self.person.person(), self.device, key)


class StepsRequest(Body):
    """Steps of a list, in their order."""

    steps: list[StepBody] = Field(max_length=STEPS_AT_ONCE)


class StepsEntry(Body):
    """Steps whose files are written, as they were sealed, and why they are done."""

    pending: str = Field(max_length=_LONGEST_PENDING)
    because: BecauseText = Field(min_length=1)


@router.post("/plan", openapi_extra=needs(Right.CHANGE_PEOPLE))
def plan_people(asked: ListRequest, reader: Reader) -> dict[str, Any]:
    """Return what rows of a list change, and the devices on record whose file is lost."""
    require_everywhere(reader, Right.CHANGE_PEOPLE)
    listed = [row.listed() for row in asked.rows]
    with open_registrar() as registrar:
        unfiled = unfiled_devices(registrar, None)
        steps = plan_list(registrar, listed, prune=False, unfiled=unfiled)
    return {
        "steps": [STEP.dump_python(step, mode="json") for step in steps],
        "unfiled": [DEVICE.dump_python(device, mode="json") for device in unfiled],
    }


@router.post("/removals", openapi_extra=needs(Right.CHANGE_PEOPLE))
def plan_removals(asked: RemovalRequest, reader: Reader) -> dict[str, Any]:
    """Return the steps that leave nobody any device but those that a list names."""
    require_everywhere(reader, Right.CHANGE_PEOPLE)
    with open_registrar() as registrar:
        steps = list(removals(registrar, frozenset(asked.kept)))
    return {"steps": [STEP.dump_python(step, mode="json") for step in steps]}


@router.post("/preparation", openapi_extra=needs(Right.CHANGE_PEOPLE))
def prepare_steps(asked: StepsRequest, reader: Reader) -> dict[str, Any]:
    """Return the files of the devices that steps give a key; 'entry' carries the steps out."""
    require_everywhere(reader, Right.CHANGE_PEOPLE)
    wishes = [one.wish() for one in asked.steps]
    with open_registrar() as registrar, registrar.store.together():
        made = [prepare_step(registrar, wish) for wish in wishes]
    files = [
        {"step": number, **files_json(one.pending.handover)}
        for number, (one, step) in enumerate(zip(made, asked.steps, strict=True))
        if one.pending and step.filed
    ]
    return {"files": files, "pending": sealed([_plain(one) for one in made], reader)}


@router.post("/entry", openapi_extra=needs(Right.CHANGE_PEOPLE))
def enter_list(asked: StepsEntry, reader: Reader) -> dict[str, Any]:
    """Carry out steps whose files are written, until one fails: how many are done, and why."""
    require_everywhere(reader, Right.CHANGE_PEOPLE)
    steps = [_read(one) for one in _several(unsealed(asked.pending, reader))]
    with open_registrar() as registrar:
        done, error = enter_steps(registrar, steps, vpn_actor(reader, asked.because))
    return {"done": done, "error": error_json(error) if error else None}


def _plain(one: PreparedStep) -> Mapping[str, Any]:
    wish = {**asdict(one.wish), "person": PERSON.dump_python(one.wish.person, mode="json")}
    return {"wish": wish, "pending": pending_plain(one.pending) if one.pending else None}


def _several(told: Any) -> list[Any]:
    if not isinstance(told, list):
        detail = "pending: it is of one device, and no list; send it to that person's entry"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    return told


def _read(plain: Mapping[str, Any]) -> PreparedStep:
    wish = {**plain["wish"], "person": PERSON.validate_python(plain["wish"]["person"])}
    return PreparedStep(
        StepWish(**wish), read_pending(plain["pending"]) if plain["pending"] else None
    )
