"""The whole country as an intent folder to edit: rows become commented YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from inventory.country.circuits import BACKBONE, PlannedCircuit, national_circuits
from inventory.country.places import FOLDER, National, read_national, slug
from inventory.country.sites import Hierarchy, national_routers, national_zones, site_hierarchy
from inventory.documents.yaml_writer import Page, Remarked, Value, YamlEntry, YamlGroup, write_pages
from inventory.model import (
    Circuit,
    CircuitEnd,
    ConsultationRoom,
    DataCentreZone,
    Device,
    Facility,
    Level,
    Place,
    Site,
)
from inventory.output_file import create_file

ADDRESSING: Final[Mapping[str, Value]] = {
    "ipv4_sites": "10.0.0.0/8",
    "ipv4_loopbacks": "172.16.0.0/14",
    "ipv4_links": "172.20.0.0/14",
    "ipv6": "fd5a:6e61:6700::/40",
}
EXPECTATIONS: Final = (
    ("The country stays together", ("every site reaches central",)),
    (
        "No single failure isolates a capital or a departmental seat",
        ("every regional site has two ways out", "every departmental site has two ways out"),
    ),
    (
        "Care reaches the data",
        (
            "from mora, records at yaounde reachable",
            "from kousseri, consultation-audio at douala reachable",
            "from moloundou, portal reachable",
        ),
    ),
    (
        "The only fibre to the north may fail",
        (
            "if circuit bertoua-mbere-fibre-r3 fails, records from maroua still reachable",
            "if circuit garoua-maroua-fibre-r3 fails, records from mora still reachable",
        ),
    ),
    ("Visitors stay out of the machine room", ("patients never reach management",)),
)


@dataclass(frozen=True, slots=True)
class Country:
    """The whole intent as values, with what the comments need."""

    data: National
    sites: Hierarchy
    routers: tuple[Device, ...]
    circuits: tuple[PlannedCircuit, ...]
    zones: tuple[DataCentreZone, ...]


def national_intent() -> Country:
    """Return the country's intent; the same data always gives the same."""
    data = read_national()
    sites = site_hierarchy(data)
    devices = national_routers(sites)
    circuits = national_circuits(sites, devices, data.routes)
    return Country(data, sites, devices, circuits, national_zones(data, sites))


def write_national(folder: Path) -> None:
    """Write the whole country as an intent to edit.

    Raises SanagaError where the folder is not empty or cannot be written.
    """
    made = national_intent()
    write_pages(folder, intent_pages(made))
    create_file(folder / "README.md", _readme(made).encode())


def intent_pages(made: Country) -> tuple[Page, ...]:
    """Return the files of the intent."""
    return (
        _network_page(),
        _central_page(made),
        *(_region_page(made, code) for code in made.sites.regional),
        *_circuit_pages(made),
        _zones_page(made),
        _expectations_page(),
    )


def _network_page() -> Page:
    network: dict[str, Value] = {
        "name": "cameroon",
        "asn": 65000,
        "addressing": ADDRESSING,
        "thresholds": {"devices": 0, "facilities": 0},
        "disabled_media": [],
    }
    heading = (
        "What holds for the whole network.\n"
        "No licence for LEO satellite in Cameroon was known when this was written. To do without:\n"
        "  disabled_media: [leo]"
    )
    return Page("network.yaml", heading, {"network": network})


def _central_page(made: Country) -> Page:
    sites = made.sites.at(Level.CENTRAL)
    heading = "The national centre and its two routers."
    return _sites_page(made, "central", heading, (YamlGroup("", _site_entries(made, sites)),))


def _region_page(made: Country, code: str) -> Page:
    name = next(region.name for region in made.data.regions if region.code == code)
    heading = (
        f"Region {name} ({code}): its switch, its departments', its arrondissements'.\n"
        "Population is the census of 2005, at arrondissements only: a department is their sum.\n"
        "Most district hospitals are missing in public data: a site without a facility is a gap\n"
        "there. Consultation rooms (one a hospital, fully equipped) are a proposal.\n"
        "place.quality near_name, proxy_village and memory are approximate points."
    )
    regional = made.sites.sites[made.sites.regional[code]]
    groups = [YamlGroup("", _site_entries(made, (regional,)))]
    for department in made.sites.at(Level.DEPARTMENTAL):
        if department.region == code:
            below = [s for s in made.sites.sites.values() if s.parent == department.name]
            entries = _site_entries(made, (department, *below))
            groups.append(YamlGroup(f"--- {department.title} ---", entries))
    return _sites_page(made, slug(name), heading, tuple(groups))


def _sites_page(made: Country, name: str, heading: str, groups: tuple[YamlGroup, ...]) -> Page:
    written = {e.value["name"] for g in groups for e in g.entries if not isinstance(e.value, str)}
    devices = tuple(
        YamlEntry(device_entry(device), compact=True)
        for device in made.routers
        if device.site in written
    )
    sections = {"sites": groups, "devices": (YamlGroup("", devices),)}
    return Page(f"sites/{name}.yaml", heading, sections)


def _site_entries(made: Country, sites: tuple[Site, ...]) -> tuple[YamlEntry, ...]:
    doubts = {row.name: row.confidence for row in made.data.hospitals}
    return tuple(YamlEntry(site_entry(site, doubts), _site_remark(made, site)) for site in sites)


