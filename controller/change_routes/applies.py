"""Routes of applies: what was applied, every act on every device, confirm, roll back, resume."""

from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from controller.api.context import Viewer, viewer
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import covers_everything, everywhere, require_everywhere, sites_with
from controller.api_requests.matching import IfMatch, require_match, tagged
from controller.api_requests.repeating import RepeatableRoute
from controller.change_routes.operations import begun, may_read
from controller.change_routes.plans import told_consultations
from controller.operations.model import CHANGING, ActWish, OperationKind, OperationState
from controller.operations.plan_json import plan_json
from controller.roles import Right
from controller.store.journal import ApplyRecord, JournalStep
from inventory.errors import UnknownNameError
from inventory.model import DeviceName

router: Final = APIRouter(prefix="/applies", route_class=RepeatableRoute)
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
LATEST: Final = "latest"
WhichApply = Annotated[
    str,
    Path(
        pattern=rf"^({LATEST}|[1-9]\d{{0,8}})$",
        description=f"a number, or '{LATEST}' for the last one that fits",
    ),
]


class ActRequest(BaseModel):
    """What is to become of an apply; without are devices that 'resume' gives up."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["confirm", "rollback", "resume"]
    without: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=5_000)


@router.get("", openapi_extra=needs(Right.LOOK))
def list_applies(
    reader: Reader,
    pages: PageParameters,
    state: Annotated[Literal["all", "unfinished"], Query()] = "all",
) -> dict[str, Any]:
    """List what was applied to devices within one's scope, the newest first."""
    allowed = sites_with(reader, Right.LOOK)
    found = [
        one for one in reader.context.changes.history() if state == "all" or one.outcome is None
    ]
    if not allowed.issuperset(everywhere(reader)):
        devices = reader.context.changes.devices_of_applies()
        found = [
            one for one in found if allowed.issuperset(_sites(devices.get(one.id, ()), reader))
        ]
    return page_of(found, lambda one: -one.id, pages).json(apply_json)


@router.get("/{number}", openapi_extra=needs(Right.LOOK))
def read_apply(number: Number, reader: Reader, response: Response) -> dict[str, Any]:
    """Return an apply with every act on every device, and the operation that is at work on it."""
    _sites_seen(number, reader)
    return tagged(response, _shown(number, reader))


@router.get("/{number}/rollback", openapi_extra=needs(Right.APPLY))
def read_rollback(number: Number, reader: Reader) -> dict[str, Any]:
    """Return what rolling an apply back would change, and the consultations that run over it."""
    sites = _sites_seen(number, reader)
    if not reader.may(Right.APPLY, sites):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"your roles do not let you act on apply {number}")
    _recorded(number, reader)
    plan = reader.context.changes.way_back(number)
    touched, sentence = told_consultations({one.device for one in plan.changes}, reader)
    return {
        "apply": number,
        "plan": plan_json(plan, {}),
        "consultations": touched,
        "consultations_sentence": sentence,
    }


@router.post("/{number}/acts", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.APPLY))
def act_on_apply(
    number: WhichApply,
    asked: ActRequest,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Begin to confirm, roll back or resume an apply; 'resume' finds what was interrupted."""
    chosen = None if number == LATEST else int(number)
    kind = OperationKind(asked.kind)
    sites = _allowed(chosen, kind, reader)
    if chosen is not None and if_match is not None:
        require_match(if_match, _shown(chosen, reader))
    wish = ActWish(kind, chosen, tuple(asked.without), sites)
    return begun(reader.context.changes.start_act(wish, reader.principal), response)


def apply_json(one: ApplyRecord) -> dict[str, Any]:
    """Return an apply as a list shows it."""
    return {
        "id": one.id,
        "network": one.network,
        "plan": one.plan_id,
        "started": one.started,
        "finished": one.finished,
        "held": one.held,
        "decision": one.decision,
        "outcome": one.outcome,
        "because": one.because,
        "deadline": one.deadline,
    }


def _allowed(number: int | None, kind: OperationKind, reader: Viewer) -> tuple[str, ...] | None:
    """Return the sites of the apply that is meant; raise ProblemError unless they are covered."""
    if number is None:
        require_everywhere(reader, Right.APPLY)
        return None
    sites = _sites_seen(number, reader)
    if not reader.may(Right.APPLY, sites):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"your roles do not let you act on apply {number}")
    interrupted = kind is not OperationKind.RESUME or number == (
        reader.context.changes.interrupted()
    )
    if not (interrupted or covers_everything(reader, Right.APPLY)):
        raise ProblemError(HTTPStatus.CONFLICT, f"apply {number} was not interrupted")
    return sites


def _sites_seen(number: int, reader: Viewer) -> tuple[str, ...]:
    """Return the sites of an apply's devices; raise ProblemError (404) unless they may be seen."""
    devices = reader.context.changes.devices_of_applies(number)
    sites = _sites(devices.get(number, ()), reader)
    if not reader.may(Right.LOOK, sites):
        raise _no_apply(number)
    return sites


def _sites(devices: Collection[DeviceName], reader: Viewer) -> tuple[str, ...]:
    """Return the sites of devices; all there are for such as are not in the intent any more."""
    context = reader.context
    if not devices or not context.intent.devices.keys() >= set(devices):
        return everywhere(reader)
    return tuple(sorted({context.places.of_device(name) for name in devices}))


def _no_apply(number: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_FOUND, f"no apply has the number {number}; see 'sanaga history'"
    )


def _recorded(number: int, reader: Viewer) -> tuple[ApplyRecord, Sequence[JournalStep]]:
    try:
        return reader.context.changes.apply_of(number)
    except UnknownNameError:
        raise _no_apply(number) from None


def _shown(number: int, reader: Viewer) -> dict[str, Any]:
    record, steps = _recorded(number, reader)
    return {
        **apply_json(record),
        "steps": _steps_json(steps),
        "operation": _operation(number, reader),
    }


def _steps_json(steps: Sequence[JournalStep]) -> list[dict[str, Any]]:
    return [
        {
            "device": step.device,
            "act": step.act,
            "started": step.started,
            "finished": step.finished,
        }
        for step in steps
    ]


def _operation(number: int, reader: Viewer) -> str | None:
    """Return the id of the operation that is at work on an apply."""
    for one in reader.context.changes.operations.listed():
        if one.kind in CHANGING and one.state is OperationState.RUNNING and one.apply == number:
            return one.id if may_read(one, reader) else None
    return None
