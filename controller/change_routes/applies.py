"""Routes of applies: what was applied, every act on every device, confirm, roll back, resume."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from controller.api.context import Viewer, viewer
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import require_everywhere
from controller.api_requests.matching import IfMatch, require_match, tagged
from controller.api_requests.repeating import RepeatableRoute
from controller.change_routes.operations import begun
from controller.operations.model import CHANGING, ActWish, OperationKind, OperationState
from controller.roles import Right
from controller.store.journal import ApplyRecord, JournalStep
from inventory.errors import UnknownNameError

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
    """List what was applied, the newest first."""
    require_everywhere(reader, Right.LOOK)
    found = [
        one for one in reader.context.changes.history() if state == "all" or one.outcome is None
    ]
    return page_of(found, lambda one: -one.id, pages).json(apply_json)


@router.get("/{number}", openapi_extra=needs(Right.LOOK))
def read_apply(number: Number, reader: Reader, response: Response) -> dict[str, Any]:
    """Return an apply with every act on every device, and the operation that is at work on it."""
    require_everywhere(reader, Right.LOOK)
    return tagged(response, _shown(number, reader))


@router.post("/{number}/acts", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.APPLY))
def act_on_apply(
    number: WhichApply,
    asked: ActRequest,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Begin to confirm, roll back or resume an apply; 'resume' finds what was interrupted."""
    require_everywhere(reader, Right.APPLY)
    chosen = None if number == LATEST else int(number)
    if chosen is not None and if_match is not None:
        require_match(if_match, _shown(chosen, reader))
    wish = ActWish(OperationKind(asked.kind), chosen, tuple(asked.without))
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


def _shown(number: int, reader: Viewer) -> dict[str, Any]:
    try:
        record, steps = reader.context.changes.apply_of(number)
    except UnknownNameError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from None
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
        events = (event.get("apply_id") for event in one.events)
        if one.kind in CHANGING and one.state is OperationState.RUNNING and number in events:
            return one.id
    return None
