"""The overview: what is wrong and who is hurt, in a sentence, on a map and in a list."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from accounts.opaque_tokens import OpaqueToken, TokenKind
from accounts.roles import Origin
from controller.account_routes.caller import AnyGuest
from controller.administration_pages.walls import WALL, keep_session
from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.rights import OVERVIEW, needs
from controller.api.scope import running_consultations
from controller.roles import Right
from controller.routes import incidents, network
from controller.web.rendering import Page, render
from controller.web.visitor import HOME, PageRoute, Reader
from controller.web.words import WORST_FIRST, worst_first

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_MOST_INCIDENTS: Final = 50


@router.get(HOME, openapi_extra=needs(Right.LOOK))
def show_overview(request: Request, reader: Reader) -> Response:
    """Show how the network stands now."""
    values = overview(reader, request.query_params.get("part", ""))
    return render(request, Page("overview.html.j2", "overview"), values, reader)


@router.get(WALL, openapi_extra=needs(Right.LOOK, OVERVIEW))
def show_wall(request: Request, reader: Reader, guest: AnyGuest) -> Response:
    """Show the overview for a screen that hangs on a wall; a wall's session is renewed by it."""
    # The parts that a wall fetches anew are those of the overview.
    part = request.query_params.get("part", "")
    template = "overview.html.j2" if part else "wall.html.j2"
    shown = render(request, Page(template, "wall"), overview(reader, part), reader)
    if reader.principal.origin is Origin.WALL:
        token = OpaqueToken(TokenKind.SESSION, guest.cookie(TokenKind.SESSION))
        keep_session(shown, guest, token)
    return shown


def overview(reader: Viewer, part: str = "") -> dict[str, Any]:
    """Return what the overview shows, or one part of it, which open pages ask for again and again.

    It has nothing that the API would not give this reader.
    """
    if part == "headline":
        return _headline(reader)
    if part == "concerns":
        return _concerns(reader)
    return {**_headline(reader), **_concerns(reader), "map": _map(reader)}


def _headline(reader: Viewer) -> dict[str, Any]:
    sites = network.all_sites(reader)
    return {
        "summary": network.summarise(reader),
        "sites": sorted(sites, key=worst_first),
        "hurt": _hurt(sites),
    }


def _concerns(reader: Viewer) -> dict[str, Any]:
    page = incidents.list_incidents(reader, PageRequest(None, _MOST_INCIDENTS))
    return {
        "incidents": page["items"],
        "incidents_total": page["total"],
        "consultations": _calls(reader),
        "titles": network.site_titles(reader),
    }


def _hurt(sites: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return how many sites, facilities and people are cut off, and how many are degraded."""
    return {
        "cut_off": _counted([site for site in sites if site["health"] in WORST_FIRST[:2]]),
        "degraded": _counted([site for site in sites if site["health"] == WORST_FIRST[2]]),
    }


def _counted(sites: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {
        "sites": len(sites),
        "facilities": sum(len(site["facilities"]) for site in sites),
        "people": sum(site["people"] or 0 for site in sites),
    }


def _calls(reader: Viewer) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "sites": [site for site in one.sites if site in reader.sites]}
        for one in running_consultations(reader)
    ]


def _map(reader: Viewer) -> dict[str, Any]:
    """Return the lines of the map: circuits whose two ends the reader sees, and consultations."""
    circuits = [
        [one["name"], one["a"]["site"], one["b"]["site"], one["medium"], one["health"]]
        for one in network.all_circuits(reader)
        if one["b"] and one["a"]["site"] and one["b"]["site"]
    ]
    calls = [
        [one["name"], *pair] for one in _calls(reader) for pair in combinations(one["sites"], 2)
    ]
    return {"circuits": circuits, "calls": calls}
