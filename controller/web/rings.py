"""Where sites stand on a picture of the hierarchy: the highest in the middle, each level on a ring.

Sites are around the middle in the order of the compass, and those below a site stand beside each
other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import atan2, cos, pi, sin
from typing import Final

from inventory.model import Place, SiteName

Parents = Mapping[SiteName, SiteName | None]
_TURN: Final = 2 * pi
# Rings are a little wider near the middle, where fewer sites stand.
_BEND: Final = 0.85


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the picture, which is 1 from its middle to its edge; ring 0 is the middle.

    angle is clockwise from the top.
    """

    x: float
    y: float
    angle: float
    ring: int

    def beyond(self, distance: float, turned: float = 0.0) -> tuple[float, float]:
        """Return the point so much farther from the middle, turned clockwise about the spot."""
        angle = self.angle + turned
        return self.x + distance * sin(angle), self.y - distance * cos(angle)


def place_on_rings(parents: Parents, places: Mapping[SiteName, Place]) -> Mapping[SiteName, Spot]:
    """Return where each site stands; a parent that is not there itself counts as none."""
    tree = _Tree.of(parents, places)
    angles = {name: (ring, (first + last) / 2) for name, ring, first, last in tree.walk()}
    deepest = max((ring for ring, _ in angles.values()), default=0) or 1
    turned = _northward(
        (angle, tree.bearing[n]) for n, (ring, angle) in angles.items() if ring == 1
    )
    return {name: _spot(ring, deepest, angle + turned) for name, (ring, angle) in angles.items()}


def _northward(known: Iterable[tuple[float, float]]) -> float:
    """Return by how much to turn angles, so that they are on the whole like some bearings."""
    off = [bearing - angle for angle, bearing in known]
    return atan2(sum(map(sin, off)), sum(map(cos, off)))


def _spot(ring: int, deepest: int, angle: float) -> Spot:
    radius = (ring / deepest) ** _BEND
    return Spot(radius * sin(angle), -radius * cos(angle), angle, ring)


@dataclass(frozen=True, slots=True)
class _Tree:
    """Sites below each other, in the order of the compass as the middle sees them."""

    roots: Sequence[SiteName]
    below: Mapping[SiteName, Sequence[SiteName]]
    bearing: Mapping[SiteName, float]

    @classmethod
    def of(cls, parents: Parents, places: Mapping[SiteName, Place]) -> "_Tree":
        roots = sorted(name for name, parent in parents.items() if parent not in parents)
        middle = places[roots[0]] if roots else None
        bearing = {name: _bearing(middle, places[name]) for name in parents if middle}
        below: dict[SiteName, list[SiteName]] = {name: [] for name in parents}
        for name, parent in parents.items():
            if parent in below:
                below[parent].append(name)
        for name, children in below.items():
            seen_from = 0.0 if name == roots[0] else bearing[name] - pi
            children.sort(key=lambda one: ((bearing[one] - seen_from) % _TURN, one))
        return cls(roots, below, bearing)

    def walk(self) -> Iterator[tuple[SiteName, int, float, float]]:
        """Yield each site with its ring and the angles between which those below it stand."""
        leaves = self._leaves()
        top = 0 if len(self.roots) == 1 else 1
        waiting = [*_shares(self.roots, leaves, (0.0, _TURN), top)]
        while waiting:
            name, ring, first, last = waiting.pop()
            yield name, ring, first, last
            waiting += _shares(self.below[name], leaves, (first, last), ring + 1)

    def _leaves(self) -> Mapping[SiteName, int]:
        order = [*self.roots]
        for name in order:
            order += self.below[name]
        leaves: dict[SiteName, int] = {}
        for name in reversed(order):
            leaves[name] = sum(leaves[child] for child in self.below[name]) or 1
        return leaves


def _shares(
    names: Sequence[SiteName],
    leaves: Mapping[SiteName, int],
    between: tuple[float, float],
    ring: int,
) -> Iterator[tuple[SiteName, int, float, float]]:
    """Yield names with the parts of an arc, as wide as many of the lowest are below them."""
    at, end = between
    each = (end - at) / (sum(leaves[name] for name in names) or 1)
    for name in names:
        yield name, ring, at, at + each * leaves[name]
        at += each * leaves[name]


def _bearing(middle: Place | None, place: Place) -> float:
    if middle is None:
        return 0.0
    east, north = place.longitude - middle.longitude, place.latitude - middle.latitude
    return atan2(east, north) % _TURN
