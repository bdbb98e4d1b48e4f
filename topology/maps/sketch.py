"""What a picture of an intent shows and where, before anything is painted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from inventory.country.outline import Outline
from inventory.model import Intent, Level, Medium, Site, SiteName
from topology.maps.cartography import (
    Box,
    Label,
    Point,
    Wanted,
    around,
    crowded_sites,
    fit_box,
    flat,
    place_labels,
    project,
    spread,
)

POINTS_PER_INCH: Final = 72.0
# Diameters in points at a scale of 1.
SIZES: Final[Mapping[Level, float]] = {
    Level.CENTRAL: 13.0,
    Level.REGIONAL: 9.0,
    Level.DEPARTMENTAL: 6.0,
    Level.ARRONDISSEMENT: 3.4,
}
FONTS: Final[Mapping[Level, float]] = {
    Level.CENTRAL: 11.0,
    Level.REGIONAL: 9.5,
    Level.DEPARTMENTAL: 6.5,
    Level.ARRONDISSEMENT: 5.8,
}
RANKS: Final = tuple(Level)
CAPITALS: Final = frozenset({Level.CENTRAL, Level.REGIONAL})
# A view with at most so many sites shows them so much larger.
SWELLS: Final = ((12, 2.0), (40, 1.6), (120, 1.3), (1_000_000, 1.0))
# Room about a marker in points; a closer look has some to show what joins sites of one town.
APART: Final = 1.2
APART_CLOSER: Final = 7.0
RING: Final = 6.5  # how much wider than the marker a zone's ring is, in points
FEW: Final = 40
# Of the font's size, as DejaVu Sans sets them.
LETTER_WIDTH: Final = 0.61
BOLD_WIDTH: Final = 0.73
LINE_HEIGHT: Final = 1.25
MAP_HEIGHT: Final = 12.0
MAP_WIDTHS: Final = (5.0, 9.0)
INSET: Final = 4.1
INSETS: Final = 3
GAP: Final = 0.15
# A crowd is worth a closer look when it is small on the map; inches.
CROWD_INCHES: Final = 0.1
CROWD_INCHES_FEW: Final = 0.5
INSET_SITES: Final = 4


@dataclass(frozen=True, slots=True)
class MapView:
    """A part of the map: its frame in map units, its scale in inches a unit, what stands where."""

    title: str
    frame: Box
    scale: float
    swell: float
    sites: Mapping[SiteName, Point]
    labels: Mapping[SiteName, Label]


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture: the whole map and closer looks at its crowds."""

    whole: MapView
    closer: tuple[MapView, ...]


def sketch_map(intent: Intent, outline: Outline | None) -> Sketch:
    """Return what to paint for an intent."""
    true = {name: project(site.place) for name, site in intent.sites.items()}
    frame = _whole_frame(true, outline)
    scale = MAP_HEIGHT / frame.height
    crowded = _crowds(intent, true, scale)
    highest = (MAP_HEIGHT + GAP) / max(1, len(crowded)) - GAP
    closer = tuple(_closer(intent, true, members, highest) for members in crowded)
    few = len(true) <= FEW
    hidden = {name for members in crowded for name in members} if few else set()
    whole = _view(intent, ("", frame, scale), true)
    return Sketch(_labelled(intent, whole, hidden), closer)


def _whole_frame(true: Mapping[SiteName, Point], outline: Outline | None) -> Box:
    """Return the country where the sites span most of it, else the sites with a margin."""
    sites = around(list(true.values()))
    margin = 0.08 * max(sites.width, sites.height, 0.5)
    frame = sites.grown(margin)
    if outline:
        country = around([flat(*point) for ring in outline.country for point in ring])
        if sites.height > country.height / 2:
            frame = country.grown(0.15)
    low, high = (width / MAP_HEIGHT for width in MAP_WIDTHS)
    return fit_box(frame, min(max(frame.width / frame.height, low), high))


def _crowds(
    intent: Intent, true: Mapping[SiteName, Point], scale: float
) -> list[tuple[SiteName, ...]]:
    """Return the groups of sites that deserve a closer look, those with the highest site first."""
    inches = CROWD_INCHES_FEW if len(true) <= FEW else CROWD_INCHES
    found = crowded_sites(true, inches / scale)
    worth = [members for members in found if len(members) >= INSET_SITES]
    worth.sort(key=lambda members: min(_rank(intent.sites[name]) for name in members))
    return worth[:INSETS]


def _closer(
    intent: Intent,
    true: Mapping[SiteName, Point],
    members: tuple[SiteName, ...],
    highest: float,
) -> MapView:
    """Return the view of a crowd, as wide as an inset and at most so high; inches."""
    box = around([true[name] for name in members])
    box = box.grown(0.16 * max(box.width, box.height, 0.06))
    frame = fit_box(box, min(max(box.width / box.height, INSET / highest), 1.4))
    inside = {name: point for name, point in true.items() if frame.holds(point)}
    head = min((intent.sites[name] for name in members), key=_rank)
    shape = (f"Around {short(head)}", frame, INSET / frame.width)
    return _labelled(intent, _view(intent, shape, inside), set())


