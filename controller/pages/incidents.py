"""The pages of incidents: the list, and one incident with what may be done about it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.incidents.model import Severity
from controller.roles import Right
from controller.routes import incidents as routes
from controller.routes import network
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, fault_text, see_other
from controller.web.words import worst_first

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_PAGE: Final = 100
_HOUR_S: Final = 3600.0


@router.get("/incidents", openapi_extra=needs(Right.LOOK))
def show_incidents(
    request: Request,
    reader: Reader,
    state: Annotated[Literal["open", "ended", "all"], Query()] = "open",
    severity: Annotated[Severity | Literal[""], Query()] = "",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Show incidents: open ones with the worst first."""
    wanted = Severity(severity) if severity else None
    found = routes.list_incidents(reader, PageRequest(cursor, _PAGE), state, wanted)
    values = {"found": found, "state": state, "severity": severity}
    return render(request, Page("incidents.html.j2", "incidents"), values, reader)


@router.get("/incidents/{number}", openapi_extra=needs(Right.LOOK))
def show_incident(request: Request, number: int, reader: Reader) -> Response:
    """Show one incident: who is hurt, why we think so, and what was done."""
    return _shown(request, number, reader)


@router.post("/incidents/{number}", openapi_extra=needs(Right.HANDLE_INCIDENTS))
def take_act(request: Request, number: int, reader: Reader, form: Form) -> Response:
    """Do what a form asks for, and show the incident as it is then."""
    kind: Any = form.get("kind", "")
    try:
        asked = routes.ActRequest(kind=kind, text=form.get("text", ""), for_s=_mute_s(form))
        routes.act_on_incident(number, asked, reader, Response())
    except ValueError:
        return _shown(request, number, reader, "this is no act; use a button of the page")
    except ProblemError as error:
        return _shown(request, number, reader, fault_text(error))
    return see_other(f"/incidents/{number}")


def _mute_s(form: dict[str, str]) -> float | None:
    hours = form.get("hours", "")
    return float(hours) * _HOUR_S if form.get("kind") == "mute" and hours.isdecimal() else None


def by_region(sites: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return regions, those with most people first, each with its sites, the worst first."""

    def region(site: dict[str, Any]) -> str:
        return site["region"] or ""

    def people(some: Sequence[dict[str, Any]]) -> int:
        return sum(site["people"] or 0 for site in some)

    grouped = [
        (name, sorted(inside, key=lambda one: (worst_first(one)[0], -(one["people"] or 0))))
        for name, inside in groupby(sorted(sites, key=region), region)
    ]
    found = [{"name": name, "sites": some, "people": people(some)} for name, some in grouped]
    return sorted(found, key=lambda one: (-one["people"], one["name"]))


def whom_to_call(root: Mapping[str, str], reader: Viewer) -> list[dict[str, str]]:
    """Return the sites where a root stands, with their contacts; an operator is named alone.

    Nothing is told of sites that the reader may not see.
    """
    try:
        sites, provider = _stands_at(root, reader)
    except ProblemError:
        return []
    intent = reader.context.intent
    found = [
        {"site": name, "title": intent.sites[name].title, "contact": intent.sites[name].contact}
        for name in dict.fromkeys(sites)
        if name in reader.sites
    ]
    return found + [{"site": "", "title": name, "contact": ""} for name in (provider,) if name]


def _stands_at(root: Mapping[str, str], reader: Viewer) -> tuple[list[str], str]:
    """Return the sites and the operator of a root."""
    match root["kind"]:
        case "site":
            return [root["name"]], ""
        case "device":
            return [network.read_device(root["name"], reader)["site"]], ""
        case "circuit":
            found = network.read_circuit(root["name"], reader)
            ends = [end["site"] for end in (found["a"], found["b"]) if end]
            return ends, found["provider"] or ""
        case "provider":
            return [], root["name"]
        case _:
            return [], ""


def _shown(request: Request, number: int, reader: Viewer, fault: str = "") -> Response:
    found = routes.read_incident(number, reader, Response())
    sites = {site["name"]: site for site in network.all_sites(reader)}
    hurt = [sites[name] for name in found["sites"] if name in sites]
    values = {
        "incident": found,
        "affected": len(hurt),
        "regions": by_region(hurt),
        "to_call": whom_to_call(found["root"], reader),
        "fault": fault,
    }
    return render(request, Page("incident.html.j2", "incidents"), values, reader)
