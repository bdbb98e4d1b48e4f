"""Routes of plans: make one, read what it does and whom it hurts, have it approved, apply it."""

from collections.abc import Collection
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from controller.api.context import Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.api.scope import covers_everything, is_local, require_everywhere, sites_with
from controller.api_requests.matching import IfMatch
from controller.api_requests.repeating import RepeatableRoute
from controller.change_routes.operations import begun
from controller.change_routes.plan_scope import ScopedPlanning
from controller.change_routes.plan_states import PlanRecords, read_records, requests_json
from controller.model import Plan
from controller.operations.model import ApplyWish, ChangeRefusedError, PlanWish
from controller.operations.plan_json import plan_json
from controller.operations.plan_rows import StoredPlan
from controller.planning.from_folder import PlanChoices
from controller.roles import Right
from inventory.errors import UnsafePlanError

router: Final = APIRouter(prefix="/plans", route_class=RepeatableRoute)
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
Name = Annotated[str, Field(max_length=200)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
_LONGEST_HOLD_S: Final = 24 * 3_600


class PlanRequest(BaseModel):
    """Which plan to make, with the choices of "sanaga plan".

    Without a folder it is that of the service. Folders and files of the machine can be named over
    its local socket alone.
    """

    model_config = ConfigDict(extra="forbid")

    only: list[Name] = Field([], max_length=5_000)
    without: list[Name] = Field([], max_length=5_000)
    devices_cut: float | None = Field(None, ge=0, le=1)
    facilities_cut: float | None = Field(None, ge=0, le=1)
    failing: list[Annotated[str, Field(max_length=1_000)]] = Field([], max_length=500)
    folder: str | None = Field(None, max_length=4_000)
    running: str | None = Field(None, max_length=4_000)
    file: str | None = Field(None, max_length=4_000)

    def places(self) -> tuple[Path | None, Path | None, Path | None]:
        """Return the folder, the folder of running configurations, and the file of a plan."""
        folder, running, file = (
            Path(one) if one else None for one in (self.folder, self.running, self.file)
        )
        return folder, running, file


class ApplyRequest(BaseModel):
    """Which plan was seen, by its digest, and how it is to be applied."""

    model_config = ConfigDict(extra="forbid")

    digest: str = Field(pattern="^[0-9a-f]{64}$")
    confirm_within_s: int | None = Field(None, ge=1, le=_LONGEST_HOLD_S)
    in_consultations: bool = False
    approval: str = Field("", pattern=r"^[\w-]{0,100}$")


@router.post("", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.PLAN))
def make_plan(asked: PlanRequest, reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to make a plan; the operation's result has its number.

    Whose role covers a part of the network plans for the devices of that part.
    """
    folder, running, file = asked.places()
    if (folder or running or file) and not is_local(reader):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "'folder', 'running' and 'file' name what is on the controller's machine; say this "
            "there, or leave them out",
        )
    choices = PlanChoices(
        asked.only,
        asked.without,
        asked.devices_cut,
        asked.facilities_cut,
        asked.failing,
        running,
    )
    whole = covers_everything(reader, Right.PLAN)
    wish = PlanWish(choices, folder, file, None if whole else ScopedPlanning(reader.principal))
    return begun(reader.context.changes.start_plan(wish, reader.principal), response)


@router.get("", openapi_extra=needs(Right.PLAN))
def list_plans(
    reader: Reader,
    pages: PageParameters,
    digest: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    """List the plans that are kept and about nothing outside of one's scope, the newest first."""
    allowed = sites_with(reader, Right.PLAN)
    found = [
        one
        for one in reader.context.changes.plans.listed()
        if digest in {None, one.digest} and allowed.issuperset(_sites(one, reader))
    ]
    records = read_records(reader.context.changes, found)
    shown = page_of(found, lambda one: -one.number, pages)
    return shown.json(lambda one: _brief(one, records))


@router.get("/{number}", openapi_extra=needs(Right.PLAN))
def read_plan(number: Number, reader: Reader, response: Response) -> dict[str, Any]:
    """Return a plan: diffs, waves, harm, blast radius, consultations over it, who approved it."""
    stored = _found(number, reader)
    changes = reader.context.changes
    records = read_records(changes, [stored])
    plan = changes.plans.plan(number)
    touched, sentence = told_consultations(_changed(plan), reader)
    response.headers["ETag"] = f'"{stored.digest}"'
    return {
        **_brief(stored, records),
        "plan": plan_json(plan, stored.facts.unmanaged),
        "consultations": touched,
        "consultations_sentence": sentence,
        "needs_second_person": changes.second_person.reason(stored, plan),
        "requests": requests_json(stored, records, reader),
    }


@router.get("/{number}/file", openapi_extra=needs(Right.PLAN))
def read_file(number: Number, reader: Reader) -> dict[str, Any]:
    """Return a plan as 'sanaga plan --out' writes it: the whole network is in it."""
    require_everywhere(reader, Right.PLAN)
    stored = _found(number, reader)
    facts = stored.facts
    return {
        "document": reader.context.changes.plans.document(number),
        "unmanaged": dict(facts.unmanaged),
        "notes": list(facts.notes),
    }


@router.post("/{number}/approval", status_code=HTTPStatus.CREATED, openapi_extra=needs(Right.APPLY))
def request_approval(number: Number, reader: Reader) -> dict[str, Any]:
    """Ask for a second person's approval of a plan."""
    stored = _applicable(number, reader)
    plan, second = reader.context.changes.plans.plan(number), reader.context.changes.second_person
    if not (why := second.reason(stored, plan)):
        detail = f"plan {number} needs no second person; apply it"
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    made = second.request(stored, plan, reader.principal)
    return {"approval": made, "digest": stored.digest, "because": why}


@router.post("/{number}/apply", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.APPLY))
def apply_plan(
    number: Number,
    asked: ApplyRequest,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Begin to apply a plan; every device ends up new, or every device as it was."""
    stored = _applicable(number, reader)
    if if_match not in {None, "*", f'"{stored.digest}"'}:
        detail = f"plan {number} is not the one that you read; read it again"
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, detail)
    wish = ApplyWish(asked.digest, asked.confirm_within_s, asked.in_consultations, asked.approval)
    try:
        return begun(reader.context.changes.start_apply(stored, wish, reader.principal), response)
    except ChangeRefusedError as error:
        raise _refused(error, stored, reader) from error
    except UnsafePlanError as error:
        more = {"reason": "unsafe", "refused": list(stored.facts.refused)}
        raise ProblemError(HTTPStatus.CONFLICT, str(error), more) from error


def _found(number: int, reader: Viewer) -> StoredPlan:
    stored = reader.context.changes.plans.find(number)
    if stored is None or not _covers(stored, Right.PLAN, reader):
        raise not_found("plan", str(number))
    return stored


def _applicable(number: int, reader: Viewer) -> StoredPlan:
    stored = _found(number, reader)
    if not _covers(stored, Right.APPLY, reader):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"your roles do not let you apply plan {number}")
    return stored


def _covers(stored: StoredPlan, right: Right, reader: Viewer) -> bool:
    """Return whether a right covers all that a plan is about."""
    return sites_with(reader, right).issuperset(_sites(stored, reader))


def _sites(stored: StoredPlan, reader: Viewer) -> Collection[str]:
    """Return the sites that a plan is about; all there are where it names none, or unknown ones."""
    sites, known = stored.facts.sites, reader.context.intent.sites.keys()
    return sites if sites and known >= set(sites) else known


def told_consultations(devices: Collection[str], reader: Viewer) -> tuple[list[str], str]:
    """Return the running consultations over devices that a reader may hear of, and a sentence.

    Of others one hears that they are there, as they keep an apply from beginning.
    """
    touched, sentence = reader.context.changes.consultations_over(devices)
    seen = [one for one in touched if reader.sees(one.sites)]
    if len(seen) < len(touched):
        sentence = "a consultation runs over devices of this plan"
    return [one.name for one in seen], sentence


def _refused(error: ChangeRefusedError, stored: StoredPlan, reader: Viewer) -> ProblemError:
    more = {"reason": error.reason, "consultations": list(error.consultations)}
    if not error.consultations or stored.facts.sites is None:
        return ProblemError(HTTPStatus.CONFLICT, str(error), more)
    plan = reader.context.changes.plans.plan(stored.number)
    more["consultations"], sentence = told_consultations(_changed(plan), reader)
    detail = f"{sentence}; nothing is applied. Apply then, or say in_consultations"
    return ProblemError(HTTPStatus.CONFLICT, detail, more)


def _changed(plan: Plan) -> Collection[str]:
    return {change.device for change in plan.changes}


def _brief(stored: StoredPlan, records: PlanRecords) -> dict[str, Any]:
    facts = stored.facts
    return {
        "number": stored.number,
        "digest": stored.digest,
        "id": facts.plan_id,
        "network": facts.network,
        "made_at": rfc3339(stored.made_s),
        "author": stored.author,
        "state": records.state(stored).value,
        "apply": records.apply_of(stored),
        "devices": facts.devices,
        "changes": facts.changes,
        "waves": facts.waves,
        "refused": list(facts.refused),
        "notes": list(facts.notes),
    }
