"""The page of the machine: schedules, who is on call, edges that wait, versions and disks."""

import shutil
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from controller.administration_pages.accounts import ALL
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.change_routes.vpn import list_edges
from controller.environment import state_dir
from controller.incidents.sentences import Language
from controller.reports.findings import Check
from controller.roles import Right
from controller.routes.handover import list_rotas
from controller.routes.reports import list_schedules, newest_findings, run_schedule
from controller.web.forms import Form
from controller.web.language import chosen_language
from controller.web.rendering import Page, render
from controller.web.visitor import REFUSALS, PageRoute, Reader, fault_text, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
MACHINE: Final = "/administration/machine"
_SHOWN: Final = frozenset({Check.VERSION, Check.DISK, Check.CERTIFICATE})


@router.get(MACHINE, openapi_extra=needs(Right.HANDLE_INCIDENTS))
def show_machine(request: Request, reader: Reader) -> Response:
    """Show what runs when, who is on call, which edges wait, and how the machine stands."""
    return _shown(request, reader)


@router.post(MACHINE, openapi_extra=needs(Right.PLAN_MAINTENANCE))
def run_now(request: Request, reader: Reader, form: Form) -> Response:
    """Do now what is else done by schedule."""
    try:
        run_schedule(form.get("name", ""), reader)
    except REFUSALS as error:
        return _shown(request, reader, fault_text(error))
    return see_other(MACHINE)


def _shown(request: Request, reader: Reader, fault: str = "") -> Response:
    values = {
        "schedules": _schedules(reader),
        "rotas": list_rotas(reader)["items"],
        "waiting": list_edges(reader, ALL, "waiting")["items"],
        "findings": _findings(reader, chosen_language(request)),
        "disk": shutil.disk_usage(state_dir()),
        "version": request.app.version,
        "about": request.app.state.about(),
        "fault": fault,
        "tab": "machine",
    }
    status = HTTPStatus.CONFLICT if fault else HTTPStatus.OK
    return render(request, Page("machine.html.j2", "administration", status), values, reader)


def _schedules(reader: Reader) -> list[dict[str, Any]]:
    try:
        return list(list_schedules(reader)["items"])
    except ProblemError:
        return []


def _findings(reader: Reader, language: Language) -> dict[str, Any] | None:
    """Return what the newest report of maintenance found of versions and disks; None if none is."""
    try:
        return newest_findings(reader, language, _SHOWN)
    except ProblemError:
        return None
