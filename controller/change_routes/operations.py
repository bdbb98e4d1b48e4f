"""Routes of operations: how a plan, an apply or a backup that somebody began goes on."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from controller.api.context import ApiContext, Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.api.scope import everywhere, sites_with
from controller.operations.model import Operation, OperationKind, OperationState
from controller.roles import Right

router: Final = APIRouter(prefix="/operations")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
NumberPath = Annotated[str, Path(pattern="^[0-9a-z]{1,64}$")]
_LONGEST_WAIT_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.25
# What somebody must be allowed, at every site of it, to read of an operation.
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
    readable = _readable(reader)
    found = [one for one in reader.context.changes.operations.listed() if readable(one)]
    return page_of(found, lambda one: -one.serial, pages).json(operation_json)


@router.get("/{number}", openapi_extra=needs(Right.LOOK))
async def read_operation(
    number: NumberPath,
    request: Request,
    reader: Reader,
    after: Annotated[int, Query(ge=0, description="events that are known already")] = 0,
    wait_s: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S, description="for another one")] = 0,
) -> dict[str, Any]:
    """Return an operation with its events; wait_s lets the answer wait for news, in seconds."""
    context: ApiContext = request.app.state.context
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    found = await run_in_threadpool(find_operation, number, reader, after)
    while found.position <= after and found.state is OperationState.RUNNING:
        left_s = deadline - loop.time()
        if left_s <= 0:
            break
        await context.ring.wait(min(left_s, _LOOK_EVERY_S))
        found = await run_in_threadpool(find_operation, number, reader, after)
    return operation_json(found)


@router.post(
    "/{number}/interrupt", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.LOOK)
)
def interrupt_operation(number: NumberPath, reader: Reader) -> dict[str, Any]:
    """Ask an operation to end as Ctrl-C would: an apply that has not decided is rolled back."""
    found = find_operation(number, reader)
    if not _began(found, reader) and not reader.may(Right.APPLY, sites_of_operation(found, reader)):
        raise ProblemError(HTTPStatus.FORBIDDEN, "your roles do not let you interrupt this")
    reader.context.changes.operations.interrupt(number)
    return operation_json(found)


def operation_json(one: Operation) -> dict[str, Any]:
    """Return an operation with the events that were read of it."""
    return {
        "id": one.id,
        "kind": one.kind.value,
        "by": one.beginning.by,
        "state": one.state.value,
        "began_at": rfc3339(one.began_s),
        "ended_at": rfc3339(one.ended_s),
        "apply": one.apply,
        "events": list(one.events),
        "position": one.position,
        "result": one.result,
        "error": one.error,
    }


def begun(operation: Operation, response: Response) -> dict[str, Any]:
    """Return an operation that has just begun, and where to follow it."""
    response.headers["Location"] = f"/api/v1/operations/{operation.id}"
    return operation_json(operation)


def may_read(one: Operation, reader: Viewer) -> bool:
    """Return whether a reader may look at all that an operation is about."""
    return _readable(reader)(one)


def _readable(reader: Viewer) -> Callable[[Operation], bool]:
    """Return what says whether a reader may look at all that an operation is about."""
    allowed = {right: sites_with(reader, right) for right in {Right.LOOK, *_READ.values()}}

    def readable(one: Operation) -> bool:
        if _began(one, reader):
            return True
        right = _READ.get(one.kind, Right.LOOK)
        return allowed[right].issuperset(sites_of_operation(one, reader))

    return readable


def _began(one: Operation, reader: Viewer) -> bool:
    """Return whether a reader began an operation, and may therefore follow and end it."""
    return one.beginning.account == reader.principal.account.id


def sites_of_operation(one: Operation, reader: Viewer) -> tuple[str, ...]:
    """Return the sites that an operation is about; all there are where it names none."""
    sites = one.beginning.sites
    known = sites and reader.context.intent.sites.keys() >= set(sites)
    return tuple(sites) if sites and known else everywhere(reader)


def find_operation(number: str, reader: Viewer, after: int = 0) -> Operation:
    """Return an operation that a reader may look at. Raises ProblemError (404)."""
    found = reader.context.changes.operations.find(number, after)
    if found is None or not may_read(found, reader):
        raise not_found("operation", number)
    return found
