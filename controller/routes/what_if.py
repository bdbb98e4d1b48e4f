"""Route of what would be if circuits, devices and sites failed, within a reader's scope."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from controller.api.context import Viewer, viewer
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.incidents.model import Health, SubjectKind
from controller.incidents.view import node_of
from controller.roles import Right
from controller.routes.consultations import TouchRequest, find_touched
from inventory.model import SiteName
from topology.build import site_node
from topology.failures.blast_radius import radius_of
from topology.failures.what_if import Supposition, suppose_failed
from topology.model import Path, Topology
from topology.paths import resolve_failed

router: Final = APIRouter()
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
Failed = Annotated[
    str,
    Query(
        max_length=4_000,
        description="circuits and devices by name, 'site:NAME', 'provider:NAME'; commas between",
    ),
]
Present = Annotated[bool, Query(description="beside what is down now")]
_MOST: Final = 100
_KINDS: Final = (SubjectKind.CIRCUIT, SubjectKind.DEVICE, SubjectKind.SITE)
# What a site's way is to become, the worst first.
EFFECTS: Final = ("cut-off", "last-way", "other-way")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that can fail, by the name of the topology, and the sites at which it stands."""

    name: str
    kind: SubjectKind
    title: str
    sites: tuple[SiteName, ...]


@router.get("/what-if", openapi_extra=needs(Right.LOOK))
def suppose(reader: Reader, failed: Failed = "", *, present: Present = True) -> dict[str, Any]:
    """Return what the failure of some things would cost: sites, people, ways, consultations."""
    topology = reader.context.places.topology
    things = things_named(failed, reader)
    down = down_now(reader) if present else ()
    found = suppose_failed(topology, [one.name for one in things], [one.name for one in down])
    hurt = sorted(_hurt(found, reader), key=_worst_first)
    return {
        "failed": [
            {"name": one.name, "kind": one.kind.value, "title": one.title} for one in things
        ],
        "down_now": [one.name for one in down if reader.sees(one.sites)],
        **_sums(topology, found, things, reader),
        "sites": hurt,
        **_touched(topology, things, reader),
    }


def things_named(failed: str, reader: Viewer) -> list[Thing]:
    """Return what is named, each once. Raises ProblemError for what cannot fail or be seen."""
    names = dict.fromkeys(name for name in map(str.strip, failed.split(",")) if name)
    if len(names) > _MOST:
        detail = f"{len(names)} things are named; name {_MOST} at most"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    found = {one.name: one for one in (_thing(name, reader) for name in names)}
    return list(found.values())


def all_things(reader: Viewer) -> list[Thing]:
    """Return every circuit in use, device, site and operator that a reader may see."""
    topology = reader.context.places.topology
    circuits = [name for name, link in topology.links.items() if link.circuit]
    found = (_seen(name, reader) for name in (*topology.nodes, *circuits))
    return [one for one in found if one]


def down_now(reader: Viewer) -> list[Thing]:
    """Return the circuits, devices and sites that are down, seen by the reader or not."""
    healths = reader.context.incidents.current().health
    down = (one for one, health in healths.items() if health is Health.DOWN)
    named = (node_of(one) for one in down if one.kind in _KINDS)
    return [one for one in (_known(name, reader) for name in named) if one]


def _thing(name: str, reader: Viewer) -> Thing:
    found = _seen(name, reader) or _seen(site_node(name), reader)
    if found:
        return found
    circuit = reader.context.intent.circuits.get(name)
    if circuit and reader.sees(reader.context.places.of_circuit(name)):
        detail = f"circuit '{name}' is not in use, so nothing fails with it"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    raise not_found("site, device or circuit", name)


def _seen(name: str, reader: Viewer) -> Thing | None:
    found = _known(name, reader)
    return found if found and reader.sees(found.sites) else None


def _known(name: str, reader: Viewer) -> Thing | None:
    """Return what a name of the topology stands for; of an operator, where its circuits end."""
    context = reader.context
    topology, places = context.places.topology, context.places
    node, link = topology.nodes.get(name), topology.links.get(name)
    if node is not None:
        kind = SubjectKind(node.kind.value)
        sites = (node.site,) if node.site else _subscribers(name, reader)
        bare = name.removeprefix(f"{kind.value}:")
        title = context.intent.sites[bare].title if kind is SubjectKind.SITE else bare
        return Thing(name, kind, title, sites)
    if link is not None and link.circuit:
        return Thing(name, SubjectKind.CIRCUIT, name, places.of_circuit(link.circuit))
    return None


def _subscribers(provider: str, reader: Viewer) -> tuple[SiteName, ...]:
    circuits = reader.context.network.circuits_at.get(provider, ())
    places = reader.context.places
    return tuple({site for name in circuits for site in places.of_circuit(name)})


def _hurt(found: Supposition, reader: Viewer) -> Iterable[dict[str, Any]]:
    radius = found.radius
    groups = dict(zip(EFFECTS, (radius.disconnected, radius.degraded, found.moved), strict=True))
    for effect, names in groups.items():
        for name in reader.sites.intersection(names):
            site = reader.context.intent.sites[name]
            yield {
                "name": name,
                "title": site.title,
                "level": site.level.value,
                "region": site.region,
                "effect": effect,
                "facilities": len(site.facilities),
                "people": site.population or 0,
                "usual": _way(found.usual.get(name), reader),
                "then": _way(found.then.get(name), reader),
            }


def _worst_first(row: Mapping[str, Any]) -> tuple[int, int, str]:
    return EFFECTS.index(row["effect"]), -row["people"], row["name"]


def _way(way: Path | None, reader: Viewer) -> dict[str, Any] | None:
    """Return a way from the centre, from site to site; what the reader may not see has no name."""
    if way is None:
        return None
    topology = reader.context.places.topology
    known = reader.context.network.circuits
    between = (topology.links[name].circuit for name in way.links)
    steps = [_step(name, reader) for name in between if name and not known[name].inside]
    return {
        "circuits": [step for step, _ in groupby(steps)],
        "delay_ms": round(way.delay_ms, 2),
        "rate_mbps": way.rate_mbps,
    }


def _step(name: str, reader: Viewer) -> dict[str, str]:
    places = reader.context.places
    medium = places.topology.links[name].medium if reader.sees(places.of_circuit(name)) else None
    return {"name": name if medium else "", "medium": medium.value if medium else ""}


def _sums(
    topology: Topology, found: Supposition, things: list[Thing], reader: Viewer
) -> dict[str, Any]:
    radius = found.radius
    off, thin = (reader.sites.intersection(of) for of in (radius.disconnected, radius.degraded))
    seen = radius_of(topology, tuple(one.name for one in things), off, thin)
    return {
        "cut_off": len(seen.disconnected),
        "last_way": len(seen.degraded),
        "other_way": len(reader.sites.intersection(found.moved)),
        "people_cut_off": seen.population_disconnected,
        "facilities_cut_off": seen.facilities_disconnected,
        "people_last_way": seen.population_degraded,
        "facilities_last_way": seen.facilities_degraded,
    }


def _touched(topology: Topology, things: list[Thing], reader: Viewer) -> dict[str, Any]:
    """Return the consultations that run, or are announced for a day, over what fails."""
    links, nodes = resolve_failed(topology, [one.name for one in things])
    if not links and not nodes:
        return {"consultations": [], "coming": []}
    told = find_touched(TouchRequest(names=sorted({*links, *nodes})), reader)
    return {"consultations": told["consultations"], "coming": told["coming"]}
