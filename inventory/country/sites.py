"""The switches of the whole country as sites, their routers, hospitals and zones."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final

from inventory.country.places import Arrondissement, Department, Hospital, National, Region, slug
from inventory.model import (
    ConsultationRoom,
    DataCentreZone,
    Device,
    EquipmentKind,
    Facility,
    FacilityKind,
    Level,
    Management,
    Platform,
    Role,
    Site,
    SiteName,
)

CAPITAL: Final = "yaounde"
CENTRE: Final = "CM-CE"
# Gaps between the levels leave room for what is founded later.
REGIONAL_NUMBERS: Final = 11
DEPARTMENTAL_NUMBERS: Final = 101
ARRONDISSEMENT_NUMBERS: Final = 1001
FIRST_MANAGEMENT: Final = IPv4Address("198.18.0.11")

KINDS: Final[Mapping[str, FacilityKind]] = {
    "1-general": FacilityKind.GENERAL,
    "2-central": FacilityKind.CENTRAL,
    "2-central (CHR)": FacilityKind.CENTRAL,
    "3-regional": FacilityKind.REGIONAL,
    "3-regional (annex)": FacilityKind.REGIONAL,
    "4-district": FacilityKind.DISTRICT,
    "oncology-private": FacilityKind.ONCOLOGY,
    "oncology-faith": FacilityKind.ONCOLOGY,
}
SENIOR: Final = frozenset({FacilityKind.GENERAL, FacilityKind.CENTRAL, FacilityKind.REGIONAL})
ROOM: Final[Mapping[EquipmentKind, int]] = dict.fromkeys(EquipmentKind, 1)
EVERYTHING: Final = (
    "consultation-audio",
    "consultation-video",
    "messaging",
    "records",
    "imaging",
    "laboratory",
    "portal",
    "administration",
    "backup",
)
NEARBY: Final = ("consultation-audio", "consultation-video", "messaging", "portal")
LANDING: Final = ("backup",)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The sites by name, and the rows of the data that they were made from."""

    sites: Mapping[SiteName, Site]
    regional: Mapping[str, SiteName]
    departmental: Mapping[str, SiteName]
    rows: Mapping[SiteName, Arrondissement]

    def at(self, level: Level) -> tuple[Site, ...]:
        """Return the sites of a level by their number."""
        return tuple(site for site in self.sites.values() if site.level is level)


def site_hierarchy(national: National) -> Hierarchy:
    """Return the 429 sites of the country, hospitals and consultation rooms at their sites."""
    regional = {region.code: _regional_name(region) for region in national.regions}
    departmental = {row.name: slug(row.name) for row in national.departments}
    taken = {CAPITAL, *regional.values(), *departmental.values()}
    rows = {_free(row, taken): row for row in national.arrondissements}
    made = (
        _central(national),
        *_regionals(national, regional),
        *_departmentals(national, regional),
        *_arrondissements(rows, departmental),
    )
    bare = Hierarchy({site.name: site for site in made}, regional, departmental, rows)
    return replace(bare, sites=_with_hospitals(bare, national.hospitals))


def _regional_name(region: Region) -> SiteName:
    return "centre" if region.code == CENTRE else slug(region.capital)


def _free(row: Arrondissement, taken: set[SiteName]) -> SiteName:
    """Return an arrondissement's name, with the department's where another site has it."""
    name = slug(row.name)
    return f"{name}-{slug(row.department)}" if name in taken else name


def _central(national: National) -> Site:
    centre = next(region for region in national.regions if region.code == CENTRE)
    title = f"{centre.capital}, national centre"
    return Site(CAPITAL, 1, Level.CENTRAL, None, title, CENTRE, centre.place, pcode="CM")


def _regionals(national: National, names: Mapping[str, SiteName]) -> Iterator[Site]:
    codes = {row.region: row.pcode[:5] for row in national.departments}
    ordered = sorted(national.regions, key=lambda region: codes[region.code])
    for number, region in enumerate(ordered, REGIONAL_NUMBERS):
        yield Site(
            name=names[region.code],
            number=number,
            level=Level.REGIONAL,
            parent=CAPITAL,
            title=f"{region.capital}, {region.name}",
            region=region.code,
            place=region.place,
            pcode=codes[region.code],
        )


