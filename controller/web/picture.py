"""A picture of circuits and sites, for a page and as a file: what stands where on it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from controller.web.rings import Spot, place_on_rings
from inventory.model import Circuit, DeviceName, Intent, Site, SiteName
from topology.build import site_node

# Sites stand up to so far from the middle; there is room for titles around them.
RADIUS: Final = 440
_MARGIN: Final = 76
# So few sites have room for their devices and titles.
FEW: Final = 30
_NAMED_RINGS: Final = 1
_ROOMY: Final = 27.0
_FULL: Final = 20.0
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A circuit: its way across the picture as SVG writes it, and the point for its sign."""

    name: str
    medium: str
    way: str
    middle: Point


@dataclass(frozen=True, slots=True)
class Dot:
    """A site or a device; label is empty where there is no room, at is where that begins."""

    name: str
    title: str
    shape: str
    size: float
    x: float
    y: float
    label: str = ""
    below: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines and dots, those in front last, and where each thing has its sign."""

    lines: Sequence[Line]
    dots: Sequence[Dot]
    spots: Mapping[str, Point]
    sign_size: float
    box: tuple[float, float, float, float]


def draw_network(intent: Intent, sites: Sequence[Site], circuits: Sequence[Circuit]) -> Picture:
    """Return the picture of some sites with their devices, and of the circuits between them."""
    parents = {site.name: site.parent for site in sites}
    where = place_on_rings(parents, {site.name: site.place for site in sites})
    plan = _Plan(intent, where, roomy=len(sites) <= FEW)
    lines = [*plan.lines([one for one in circuits if one.enabled])]
    dots = [dot for site in sites for dot in plan.dots(site)]
    spots = {line.name: line.middle for line in lines} | {dot.name: _sign(dot) for dot in dots}
    return Picture(lines, dots, spots, 17.0 if plan.roomy else 13.0, _box(dots))


def _sign(dot: Dot) -> Point:
    """Return where the sign of a dot stands: on its edge where it has something inside."""
    aside = round(0.75 * dot.size, 1) if dot.shape == "site" and dot.size > _FULL else 0.0
    return dot.x + aside, dot.y - aside


def _box(dots: Sequence[Dot]) -> tuple[float, float, float, float]:
    """Return the left and upper edge, the width and the height of what has to be seen."""
    across, down = [dot.x for dot in dots] or [0.0], [dot.y for dot in dots] or [0.0]
    left, top = min(across) - _MARGIN, min(down) - _MARGIN
    return left, top, max(across) + _MARGIN - left, max(down) + _MARGIN - top


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where sites and devices are on the picture; devices have places of their own where roomy."""

    intent: Intent
    where: Mapping[SiteName, Spot]
    roomy: bool

    def dots(self, site: Site) -> Iterator[Dot]:
        spot = self.where[site.name]
        x, y = _point((spot.x, spot.y))
        size = _ROOMY if self.roomy else max(2.6, 9.0 - 2.4 * spot.ring)
        named = self.roomy or spot.ring <= _NAMED_RINGS
        label = site.title if named else ""
        yield Dot(site_node(site.name), site.title, "site", size, x, y, label, y + size + 13)
        if self.roomy:
            for device in self.intent.devices_at(site.name):
                at_x, at_y = self._device(device.name)
                yield Dot(device.name, device.name, "device", 6.0, at_x, at_y)

    def lines(self, circuits: Sequence[Circuit]) -> Iterator[Line]:
        beside, stubs = Counter[frozenset[SiteName]](), defaultdict[SiteName, int](int)
        for circuit in circuits:
            ends = [self.intent.devices[end.device] for end in (circuit.a, circuit.b) if end]
            known = [one for one in ends if one.site in self.where]
            pair = frozenset(one.site for one in known)
            if len(known) == 2 and (len(pair) == 2 or self.roomy):
                yield self._between(circuit, (known[0].name, known[1].name), beside[pair])
                beside[pair] += 1
            elif len(known) == 1:
                yield self._stub(circuit, known[0].name, stubs[known[0].site])
                stubs[known[0].site] += 1

    def _between(self, circuit: Circuit, ends: tuple[DeviceName, DeviceName], nth: int) -> Line:
        a, b = (self._device(one) for one in ends)
        sites = [self.intent.sites[self.intent.devices[one].site] for one in ends]
        own = sites[0].parent == sites[1].name or sites[1].parent == sites[0].name
        pulled = 1.0 if own or sites[0] is sites[1] else 0.8
        aside = (nth + 1) // 2 * (1 if nth % 2 else -1) * (18 if self.roomy else 7)
        x, y = (a[0] + b[0]) / 2 * pulled, (a[1] + b[1]) / 2 * pulled
        length = max(1.0, ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5)
        bend = (x - aside * (b[1] - a[1]) / length, y + aside * (b[0] - a[0]) / length)
        return _line(circuit, a, bend, b)

    def _stub(self, circuit: Circuit, device: DeviceName, nth: int) -> Line:
        """Return a circuit that leads off the picture: into an operator's network, or elsewhere."""
        spot = self.where[self.intent.devices[device].site]
        turned = (nth + 1) // 2 * (1 if nth % 2 else -1) * 0.55
        reach = (58.0 if self.roomy else max(7.0, 26.0 - 6.0 * spot.ring)) / RADIUS
        a, b = self._device(device), _point(spot.beyond(reach, turned))
        return _line(circuit, a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), b)

    def _device(self, name: DeviceName) -> Point:
        device = self.intent.devices[name]
        spot = self.where[device.site]
        if not self.roomy:
            return _point((spot.x, spot.y))
        names = [one.name for one in self.intent.devices_at(device.site)]
        aside = (names.index(name) - (len(names) - 1) / 2) * 16
        x, y = _point((spot.x, spot.y))
        return round(x + aside, 1), y


def _line(circuit: Circuit, a: Point, bend: Point, b: Point) -> Line:
    middle = tuple(
        round(0.25 * one + 0.5 * two + 0.25 * three, 1)
        for one, two, three in zip(a, bend, b, strict=True)
    )
    way = f"M{a[0]:g} {a[1]:g}Q{bend[0]:.1f} {bend[1]:.1f} {b[0]:g} {b[1]:g}"
    return Line(circuit.name, circuit.medium.value, way, (middle[0], middle[1]))


def _point(of: Point) -> Point:
    return round(of[0] * RADIUS, 1), round(of[1] * RADIUS, 1)
