"""Routes of operations: how a plan, an apply or a backup that somebody began goes on."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from controller.api.context import ApiContext, Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.problems import not_found
from controller.api.rights import needs
from controller.api.scope import everywhere, require_everywhere
from controller.operations.model import Operation, OperationKind, OperationState
from controller.roles import Right

router: Final = APIRouter(prefix="/operations")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
_LONGEST_WAIT_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.25
# What somebody must be allowed, at every site, to read of an operation.
_READ: Final = {
    OperationKind.PLAN: Right.PLAN,
    OperationKind.BACKUP: Right.BACK_UP,
    OperationKind.REHEARSAL: Right.BACK_UP,
    OperationKind.ROSTERS: Right.SEE_PEOPLE,
    OperationKind.VPN_TERMS: Right.SEE_PEOPLE,
    OperationKind.VPN_READING: Right.SEE_PEOPLE,
}


@router.get("", openapi_extra=needs(Right.LOOK))
def list_operations(reader: Reader, pages: PageParameters) -> dict[str, Any]:
    """List what runs, and what ended lately, the newest first; each without its events."""
    found = [one for one in reader.context.changes.operations.listed() if _may_read(one, reader)]
    page = page_of(found, lambda one: -one.serial, pages)
    return page.json(lambda one: operation_json(one, len(one.events)))


@router.get("/{number}", openapi_extra=needs(Right.LOOK))
async def read_operation(
    number: str,
    request: Request,
    reader: Reader,
    after: Annotated[int, Query(ge=0, description="events that are known already")] = 0,
    wait_s: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S, description="for another one")] = 0,
) -> dict[str, Any]:
    """Return an operation with its events; wait_s lets the answer wait for news, in seconds."""
    context: ApiContext = request.app.state.context
    found = _found(number, reader)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while len(found.events) <= after and found.state is OperationState.RUNNING:
        left_s = deadline - loop.time()
        if left_s <= 0:
            break
        await context.ring.wait(min(left_s, _LOOK_EVERY_S))
    return operation_json(found, after)


@router.post(
    "/{number}/interrupt", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.LOOK)
)
def interrupt_operation(number: str, reader: Reader) -> dict[str, Any]:
    """Ask an operation to end as Ctrl-C would: an apply that has not decided is rolled back."""
    found = _found(number, reader)
    if found.account != reader.principal.account.id:
        require_everywhere(reader, Right.APPLY)
    reader.context.changes.operations.interrupt(number)
    return operation_json(found)


def operation_json(one: Operation, after: int = 0) -> dict[str, Any]:
    """Return an operation; of its events those after some number of them."""
    state, events = one.state, one.events[after:]
    applies = [event["apply_id"] for event in one.events if event["event"] == "ApplyStarted"]
    return {
        "id": one.id,
        "kind": one.kind.value,
        "by": one.by,
        "state": state.value,
        "began_at": rfc3339(one.began_s),
        "ended_at": rfc3339(one.ended_s),
        "apply": applies[0] if applies else None,
        "events": events,
        "position": after + len(events),
        "result": one.result,
        "error": one.error,
    }


def begun(operation: Operation, response: Response) -> dict[str, Any]:
    """Return an operation that has just begun, and where to follow it."""
    response.headers["Location"] = f"/api/v1/operations/{operation.id}"
    return operation_json(operation)


def _found(number: str, reader: Viewer) -> Operation:
    found = reader.context.changes.operations.find(number)
    if found is None or not _may_read(found, reader):
        raise not_found("operation", number)
    return found


def _may_read(one: Operation, reader: Viewer) -> bool:
    if one.account is not None and one.account == reader.principal.account.id:
        return True
    return reader.may(_READ.get(one.kind, Right.LOOK), everywhere(reader))
