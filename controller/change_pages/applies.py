"""The pages of applies and operations: how something goes on, how it ended, and the way back."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from controller.api.context import Viewer
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.change_pages.diffs import waves_of
from controller.change_pages.progress import progress_of
from controller.change_routes import applies, operations
from controller.roles import Right
from controller.web.acting import carry_out, page_with
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_OPERATION: Final = "/changes/operations/{number}"
_APPLY: Final = "/changes/applies/{number}"
_VPN: Final = frozenset({"rosters", "vpn-terms", "site-keys", "vpn-reading"})
ApplyNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get(_OPERATION, openapi_extra=needs(Right.LOOK))
def show_operation(request: Request, number: operations.NumberPath, reader: Reader) -> Response:
    """Show how an operation goes on, or how it ended."""
    return _operation(request, number, reader)


@router.post(_OPERATION, openapi_extra=needs(Right.LOOK))
def interrupt_operation(
    request: Request, number: operations.NumberPath, reader: Reader
) -> Response:
    """Ask an operation to end; an apply that has not decided is rolled back."""
    place = f"/changes/operations/{number}"

    def interrupt() -> Response:
        operations.interrupt_operation(number, reader)
        return see_other(place)

    return carry_out(interrupt, partial(_operation, request, number, reader))


@router.get(_APPLY, openapi_extra=needs(Right.LOOK))
def show_apply(request: Request, number: ApplyNumber, reader: Reader) -> Response:
    """Show how an apply stands, what each device was asked for, and what can be done."""
    return _apply(request, number, reader)


@router.post(_APPLY, openapi_extra=needs(Right.APPLY))
def act_on_apply(request: Request, number: ApplyNumber, reader: Reader, form: Form) -> Response:
    """Begin to keep, roll back or finish an apply as it was shown, and show how that goes on."""

    def begin() -> Response:
        asked, tag = (
            applies.ActRequest.model_validate({"kind": form.get("kind", "")}),
            form.get("tag"),
        )
        begun = applies.act_on_apply(str(number), asked, reader, Response(), tag or None)
        return see_other(f"/changes/operations/{begun['id']}")

    again = partial(_apply, request, number, reader)
    return carry_out(begin, again)


@router.get(f"{_APPLY}/rollback", openapi_extra=needs(Right.APPLY))
def show_rollback(request: Request, number: ApplyNumber, reader: Reader) -> Response:
    """Show what rolling an apply back would change, before it is done."""
    return _rollback(request, number, reader)


def _rollback(request: Request, number: int, reader: Viewer) -> Response:
    tagged = Response()
    record = applies.read_apply(number, reader, tagged)
    found = applies.read_rollback(number, reader)
    values = {
        "apply": record,
        "found": found,
        "waves": waves_of(found["plan"]["changes"]),
        "tag": tagged.headers["etag"],
    }
    return render(request, Page("rollback.html.j2", "changes"), values, reader)


def _operation(
    request: Request, number: str, reader: Viewer, fault: ProblemError | None = None
) -> Response:
    one = operations.find_operation(number, reader)
    found = operations.operation_json(one)
    began = one.beginning.account == reader.principal.account.id
    sites = operations.sites_of_operation(one, reader)
    values = {
        "found": found,
        "progress": progress_of(found["events"]),
        "may_end": began or reader.may(Right.APPLY, sites),
        "push": (found["result"] or {}).get("push"),
        "fault": fault.detail if fault else "",
    }
    section = "vpn" if found["kind"] in _VPN else "changes"
    return render(request, page_with("operation.html.j2", section, fault), values, reader)


def _apply(
    request: Request, number: int, reader: Viewer, fault: ProblemError | None = None
) -> Response:
    tagged = Response()
    found = applies.read_apply(number, reader, tagged)
    devices: dict[str, list[dict[str, Any]]] = {}
    for step in found["steps"]:
        devices.setdefault(step["device"], []).append(step)
    values = {
        "apply": found,
        "devices": devices,
        "tag": tagged.headers["etag"],
        "fault": fault.detail if fault else "",
    }
    return render(request, page_with("apply.html.j2", "changes", fault), values, reader)
