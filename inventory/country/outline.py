"""The outlines of the country and its regions, as a background of maps."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Ring: TypeAlias = tuple[tuple[float, float], ...]
FILE: Final = Path(__file__).parents[1] / "national" / "outline.json"


@dataclass(frozen=True, slots=True)
class Outline:
    """Rings of (longitude, latitude) in degrees."""

    country: tuple[Ring, ...]
    regions: tuple[Ring, ...]


def read_outline(file: Path = FILE) -> Outline | None:
    """Return the outlines, or None where 'make setup' could not make the file."""
    if not file.is_file():
        return None
    made = json.loads(file.read_text(encoding="utf-8"))
    regions = [ring for rings in made["regions"].values() for ring in rings]
    return Outline(_rings(made["country"]), _rings(regions))


def _rings(rings: list[list[list[float]]]) -> tuple[Ring, ...]:
    return tuple(tuple((point[0], point[1]) for point in ring) for ring in rings)
