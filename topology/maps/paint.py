"""Circuits, sites and labels of one view, painted on matplotlib's axes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import cos, hypot, radians, sin
from typing import TYPE_CHECKING, Final

from inventory.model import APPROXIMATE, Circuit, Intent, Level, Medium, Site, SiteName
from topology.maps.cartography import Point, around, project
from topology.maps.sketch import POINTS_PER_INCH, RING, SIZES, MapView, font_size, own_ways
from topology.model import BlastRadius

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK: Final = "#1d2733"
MUTED: Final = "#5b6673"
BORDER: Final = "#b9b2a3"
LAND: Final = "#f3efe6"
FAILED: Final = "#d11f2f"
LAST_WAY: Final = "#f2a20d"
ZONE: Final = "#1d2733"
COLOURS: Final[Mapping[Medium, str]] = {
    Medium.FIBRE: "#0f6fb5",
    Medium.MICROWAVE: "#e07b00",
    Medium.LEO: "#7a3fc0",
    Medium.LTE: "#1f9a57",
    Medium.VSAT: "#c42f86",
}
DASHES: Final[Mapping[Medium, str | tuple[float, tuple[float, ...]]]] = {
    Medium.FIBRE: "solid",
    Medium.MICROWAVE: (0, (4, 1.6)),
    Medium.LEO: (0, (1.2, 1.6)),
    Medium.LTE: (0, (3, 1.4, 1, 1.4)),
    Medium.VSAT: (0, (0.8, 2.6)),
}
# The way into a provider's network is a stroke from the site's marker: degrees from the east.
ANGLES: Final[Mapping[Medium, float]] = {
    Medium.LEO: 60.0,
    Medium.LTE: 120.0,
    Medium.VSAT: 90.0,
    Medium.FIBRE: 30.0,
    Medium.MICROWAVE: 150.0,
}
LEVELS: Final[Mapping[Level, str]] = {
    Level.CENTRAL: "#0f5132",
    Level.REGIONAL: "#20324a",
    Level.DEPARTMENTAL: "#3f5f86",
    Level.ARRONDISSEMENT: "#5d6b7a",
}
MARKERS: Final[Mapping[Level, str]] = {
    Level.CENTRAL: "*",
    Level.REGIONAL: "s",
    Level.DEPARTMENTAL: "D",
    Level.ARRONDISSEMENT: "o",
}
# A star or a diamond of the same diameter looks smaller than a square.
APPEARANCE: Final[Mapping[Level, float]] = {
    Level.CENTRAL: 1.5,
    Level.REGIONAL: 1.0,
    Level.DEPARTMENTAL: 0.85,
    Level.ARRONDISSEMENT: 1.0,
}
TRUNK_MBPS: Final = 5_000
BEND_POINTS: Final = 7.0
STROKE_POINTS: Final = 4.0
ARCHES: Final = {Medium.LEO: 0.11, Medium.VSAT: 0.14}
STEPS: Final = 14


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where a view is painted, and what."""

    axes: "Axes"
    intent: Intent
    blast: BlastRadius
    view: MapView

    @property
    def point(self) -> float:
        """Return a typographic point in map units."""
        return 1 / POINTS_PER_INCH / self.view.scale


def paint_view(canvas: Canvas) -> None:
    """Paint the circuits, then the sites, then their labels."""
    _circuits(canvas)
    _strokes(canvas)
    for level in reversed(Level):
        _sites(canvas, level)
    _zones(canvas)
    _failures(canvas)
    _labels(canvas)


