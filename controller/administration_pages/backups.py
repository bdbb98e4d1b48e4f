"""The page of backups: those that are there, one more, and a rehearsal of a restore."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response

from controller.administration_pages.accounts import ALL
from controller.api.rights import needs
from controller.change_routes.backups import list_backups, make_backup, rehearse_backup
from controller.change_routes.operations import list_operations
from controller.operations.model import OperationKind
from controller.roles import Right
from controller.web.acting import FAULTS, said_of
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
BACKUPS: Final = "/administration/backups"
_BACKING_UP: Final = needs(Right.BACK_UP)
_KINDS: Final = {OperationKind.BACKUP.value, OperationKind.REHEARSAL.value}
_LATELY: Final = 10


@router.get(BACKUPS, openapi_extra=_BACKING_UP)
def show_backups(request: Request, reader: Reader) -> Response:
    """List backups, and what was lately done with them."""
    return _shown(request, reader)


@router.post(BACKUPS, openapi_extra=_BACKING_UP)
def act_on_backups(request: Request, reader: Reader, form: Form) -> Response:
    """Begin to make a backup, or to rehearse the restore of one."""
    try:
        if form.get("kind") == "make":
            make_backup(reader, Response())
        else:
            rehearse_backup(form.get("name", ""), reader, Response())
    except FAULTS as error:
        return _shown(request, reader, said_of(error))
    return see_other(BACKUPS)


def _shown(request: Request, reader: Reader, fault: str = "") -> Response:
    found = list_backups(reader, ALL)
    done = [one for one in list_operations(reader, ALL)["items"] if one["kind"] in _KINDS]
    values = {
        "backups": found["items"][::-1],
        "total": found["total"],
        "done": done[:_LATELY],
        "daily": request.app.state.about().get("backup", ""),
        "fault": fault,
        "tab": "backups",
    }
    status = HTTPStatus.CONFLICT if fault else HTTPStatus.OK
    return render(request, Page("backups.html.j2", "administration", status), values, reader)
