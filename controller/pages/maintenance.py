"""The page of maintenance: windows that are announced, and how another one is."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.roles import Right
from controller.routes import incidents as routes
from controller.routes import network
from controller.web.forms import Form
from controller.web.rendering import CAMEROON, Page, render
from controller.web.visitor import PageRoute, Reader, fault_text, see_other

PATH: Final = "/maintenance"
router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_MOST: Final = 500
_NO_SUBJECT: Final = "over: write what it is and its name, such as 'circuit mora-kolofata-fibre'"
_PLANNING: Final = needs(Right.PLAN_MAINTENANCE)
_FIELDS: Final = ("name", "subject", "recurrence", "first_day", "begins", "ends", "reason")


@router.get(PATH, openapi_extra=needs(Right.LOOK))
def show_maintenance(
    request: Request, reader: Reader, subject: Annotated[str, Query(max_length=210)] = ""
) -> Response:
    """Show the windows, and the form for another one over a subject such as 'circuit NAME'."""
    today = datetime.fromtimestamp(reader.context.now(), CAMEROON)
    typed = {"subject": subject, "first_day": today.date().isoformat(), "begins": f"{today:%H:%M}"}
    return _shown(request, reader, typed)


@router.post(PATH, openapi_extra=_PLANNING)
def announce_window(request: Request, reader: Reader, form: Form) -> Response:
    """Announce a window, and show it among the others."""
    kind, _, name = form.get("subject", "").strip().partition(" ")
    called = form.get("name", "").strip() or f"{name} {form.get('first_day', '')}"
    try:
        asked = routes.WindowRequest.model_validate(
            {"subjects": [{"kind": kind, "name": name.strip()}]}
            | {key: form[key] for key in _FIELDS[2:] if form.get(key)}
        )
        _refuse_known(called, reader)
        routes.set_window(called, asked, reader, Response())
    except ValidationError as error:
        return _shown(request, reader, form, _told(error))
    except ProblemError as error:
        return _shown(request, reader, form, fault_text(error))
    return see_other(PATH)


@router.post(f"{PATH}/remove", openapi_extra=_PLANNING)
def remove_window(request: Request, reader: Reader, form: Form) -> Response:
    """Take a window away, and show those that are left."""
    try:
        routes.remove_window(form.get("name", ""), reader)
    except ProblemError as error:
        return _shown(request, reader, {}, fault_text(error))
    return see_other(PATH)


def _refuse_known(name: str, reader: Viewer) -> None:
    """Raise ProblemError for the name of another window, which a form would overwrite."""
    if name in reader.context.incidents.current().windows:
        detail = f"there is a window '{name}' already; give this one another name"
        raise ProblemError(HTTPStatus.CONFLICT, detail)


def _told(error: ValidationError) -> str:
    """Return what is wrong with each field, in the words of a form."""
    return "; ".join(
        _NO_SUBJECT if one["loc"][0] == "subjects" else f"{_field(one['loc'])}: {one['msg']}"
        for one in error.errors()
    )


def _field(place: tuple[int | str, ...]) -> str:
    return str(place[0]).replace("_", " ")


def _shown(request: Request, reader: Viewer, typed: Any, fault: str = "") -> Response:
    windows = routes.list_windows(reader, PageRequest(None, _MOST))["items"]
    values = {
        "windows": windows,
        "typed": {key: typed.get(key, "") for key in _FIELDS},
        "known": sorted(_known(reader)),
        "fault": fault,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
    return render(request, Page("maintenance.html.j2", "incidents", status), values, reader)


def _known(reader: Viewer) -> list[str]:
    """Return what a window can be over, as the form takes it."""
    return [
        *(f"site {one['name']}" for one in network.all_sites(reader)),
        *(f"circuit {one['name']}" for one in network.all_circuits(reader)),
    ]