def _site_remark(made: Country, site: Site) -> str:
    """Return what the engineer should know of the data behind a site."""
    row = made.sites.rows.get(site.name)
    if row is None or row.population_check == "ok":
        return ""
    if row.population is None:
        return f"population unresolved: {row.remark}"
    return f"population {row.population_check}"


def _circuit_pages(made: Country) -> Iterator[Page]:
    names = {region.code: region.name for region in made.data.regions}
    for file in (BACKBONE, *made.sites.regional):
        planned = [one for one in made.circuits if one.file == file]
        groups = tuple(
            YamlGroup(
                heading, tuple(YamlEntry(circuit_entry(p.circuit), compact=True) for p in some)
            )
            for heading, some in groupby(planned, key=attrgetter("heading"))
        )
        title = "The backbone" if file == BACKBONE else f"Region {names[file]}"
        name = BACKBONE if file == BACKBONE else slug(names[file])
        heading = (
            f"{title}: circuits. Only routes marked [seen] have a source; all else is a proposal.\n"
            "Fibre: 1.4 x great circle, 4.897 us/km + 0.15 ms. Microwave: 0.5 ms a hop of 50 km.\n"
            "delay_ms is one way; a is the end where rate_up begins. cost is written where\n"
            "a circuit must draw no traffic while cables hold: crossing an operator costs more."
        )
        yield Page(f"circuits/{name}.yaml", heading, {"circuits": groups})


def _zones_page(made: Country) -> Page:
    facts = {slug(row.town): row.facts for row in made.data.zones}
    entries = tuple(
        YamlEntry(
            {"name": zone.name, "site": zone.site, "services": list(zone.services)},
            facts[zone.name],
        )
        for zone in made.zones
    )
    heading = "Where clinical services run. Which service runs where is a proposal."
    return Page("zones.yaml", heading, {"zones": (YamlGroup("", entries),)})


def _expectations_page() -> Page:
    groups = tuple(YamlGroup(title, tuple(map(YamlEntry, texts))) for title, texts in EXPECTATIONS)
    heading = "What must hold on the model before every plan."
    return Page("policies/expectations.yaml", heading, {"expect": groups})


def site_entry(site: Site, doubts: Mapping[str, str]) -> dict[str, Value]:
    """Return a site as it is written; doubts are hospitals' names and how sure they are."""
    entry: dict[str, Value] = {
        "name": site.name,
        "number": site.number,
        "level": site.level.value,
    }
    if site.parent:
        entry["parent"] = site.parent
    entry |= {"title": site.title, "region": site.region}
    if site.pcode:
        entry["pcode"] = site.pcode
    entry["place"] = _place(site.place)
    if site.population is not None:
        entry["population"] = site.population
    if site.facilities:
        entry["facilities"] = [_facility(f, doubts.get(f.name, "")) for f in site.facilities]
    if site.rooms:
        entry["rooms"] = [_room(room) for room in site.rooms]
    return entry


def _place(place: Place) -> dict[str, Value]:
    return {"latitude": place.latitude, "longitude": place.longitude, "quality": place.quality}


def _facility(facility: Facility, confidence: str) -> Value:
    value: dict[str, Value] = {"name": facility.name, "kind": facility.kind.value}
    if facility.oncology:
        value["oncology"] = True
    sure = confidence in {"", "source", "design"}
    return value if sure else Remarked(value, f"confidence {confidence}")


def _room(room: ConsultationRoom) -> dict[str, Value]:
    equipment = {kind.value: count for kind, count in room.equipment.items()}
    return {"name": room.name, "equipment": equipment}


def device_entry(device: Device) -> dict[str, Value]:
    """Return a device as it is written; what equals its default is left out."""
    entry: dict[str, Value] = {"name": device.name, "site": device.site}
    if device.number != 1:
        entry["number"] = device.number
    entry |= {"role": device.role.value, "platform": device.platform.value}
    if device.management:
        entry["management"] = {
            "address": str(device.management.address),
            "username": device.management.username,
            "credential": device.management.credential,
        }
    return entry


def circuit_entry(circuit: Circuit) -> dict[str, Value]:
    """Return a circuit as it is written; what equals its default is left out."""
    entry: dict[str, Value] = {
        "name": circuit.name,
        "number": circuit.number,
        "medium": circuit.medium.value,
        "a": _end(circuit.a),
    }
    if circuit.b:
        entry["b"] = _end(circuit.b)
    if circuit.provider:
        entry["provider"] = circuit.provider
    entry |= {
        "rate_up_mbps": circuit.rate_up_mbps,
        "rate_down_mbps": circuit.rate_down_mbps,
        "delay_ms": circuit.delay_ms,
    }
    if circuit.metered:
        entry["metered"] = True
    if circuit.cost is not None:
        entry["cost"] = circuit.cost
    return entry


def _end(end: CircuitEnd) -> dict[str, Value]:
    return {"device": end.device, "interface": end.interface}


def _readme(made: Country) -> str:
    counted = {level: len(made.sites.at(level)) for level in Level}
    text = (FOLDER / "INTENT.md").read_text(encoding="utf-8")
    return text.format(
        sites=len(made.sites.sites),
        regional=counted[Level.REGIONAL],
        departmental=counted[Level.DEPARTMENTAL],
        arrondissements=counted[Level.ARRONDISSEMENT],
        routers=len(made.routers),
        circuits=len(made.circuits),
        zones=len(made.zones),
    )
