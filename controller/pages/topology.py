"""The page of the topology: the hierarchy as tree and graph, and what failures would cost."""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from controller.api.context import Viewer
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.incidents.model import Subject, SubjectKind
from controller.roles import Right
from controller.routes import network
from controller.routes.what_if import Thing, all_things, suppose, things_named
from controller.web.assets import zipped_response
from controller.web.picture import Picture, draw_network
from controller.web.rendering import HEADERS, Page, render, render_text
from controller.web.visitor import PageRoute, Reader
from inventory.model import Circuit, Level, Site, SiteName
from topology.build import site_node

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_SVG: Final = "image/svg+xml"
_MOST_ROWS: Final = 100
_LOOKING: Final = needs(Right.LOOK)
_ORDER: Final = (Level.CENTRAL, Level.REGIONAL, Level.DEPARTMENTAL, Level.ARRONDISSEMENT)


@dataclass(frozen=True, slots=True)
class Question:
    """What fails, whether beside what is down now, and which part of the network is shown."""

    failed: Annotated[tuple[str, ...], Query()] = ()
    alone: Annotated[bool, Query()] = False
    within: Annotated[str, Query(max_length=200)] = ""

    @property
    def names(self) -> str:
        """Return what fails, with commas between."""
        return ",".join(self.failed)

    def query(self, **other: Any) -> str:
        """Return the question as an address has it, some of it otherwise."""
        values = {"failed": self.names, "within": self.within, "alone": self.alone and "true"}
        chosen = {name: value for name, value in (values | other).items() if value}
        return urlencode(chosen, safe=",:")


Asked = Annotated[Question, Depends()]


@router.get("/topology", openapi_extra=_LOOKING)
def show_topology(request: Request, reader: Reader, asked: Asked) -> Response:
    """Show the hierarchy, and what would be if some of it failed."""
    shown = _sites(reader, asked.within)
    found, fault = _supposed(reader, asked)
    chosen = [one["name"] for one in found["failed"]]
    wanted, asked = asked.names, replace(asked, failed=tuple(chosen))
    part = request.query_params.get("part") == "effect"
    picture = draw_network(reader.context.intent, shown, _circuits(reader))
    values = {
        "asked": asked,
        "wanted": wanted,
        "found": found,
        "fault": fault,
        "rows": found["sites"][:_MOST_ROWS],
        "signs": _signs(found, picture),
        "picture": picture,
        "titles": network.site_titles(reader),
        "tree": [] if part else _tree(reader, shown),
        "chosen": chosen,
        "kept": [one["name"] for one in found["failed"] if not _shown(one["name"], shown, reader)],
        "way_up": _way_up(reader, asked.within),
        "parts_below": _parts_below(shown),
    }
    return render(request, Page("topology.html.j2", "topology"), values, reader)


@router.get("/topology.svg", openapi_extra=_LOOKING)
def send_picture(request: Request, reader: Reader, asked: Asked) -> Response:
    """Return the picture as a file."""
    found = suppose(reader, asked.names, present=not asked.alone)
    picture = draw_network(reader.context.intent, _sites(reader, asked.within), _circuits(reader))
    values = {"found": found, "picture": picture, "signs": _signs(found, picture)}
    octets = render_text(request, Page("topology.svg.j2", "topology"), values, reader).encode()
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="topology.svg"'}
    return zipped_response(request, octets, gzip.compress(octets, 5), _SVG, headers)


def _supposed(reader: Viewer, asked: Question) -> tuple[dict[str, Any], str]:
    """Return what would be; where the question makes no sense, what is, and why."""
    try:
        return suppose(reader, asked.names, present=not asked.alone), ""
    except ProblemError as error:
        return suppose(reader, "", present=not asked.alone), error.detail


def _sites(reader: Viewer, within: str) -> list[Site]:
    """Return the sites to show, the highest first. Raises ProblemError for an unknown part."""
    if within and within not in reader.sites:
        raise not_found("site", within)
    intent, lines = reader.context.intent, reader.context.places.sites
    found = [
        intent.sites[name]
        for name in reader.sites
        if not within or within in lines[name].split("/")
    ]
    return sorted(found, key=lambda one: (_ORDER.index(one.level), one.title))


def _circuits(reader: Viewer) -> list[Circuit]:
    context = reader.context
    known = context.places.topology.links
    return [
        one
        for name, one in sorted(context.intent.circuits.items())
        if name in known and reader.sees(context.places.of_circuit(name))
    ]


def _signs(found: Mapping[str, Any], picture: Picture) -> dict[str, list[Any]]:
    """Return what becomes of each thing of the picture: the effect, and where its sign stands."""
    effects = dict.fromkeys(found["down_now"], "down-now")
    effects |= {site_node(row["name"]): row["effect"] for row in found["sites"]}
    effects |= {one["name"]: "failed" for one in found["failed"]}
    return {
        name: [effect, *picture.spots.get(name, ())] for name, effect in sorted(effects.items())
    }


def _tree(reader: Viewer, shown: Sequence[Site]) -> list[dict[str, Any]]:
    """Return the sites below each other, each with what can fail there."""
    healths = {site["name"]: site["health"] for site in network.all_sites(reader)}
    there = _failing_at(reader)
    branches: dict[SiteName, dict[str, Any]] = {
        site.name: {
            "site": site,
            "health": healths[site.name],
            "things": there.get(site.name, []),
            "below": [],
        }
        for site in shown
    }
    for site in shown:
        if site.parent in branches:
            branches[site.parent]["below"].append(branches[site.name])
    return [branches[site.name] for site in shown if site.parent not in branches]


def _failing_at(reader: Viewer) -> Mapping[SiteName, list[dict[str, str]]]:
    """Return the devices and circuits by the site at which a person looks for them."""
    found: dict[SiteName, list[dict[str, str]]] = {}
    for thing in all_things(reader):
        if thing.kind in {SubjectKind.DEVICE, SubjectKind.CIRCUIT}:
            medium = _medium(reader, thing.name)
            row = {"name": thing.name, "kind": thing.kind.value, "medium": medium}
            found.setdefault(_place(thing, reader), []).append(row)
    return found


def _shown(name: str, shown: Sequence[Site], reader: Viewer) -> bool:
    """Return whether a thing is in the tree, where its box can be ticked."""
    names = {site.name for site in shown}
    things = (one for one in things_named(name, reader) if one.kind is not SubjectKind.PROVIDER)
    return any(_place(one, reader) in names for one in things)


def _place(thing: Thing, reader: Viewer) -> SiteName:
    """Return the site at which a person looks for something: of a circuit, the farther one."""
    far = reader.context.network.site_of(Subject(thing.kind, thing.name.removeprefix("site:")))
    return next(one for one in (far, *thing.sites) if one in reader.sites) or ""


def _medium(reader: Viewer, name: str) -> str:
    link = reader.context.places.topology.links.get(name)
    return link.medium.value if link and link.medium else ""


def _way_up(reader: Viewer, within: str) -> list[SiteName]:
    if not within:
        return []
    line = reader.context.places.sites[SiteName(within)].split("/")
    return [SiteName(name) for name in line if name in reader.sites]


def _parts_below(shown: Iterable[Site]) -> list[Site]:
    """Return the sites directly below the highest that are shown, which have others below them."""
    sites = list(shown)
    names = {site.name for site in sites}
    highest = {site.name for site in sites if site.parent not in names}
    with_others = {site.parent for site in sites}
    return [site for site in sites if site.parent in highest and site.name in with_others]