def _departmentals(national: National, regional: Mapping[str, SiteName]) -> Iterator[Site]:
    for number, row in enumerate(national.departments, DEPARTMENTAL_NUMBERS):
        yield _departmental(row, number, regional[row.region])


def _departmental(row: Department, number: int, parent: SiteName) -> Site:
    return Site(
        name=slug(row.name),
        number=number,
        level=Level.DEPARTMENTAL,
        parent=parent,
        title=f"{row.seat}, {row.name}",
        region=row.region,
        place=row.place,
        pcode=row.pcode,
    )


def _arrondissements(
    rows: Mapping[SiteName, Arrondissement], departmental: Mapping[str, SiteName]
) -> Iterator[Site]:
    for number, (name, row) in enumerate(rows.items(), ARRONDISSEMENT_NUMBERS):
        elsewhere = row.seat not in row.name
        yield Site(
            name=name,
            number=number,
            level=Level.ARRONDISSEMENT,
            parent=departmental[row.department],
            title=f"{row.name} ({row.seat})" if elsewhere else row.name,
            region=row.region,
            place=row.place,
            population=row.population,
            pcode=row.pcode,
        )


def _with_hospitals(bare: Hierarchy, hospitals: tuple[Hospital, ...]) -> dict[SiteName, Site]:
    at: dict[SiteName, list[Facility]] = defaultdict(list)
    for row in hospitals:
        at[hospital_site(bare, row)].append(Facility(row.name, KINDS[row.category], row.oncology))
    return {
        name: replace(site, facilities=tuple(at[name]), rooms=_rooms(len(at[name])))
        for name, site in bare.sites.items()
    }


def _rooms(count: int) -> tuple[ConsultationRoom, ...]:
    return tuple(ConsultationRoom(f"room-{number}", ROOM) for number in range(1, count + 1))


def hospital_site(sites: Hierarchy, row: Hospital) -> SiteName:
    """Return the site that serves a hospital: of its own level in its town, else where it stands.

    General and central hospitals of the capital hang on the central site, those and regional ones
    in a regional capital on the regional site, in a seat of a department on that. All others are
    served by their arrondissement.
    """
    stands = next(
        name
        for name, place in sites.rows.items()
        if place.name == row.arrondissement and place.region == row.region
    )
    if KINDS[row.category] not in SENIOR:
        return stands
    if slug(row.town) == CAPITAL:
        return CAPITAL
    department = sites.sites[stands].parent or stands
    for name in (sites.regional[row.region], department):
        if sites.sites[name].title.startswith(f"{row.town},"):
            return name
    return stands


def national_routers(sites: Hierarchy) -> tuple[Device, ...]:
    """Return two routers for the central and every regional site, one for all others."""
    made: list[Device] = []
    for site in sites.sites.values():
        count = 2 if site.level in {Level.CENTRAL, Level.REGIONAL} else 1
        for number in range(1, count + 1):
            address = FIRST_MANAGEMENT + len(made)
            made.append(_router(site, number, address))
    return tuple(made)


def _router(site: Site, number: int, address: IPv4Address) -> Device:
    credential = f"env:SANAGA_KEY_{site.region.replace('-', '_')}"
    return Device(
        name=f"{site.name}-r{number}",
        site=site.name,
        number=number,
        role=Role.ROUTER,
        platform=Platform.FRR,
        management=Management(address, credential=credential),
        lan=number == 1,
    )


def national_zones(national: National, sites: Hierarchy) -> tuple[DataCentreZone, ...]:
    """Return the data-centre zones: everything in two towns, what must be near in the others."""
    return tuple(_zone(slug(row.town), sites) for row in national.zones)


def _zone(name: str, sites: Hierarchy) -> DataCentreZone:
    if name in {CAPITAL, "douala"}:
        return DataCentreZone(name, name, EVERYTHING)
    if name in sites.sites:
        return DataCentreZone(name, name, NEARBY)
    seat = next(
        site.name
        for site in sites.at(Level.DEPARTMENTAL)
        if slug(site.title.split(",", maxsplit=1)[0]) == name
    )
    return DataCentreZone(name, seat, LANDING)