def _view(intent: Intent, shape: tuple[str, Box, float], true: Mapping[SiteName, Point]) -> MapView:
    """Return a view without labels: crowded sites are pushed apart, markers swell when few."""
    title, frame, scale = shape
    swell = next(swell for most, swell in SWELLS if len(true) <= most)
    apart = APART + (APART_CLOSER * (swell - 1) if title else 0.0)
    room = {
        name: (SIZES[intent.sites[name].level] * swell / 2 + apart) / POINTS_PER_INCH / scale
        for name in true
    }
    return MapView(title, frame, scale, swell, spread(true, room), {})


def _labelled(intent: Intent, view: MapView, hidden: set[SiteName]) -> MapView:
    """Return a view with the labels that have room; capitals are written over small sites."""
    levels = RANKS if len(view.sites) <= FEW else RANKS[:3]
    heads = _heads(intent, hidden)
    shown = sorted(
        (
            intent.sites[name]
            for name in view.sites
            if intent.sites[name].level in levels and name not in hidden - heads
        ),
        key=lambda site: (_rank(site), site.name),
    )
    capitals = [site for site in shown if site.level in CAPITALS]
    others = [site for site in shown if site.level not in CAPITALS]
    big = [_marker(intent, view, n) for n in view.sites if intent.sites[n].level in CAPITALS]
    small = [_marker(intent, view, n) for n in view.sites if intent.sites[n].level not in CAPITALS]
    first = place_labels([_wanted(intent, view, s, shown) for s in capitals], big, view.frame)
    taken = [*big, *small, *(label.box for label in first)]
    second = place_labels([_wanted(intent, view, s, shown) for s in others], taken, view.frame)
    return replace(view, labels={label.key: label for label in (*first, *second)})


def _heads(intent: Intent, hidden: set[SiteName]) -> set[SiteName]:
    """Return the sites that stand for a crowd on the whole map: those of its highest level."""
    best = min((_rank(intent.sites[name]) for name in hidden), default=0)
    return {name for name in hidden if _rank(intent.sites[name]) == best}


def _marker(intent: Intent, view: MapView, name: SiteName) -> Box:
    (x, y), half = view.sites[name], _reach(intent, view, name) * 0.9
    return Box(x - half, y - half, x + half, y + half)


def _reach(intent: Intent, view: MapView, name: SiteName) -> float:
    """Return how far a site's marker reaches from its middle, in map units."""
    ring = RING if any(zone.site == name for zone in intent.zones.values()) else 0.0
    size = SIZES[intent.sites[name].level] + ring
    return size * view.swell / 2 / POINTS_PER_INCH / view.scale


def _wanted(intent: Intent, view: MapView, site: Site, shown: list[Site]) -> Wanted:
    text = label_text(site, shown)
    inch = 1 / POINTS_PER_INCH / view.scale
    size = font_size(site.level, view.swell)
    letter = BOLD_WIDTH if site.level in CAPITALS else LETTER_WIDTH
    return Wanted(
        key=site.name,
        text=text,
        point=view.sites[site.name],
        width=len(text) * size * letter * inch,
        height=size * LINE_HEIGHT * inch,
        gap=_reach(intent, view, site.name) + 1.5 * inch,
    )


def font_size(level: Level, swell: float) -> float:
    """Return the size of a level's labels, in points."""
    return FONTS[level] * (1 + (swell - 1) * 0.45)


def _rank(site: Site) -> int:
    return RANKS.index(site.level)


def short(site: Site) -> str:
    """Return what a site is called on a map: its title up to the first comma."""
    return _printable(site.title.split(",", maxsplit=1)[0])


def label_text(site: Site, shown: list[Site]) -> str:
    """Return a site's label, told from higher sites of the same town by what follows the comma."""
    same = [other for other in shown if short(other) == short(site)]
    _, _, unit = site.title.partition(",")
    if len(same) == 1 or (site is same[0] and site.level in CAPITALS) or not unit.strip():
        return short(site)
    return _printable(unit.strip())


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def own_ways(intent: Intent) -> dict[SiteName, tuple[Medium, ...]]:
    """Return the media by which each site reaches providers."""
    ways: dict[SiteName, set[Medium]] = {}
    for circuit in intent.usable_circuits():
        if circuit.provider is not None:
            ways.setdefault(intent.devices[circuit.a.device].site, set()).add(circuit.medium)
    return {site: tuple(m for m in Medium if m in media) for site, media in ways.items()}
