"""The national data of Cameroon as typed rows; inventory/national/README.md says what they mean."""

import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from inventory.model import CoordinateQuality, Place

Row: TypeAlias = dict[str, str]
FOLDER: Final = Path(__file__).parents[1] / "national"
QUALITIES: Final[dict[str, CoordinateQuality]] = {
    "exact": "exact",
    "city_shared": "city_shared",
    "near_name": "near_name",
    "proxy_village": "proxy_village",
    "memory": "memory",
}


@dataclass(frozen=True, slots=True)
class Region:
    """One of the ten regions, at its capital."""

    code: str
    name: str
    capital: str
    place: Place


@dataclass(frozen=True, slots=True)
class Department:
    """One of the 58 departments, at its seat."""

    pcode: str
    region: str
    name: str
    seat: str
    place: Place


@dataclass(frozen=True, slots=True)
class Arrondissement:
    """One of the 360 arrondissements, at its seat; population is of 2005, None where unresolved."""

    pcode: str
    region: str
    department: str
    name: str
    seat: str
    place: Place
    urban: bool
    population: int | None
    population_check: str
    remark: str


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital; arrondissement is where it is thought to stand."""

    name: str
    category: str
    town: str
    region: str
    arrondissement: str
    oncology: bool
    confidence: str


@dataclass(frozen=True, slots=True)
class ZoneTown:
    """A town where a data-centre zone is planned."""

    town: str
    region: str
    facts: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A town on a fibre route; site is None where the hierarchy has no switch there."""

    town: str
    site: str | None


@dataclass(frozen=True, slots=True)
class Route:
    """A fibre route; the first line is the trunk, the others are branches."""

    name: str
    tag: str
    source: str
    state: str
    lines: tuple[tuple[Stop, ...], ...]


@dataclass(frozen=True, slots=True)
class National:
    """Everything the data folder holds, each kind in the order of its codes."""

    regions: tuple[Region, ...]
    departments: tuple[Department, ...]
    arrondissements: tuple[Arrondissement, ...]
    hospitals: tuple[Hospital, ...]
    zones: tuple[ZoneTown, ...]
    routes: tuple[Route, ...]


def slug(name: str) -> str:
    """Return a name in lower case without accents: letters, digits and single dashes."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", bare.lower().replace("'", "")).strip("-")


def read_national(folder: Path = FOLDER) -> National:
    """Read the whole data folder."""
    return National(
        regions=tuple(map(_region, _rows(folder / "regions.csv"))),
        departments=tuple(sorted(map(_department, _rows(folder / "departments.csv")), key=_pcode)),
        arrondissements=tuple(
            sorted(map(_arrondissement, _rows(folder / "arrondissements.csv")), key=_pcode)
        ),
        hospitals=tuple(map(_hospital, _rows(folder / "hospitals.csv"))),
        zones=tuple(map(_zone, _rows(folder / "datacentres.csv"))),
        routes=_routes(folder / "routes.yaml"),
    )


def _rows(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _pcode(row: Department | Arrondissement) -> str:
    return row.pcode


def _place(row: Row, quality: CoordinateQuality) -> Place:
    return Place(float(row["lat"]), float(row["lon"]), quality)


def _region(row: Row) -> Region:
    return Region(row["iso"], row["name_fr"], row["capital"], _place(row, "exact"))


def _department(row: Row) -> Department:
    # The one seat whose gazetteer point bears another name says so in brackets.
    quality: CoordinateQuality = "near_name" if "[point is" in row["coord_source"] else "exact"
    place = _place(row, quality)
    return Department(row["pcode"], row["region"], row["name"], row["chef_lieu"], place)


def _arrondissement(row: Row) -> Arrondissement:
    people = row["population_2005"]
    return Arrondissement(
        pcode=row["pcode"],
        region=row["region"],
        department=row["department"],
        name=row["name"],
        seat=row["chef_lieu"],
        place=_place(row, QUALITIES[row["coord_quality"]]),
        urban=row["area_class"] == "urban",
        population=int(people) if people else None,
        population_check=row["population_check"],
        remark=row["notes"],
    )


def _hospital(row: Row) -> Hospital:
    return Hospital(
        name=row["name"],
        category=row["category"],
        town=row["town"],
        region=row["region"],
        arrondissement=row["arrondissement_hint"],
        oncology=row["oncology"] == "yes",
        confidence=row["confidence"],
    )


def _zone(row: Row) -> ZoneTown:
    return ZoneTown(row["zone"], row["region"], row["known_public_facts"])


def _routes(file: Path) -> tuple[Route, ...]:
    return tuple(map(_route, yaml.safe_load(file.read_text(encoding="utf-8"))["routes"]))


def _route(entry: dict[str, Any]) -> Route:
    lines = tuple(
        tuple(Stop(stop["town"], stop.get("site")) for stop in line) for line in entry["lines"]
    )
    return Route(entry["id"], entry["tag"], entry["source"], entry["state"], lines)