def _circuits(canvas: Canvas) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    lines = list(_lines(canvas))
    failed = frozenset(canvas.blast.failed)
    usable = {circuit.name for circuit in canvas.intent.usable_circuits()}
    for medium in reversed(Medium):
        mine = [(c, line) for c, line in lines if c.medium is medium and c.name not in failed]
        if not mine:
            continue
        collection = LineCollection(
            [line for _, line in mine],
            colors=COLOURS[medium],
            linewidths=[line_width(circuit) * canvas.view.swell for circuit, _ in mine],
            linestyles=[DASHES[medium]],
            alpha=[0.85 if circuit.name in usable else 0.2 for circuit, _ in mine],
            zorder=3 if medium is Medium.FIBRE else 2,
        )
        canvas.axes.add_collection(collection)
    broken = [line for circuit, line in lines if circuit.name in failed]
    canvas.axes.add_collection(
        LineCollection(broken, colors=FAILED, linewidths=1.6, linestyles="dotted", zorder=4)
    )
    middles = [line[len(line) // 2] for line in broken]
    _crosses(canvas, middles, 8 * canvas.view.swell)


def line_width(circuit: Circuit) -> float:
    """Return how thick a circuit is drawn, in points: trunks stand out."""
    return 1.7 if circuit.rate_up_mbps >= TRUNK_MBPS else 0.8


def _lines(canvas: Canvas) -> Iterator[tuple[Circuit, list[Point]]]:
    """Yield the circuits between different sites; several between the same two are bent apart."""
    bundles: dict[frozenset[SiteName], list[tuple[Circuit, SiteName, SiteName]]] = defaultdict(list)
    for circuit in canvas.intent.circuits.values():
        if circuit.b is None:
            continue
        a = canvas.intent.devices[circuit.a.device].site
        b = canvas.intent.devices[circuit.b.device].site
        if a != b:
            bundles[frozenset((a, b))].append((circuit, min(a, b), max(a, b)))
    for bundle in bundles.values():
        for number, (circuit, a, b) in enumerate(bundle):
            ends = (_where(canvas, a), _where(canvas, b))
            if around(ends).grown(canvas.point).meets(canvas.view.frame):
                bend = (number - (len(bundle) - 1) / 2) * BEND_POINTS * canvas.point
                yield circuit, _bent(*ends, bend + _arch(circuit, ends))


def _where(canvas: Canvas, site: SiteName) -> Point:
    """Return where a site is painted; one beyond the frame is where it is."""
    return canvas.view.sites.get(site) or project(canvas.intent.sites[site].place)


def _arch(circuit: Circuit, ends: tuple[Point, Point]) -> float:
    """Return how far a satellite circuit is bent to the west, off the cables between its ends."""
    (ax, ay), (bx, by) = ends
    share = ARCHES.get(circuit.medium, 0.0) * (1 if by > ay else -1)
    return hypot(bx - ax, by - ay) * share


def _bent(a: Point, b: Point, bend: float) -> list[Point]:
    """Return a line from a to b, bent sideways at its middle."""
    if bend == 0:
        return [a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), b]
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = hypot(dx, dy) or 1.0
    side = (-dy / length * bend, dx / length * bend)
    line = []
    for step in range(STEPS + 1):
        t = step / STEPS
        swing = 4 * t * (1 - t)
        line.append((a[0] + dx * t + side[0] * swing, a[1] + dy * t + side[1] * swing))
    return line


def _strokes(canvas: Canvas) -> None:
    """Paint a short stroke from each site for each medium by which it reaches a provider."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    ways = own_ways(canvas.intent)
    for medium in Medium:
        lines = [
            _stroke(canvas, canvas.intent.sites[name], point, medium)
            for name, point in canvas.view.sites.items()
            if medium in ways.get(name, ())
        ]
        width = 1.0 * canvas.view.swell
        canvas.axes.add_collection(
            LineCollection(lines, colors=COLOURS[medium], linewidths=width, zorder=5)
        )


def _stroke(canvas: Canvas, site: Site, point: Point, medium: Medium) -> list[Point]:
    angle = radians(ANGLES[medium])
    reach = (SIZES[site.level] / 2 + STROKE_POINTS) * canvas.view.swell * canvas.point
    return [point, (point[0] + cos(angle) * reach, point[1] + sin(angle) * reach)]


def _sites(canvas: Canvas, level: Level) -> None:
    shown = [
        (canvas.intent.sites[name], point)
        for name, point in canvas.view.sites.items()
        if canvas.intent.sites[name].level is level
    ]
    if not shown:
        return
    size = SIZES[level] * APPEARANCE[level] * canvas.view.swell
    colours = [site_colour(site, canvas.blast) for site, _ in shown]
    faces = [
        "white" if site.place.quality in APPROXIMATE else colour
        for (site, _), colour in zip(shown, colours, strict=True)
    ]
    canvas.axes.scatter(
        [point[0] for _, point in shown],
        [point[1] for _, point in shown],
        s=size**2,
        marker=MARKERS[level],
        c=faces,
        edgecolors=[
            "white" if face != "white" else c for face, c in zip(faces, colours, strict=True)
        ],
        linewidths=0.8 if level is not Level.ARRONDISSEMENT else 0.5,
        zorder=9 - list(Level).index(level),
    )


def site_colour(site: Site, blast: BlastRadius) -> str:
    """Return a site's colour: of what a failure does to it, else of its level."""
    if site.name in blast.disconnected:
        return FAILED
    return LAST_WAY if site.name in blast.degraded else LEVELS[site.level]


def _zones(canvas: Canvas) -> None:
    """Paint a ring about the sites where clinical services run."""
    names = [z.site for z in canvas.intent.zones.values() if z.site in canvas.view.sites]
    for name in names:
        size = (SIZES[canvas.intent.sites[name].level] + RING) * canvas.view.swell
        x, y = canvas.view.sites[name]
        canvas.axes.scatter(
            [x], [y], s=size**2, marker="o", c="none", edgecolors=ZONE, linewidths=1.1, zorder=5
        )


def _failures(canvas: Canvas) -> None:
    """Cross out the sites that failed, or a device of which did."""
    failed = frozenset(canvas.blast.failed)
    struck = {canvas.intent.devices[n].site for n in failed if n in canvas.intent.devices}
    struck |= {name.removeprefix("site:") for name in failed}
    points = [point for name, point in canvas.view.sites.items() if name in struck]
    _crosses(canvas, points, 12 * canvas.view.swell)


def _crosses(canvas: Canvas, points: list[Point], size: float) -> None:
    if points:
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        canvas.axes.scatter(xs, ys, s=size**2, marker="x", c=FAILED, linewidths=2, zorder=10)


def _labels(canvas: Canvas) -> None:
    box = {"facecolor": LAND, "edgecolor": "none", "alpha": 0.7, "pad": 0.4}
    for name, label in canvas.view.labels.items():
        level = canvas.intent.sites[name].level
        canvas.axes.text(
            *label.point,
            label.text,
            fontsize=font_size(level, canvas.view.swell),
            fontweight="bold" if level in {Level.CENTRAL, Level.REGIONAL} else "normal",
            color=INK,
            ha="center",
            va="center",
            bbox=box,
            zorder=11,
            clip_on=True,
        )
