"""The pages of sites and circuits: how they stand, and what was measured over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response

from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.rights import needs
from controller.incidents.model import Health
from controller.pages.recent import applies_to, windows_of
from controller.roles import Right
from controller.routes import incidents, network
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader
from controller.web.words import WORST_FIRST, worst_first
from inventory.model import Medium

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_MOST_PAST: Final = 20
Search = Annotated[str, Query(max_length=100)]
HealthChoice = Annotated[Health | Literal[""], Query()]


@dataclass(frozen=True, slots=True)
class CircuitFilter:
    """Which circuits are wanted; what is empty is not asked for."""

    health: Annotated[Health | Literal[""], Query()] = ""
    medium: Annotated[Medium | Literal[""], Query()] = ""
    search: Annotated[str, Query(max_length=100)] = ""

    def fits(self, circuit: Mapping[str, Any]) -> bool:
        """Return whether a circuit, as the API shows it, is wanted."""
        ends = [circuit["a"], circuit["b"] or {"site": "", "device": ""}]
        texts = [circuit["name"], circuit["provider"] or ""]
        texts += [end[name] for end in ends for name in ("site", "device")]
        return (
            self.health in {"", circuit["health"]}
            and self.medium in {"", circuit["medium"]}
            and any(self.search.casefold() in text.casefold() for text in texts)
        )


CircuitChoice: TypeAlias = Annotated[CircuitFilter, Depends()]


@router.get("/sites", openapi_extra=needs(Right.LOOK))
def show_sites(
    request: Request,
    reader: Reader,
    health: HealthChoice = "",
    region: Search = "",
    search: Search = "",
) -> Response:
    """Show sites, those that stand worst first."""
    sites = network.all_sites(reader)
    regions = sorted({site["region"] for site in sites if site["region"]})
    values = {
        "found": matching_sites(reader, health, region, search),
        "total": len(sites),
        "regions": regions,
        "chosen": {"health": health, "region": region, "search": search},
        "healths": WORST_FIRST,
    }
    return render(request, Page("sites.html.j2", "sites"), values, reader)


@router.get("/sites/{name}", openapi_extra=needs(Right.LOOK))
def show_site(request: Request, name: str, reader: Reader) -> Response:
    """Show one site with its circuits, what was measured, and its incidents."""
    site = network.read_site(name, reader)
    values = {
        "site": site,
        "paths": list(_paths(site)),
        "open": _incidents(reader, name, "open"),
        "past": _incidents(reader, name, "ended"),
        "applies": applies_to(_names(site["devices"]), reader),
        "windows": windows_of(_things_at(site), reader),
        "titles": network.site_titles(reader),
    }
    return render(request, Page("site.html.j2", "sites"), values, reader)


@router.get("/circuits", openapi_extra=needs(Right.LOOK))
def show_circuits(request: Request, reader: Reader, asked: CircuitChoice) -> Response:
    """Show circuits, those that stand worst first."""
    values = {
        "found": matching_circuits(reader, asked),
        "total": len(network.all_circuits(reader)),
        "chosen": asked,
        "media": [medium.value for medium in Medium],
        "healths": WORST_FIRST,
        "titles": network.site_titles(reader),
    }
    return render(request, Page("circuits.html.j2", "sites"), values, reader)


@router.get("/circuits/{name}", openapi_extra=needs(Right.LOOK))
def show_circuit(request: Request, name: str, reader: Reader) -> Response:
    """Show one circuit with what was measured at its ends."""
    circuit = network.read_circuit(name, reader)
    titles = network.site_titles(reader)
    paths = [
        {"device": end, "circuit": name, "medium": circuit["medium"]} for end in _ends(circuit)
    ]
    values = {"circuit": circuit, "titles": titles, "paths": paths}
    return render(request, Page("circuit.html.j2", "sites"), values, reader)


def matching_circuits(reader: Viewer, asked: CircuitFilter) -> list[dict[str, Any]]:
    """Return the circuits that are wanted, those that stand worst first."""
    found = [one for one in network.all_circuits(reader) if asked.fits(one)]
    return sorted(found, key=lambda one: (WORST_FIRST.index(one["health"]), one["name"]))


def matching_sites(reader: Viewer, health: str, region: str, search: str) -> list[dict[str, Any]]:
    """Return the sites that are wanted, those that stand worst first."""
    found = [one for one in network.all_sites(reader) if _wanted(one, health, region, search)]
    return sorted(found, key=worst_first)


def _wanted(site: Mapping[str, Any], health: str, region: str, search: str) -> bool:
    texts = (site["name"], site["title"], *site["facilities"])
    return (
        health in {"", site["health"]}
        and region in {"", site["region"]}
        and any(search.casefold() in text.casefold() for text in texts)
    )


def _incidents(reader: Viewer, site: str, state: Literal["open", "ended"]) -> Any:
    asked = PageRequest(None, _MOST_PAST)
    return incidents.list_incidents(reader, asked, state, None, site)["items"]


def _names(found: Sequence[Mapping[str, Any]]) -> set[str]:
    return {one["name"] for one in found}


def _things_at(site: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the site, its devices and its circuits, each as its kind and name."""
    things = {("device", name) for name in _names(site["devices"])}
    things |= {("circuit", name) for name in _names(site["circuits"])}
    return things | {("site", site["name"])}


def _paths(site: Mapping[str, Any]) -> Sequence[dict[str, str]]:
    """Return what edges of a site may have measured: each device with each circuit there."""
    edges = [one["name"] for one in site["devices"] if one["platform"] == "linux"]
    return [
        {"device": edge, "circuit": circuit["name"], "medium": circuit["medium"]}
        for circuit in site["circuits"]
        for edge in edges
    ]


def _ends(circuit: Mapping[str, Any]) -> list[str]:
    ends = (circuit["a"], circuit["b"])
    return [end["device"] for end in ends if end and end["device"]]
