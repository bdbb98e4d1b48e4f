"""Routes of sites, devices and circuits: what is intended, and how it stands."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from controller.api.context import Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, PageRequest, page_of
from controller.api.problems import ProblemError, not_found
from controller.api.rights import OVERVIEW, needs
from controller.api.scope import running_consultations, visible_incidents
from controller.incidents.model import Health, Subject, SubjectKind
from controller.roles import Right
from inventory.model import Circuit, CircuitEnd, Device, Site

router: Final = APIRouter()
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
HealthParameter = Annotated[Health | None, Query(description="only what stands so")]
SearchParameter = Annotated[str, Query(max_length=100, description="part of a name or title")]
_LOOKING: Final = needs(Right.LOOK)
_SHOWN_ON_WALLS: Final = needs(Right.LOOK, OVERVIEW)
_LONGEST_PERIOD_S: Final = 62 * 86_400
_USUAL_PERIOD_S: Final = 86_400


@router.get("/summary", openapi_extra=_LOOKING)
def summarise(reader: Reader) -> dict[str, Any]:
    """Return in a sentence and in counts how the network stands."""
    health_of = _site_health(reader)
    sites = Counter(health_of(site).value for site in _sites(reader))
    incidents, running = visible_incidents(reader, ended=False), running_consultations(reader)
    return {
        "sentence": _sentence(len(incidents), len(running), sites),
        "sites": {health.value: sites[health.value] for health in Health},
        "incidents": len(incidents),
        "consultations": len(running),
        "at": rfc3339(reader.context.now()),
        "position": reader.context.ring.event_id(reader.context.ring.newest),
    }


@router.get("/sites", openapi_extra=_SHOWN_ON_WALLS)
def list_sites(
    reader: Reader,
    pages: PageParameters,
    health: HealthParameter = None,
    region: Annotated[str | None, Query(max_length=200)] = None,
    search: SearchParameter = "",
) -> dict[str, Any]:
    """List sites by name."""
    found = [
        site
        for site in _sites(reader)
        if region in {None, site.region} and _matches(search, site.name, site.title)
    ]
    return _page(found, _site_shower(reader), health, pages)


def all_sites(reader: Viewer) -> list[dict[str, Any]]:
    """Return every site that a reader may see, by name."""
    return list(map(_site_shower(reader), _sites(reader)))


def site_titles(reader: Viewer) -> dict[str, str]:
    """Return the titles of the sites that a reader may see, by name."""
    return {site.name: site.title for site in _sites(reader)}


@router.get("/sites/{name}", openapi_extra=_LOOKING)
def read_site(name: str, reader: Reader) -> dict[str, Any]:
    """Return one site with its devices, circuits and open incidents."""
    if name not in reader.sites:
        raise not_found("site", name)
    intent, places = reader.context.intent, reader.context.places
    circuits = [one for one in intent.circuits.values() if name in places.of_circuit(one.name)]
    devices = [one for one in intent.devices.values() if one.site == name]
    incidents = visible_incidents(reader, ended=False)
    return _site_shower(reader)(intent.sites[name]) | {
        "description": intent.sites[name].description,
        "contact": intent.sites[name].contact,
        "rooms": [
            {"name": room.name, "equipment": {kind.value: n for kind, n in room.equipment.items()}}
            for room in intent.sites[name].rooms
        ],
        "devices": list(map(_device_shower(reader), devices)),
        "circuits": list(map(_circuit_shower(reader), circuits)),
        "incidents": [one.number for one in incidents if name in one.sites],
    }


@router.get("/devices", openapi_extra=_LOOKING)
def list_devices(
    reader: Reader,
    pages: PageParameters,
    health: HealthParameter = None,
    search: SearchParameter = "",
) -> dict[str, Any]:
    """List devices by name."""
    found = [one for one in _devices(reader) if _matches(search, one.name, one.site)]
    return _page(found, _device_shower(reader), health, pages)


@router.get("/devices/{name}", openapi_extra=_LOOKING)
def read_device(name: str, reader: Reader) -> dict[str, Any]:
    """Return one device."""
    return _device_shower(reader)(_device(name, reader))


@router.get("/circuits", openapi_extra=_SHOWN_ON_WALLS)
def list_circuits(
    reader: Reader,
    pages: PageParameters,
    health: HealthParameter = None,
    search: SearchParameter = "",
) -> dict[str, Any]:
    """List circuits by name."""
    found = [one for one in _circuits(reader) if _matches(search, one.name, one.provider or "")]
    return _page(found, _circuit_shower(reader), health, pages)


def all_circuits(reader: Viewer) -> list[dict[str, Any]]:
    """Return every circuit that a reader may see, by name."""
    return list(map(_circuit_shower(reader), _circuits(reader)))


@router.get("/circuits/{name}", openapi_extra=_LOOKING)
def read_circuit(name: str, reader: Reader) -> dict[str, Any]:
    """Return one circuit."""
    return _circuit_shower(reader)(_circuit(name, reader))


@router.get("/circuits/{name}/history", openapi_extra=_LOOKING)
def read_history(
    name: str,
    reader: Reader,
    device: Annotated[str, Query(description="which end measured", max_length=200)],
    began: datetime | None = None,
    ended: datetime | None = None,
) -> dict[str, Any]:
    """Return what an edge measured over a circuit in the last day unless told; a gap is null.

    moves are those of the edge's traffic, to this circuit and to others.
    """
    _circuit(name, reader)
    _device(device, reader)
    ended_s = ended.timestamp() if ended else reader.context.now()
    began_s = began.timestamp() if began else ended_s - _USUAL_PERIOD_S
    if not 0 < ended_s - began_s <= _LONGEST_PERIOD_S:
        advice = "'ended' must be after 'began', by 62 days at most"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, advice)
    series = reader.context.history.path_series(device, name, began_s, ended_s)
    moves = reader.context.history.path_moves(device, began_s, ended_s)
    seen, moved = (
        [one | {"peer": _far_end(one["peer"], reader)} for one in map(dict, some)]
        for some in (series, moves)
    )
    return {"circuit": name, "device": device, "series": seen, "moves": moved}


def _circuit(name: str, reader: Viewer) -> Circuit:
    circuit = reader.context.intent.circuits.get(name)
    if circuit is None or not reader.sees(reader.context.places.of_circuit(name)):
        raise not_found("circuit", name)
    return circuit


def _device(name: str, reader: Viewer) -> Device:
    device = reader.context.intent.devices.get(name)
    if device is None or device.site not in reader.sites:
        raise not_found("device", name)
    return device


def _far_end(name: str, reader: Viewer) -> str:
    """Return the name of a far end; of one that the reader may not see, nothing."""
    device = reader.context.intent.devices.get(name)
    return name if device is not None and device.site in reader.sites else ""


def _sites(reader: Viewer) -> list[Site]:
    return [reader.context.intent.sites[name] for name in sorted(reader.sites)]


def _devices(reader: Viewer) -> list[Device]:
    devices = sorted(reader.context.intent.devices.items())
    return [device for _, device in devices if device.site in reader.sites]


def _circuits(reader: Viewer) -> list[Circuit]:
    places, known = reader.context.places, reader.context.intent.circuits
    return [one for name, one in sorted(known.items()) if reader.sees(places.of_circuit(name))]


def _matches(search: str, *texts: str) -> bool:
    return any(search.casefold() in text.casefold() for text in texts)


Shower = Callable[[Any], dict[str, Any]]


def _page(
    found: Sequence[Any], shown: Shower, health: Health | None, pages: PageRequest
) -> dict[str, Any]:
    rows = [row for row in map(shown, found) if health in {None, row["health"]}]
    return page_of(rows, _name, pages).json(dict)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["name"])


def _site_health(reader: Viewer) -> Callable[[Site], Health]:
    healths = reader.context.incidents.current().health
    return lambda site: healths.get(Subject(SubjectKind.SITE, site.name), Health.OK)


def _site_shower(reader: Viewer) -> Shower:
    health_of = _site_health(reader)

    def shown(site: Site) -> dict[str, Any]:
        return {
            "name": site.name,
            "title": site.title,
            "level": site.level.value,
            "parent": site.parent,
            "region": site.region,
            "latitude": site.place.latitude,
            "longitude": site.place.longitude,
            "people": site.population,
            "facilities": [facility.name for facility in site.facilities],
            "health": health_of(site).value,
        }

    return shown


def _device_shower(reader: Viewer) -> Shower:
    healths = reader.context.incidents.current().health

    def shown(device: Device) -> dict[str, Any]:
        health = healths.get(Subject(SubjectKind.DEVICE, device.name), Health.OK)
        return {
            "name": device.name,
            "site": device.site,
            "role": device.role.value,
            "platform": device.platform.value,
            "description": device.description,
            "health": health.value,
        }

    return shown


def _circuit_shower(reader: Viewer) -> Shower:
    healths = reader.context.incidents.current().health

    def shown(circuit: Circuit) -> dict[str, Any]:
        health = healths.get(Subject(SubjectKind.CIRCUIT, circuit.name), Health.OK)
        return {
            "name": circuit.name,
            "a": _end(circuit.a, reader),
            "b": circuit.b and _end(circuit.b, reader),
            "provider": circuit.provider,
            "medium": circuit.medium.value,
            "rate_up_mbps": circuit.rate_up_mbps,
            "rate_down_mbps": circuit.rate_down_mbps,
            "delay_ms": circuit.delay_ms,
            "metered": circuit.metered,
            "enabled": circuit.enabled,
            "maintenance": circuit.maintenance,
            "health": health.value,
        }

    return shown


def _end(end: CircuitEnd, reader: Viewer) -> dict[str, str]:
    """Return an end of a circuit; of one that the reader may not see, only that it is there."""
    site = reader.context.places.of_device(end.device)
    if site not in reader.sites:
        return {"site": "", "device": "", "interface": ""}
    return {"site": site, "device": end.device, "interface": end.interface}


def _sentence(incidents: int, running: int, sites: Mapping[str, int]) -> str:
    """Return how the network stands, the worst first; good news is a sentence, too."""
    bad = {health: sites[health] for health in _WORST_FIRST if sites.get(health)}
    parts = [
        _counted(incidents, "incident"),
        f"{_counted(running, 'consultation')} protected",
        *(f"{_counted(count, 'site')} {health}" for health, count in bad.items()),
    ]
    if bad or incidents:
        return ", ".join(parts)
    return (
        "the site is well"
        if sum(sites.values()) == 1
        else f"all {sum(sites.values())} sites are well"
    )


_WORST_FIRST: Final = ("down", "unreachable", "degraded", "unknown", "maintenance")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
