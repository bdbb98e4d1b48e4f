"""The legend of a map: only what the picture really shows."""

from collections.abc import Iterator
from math import cos, radians, sin
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from inventory.model import APPROXIMATE, Intent, Level, Medium
from topology.maps.cartography import Box
from topology.maps.paint import (
    ANGLES,
    APPEARANCE,
    COLOURS,
    DASHES,
    FAILED,
    INK,
    LAST_WAY,
    LEVELS,
    MARKERS,
    ZONE,
)
from topology.maps.sketch import SIZES, MapView
from topology.model import BlastRadius

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MEDIA: Final = {
    Medium.FIBRE: "fibre",
    Medium.MICROWAVE: "microwave",
    Medium.LEO: "LEO satellite",
    Medium.LTE: "LTE",
    Medium.VSAT: "VSAT",
}
Corner: TypeAlias = Literal["upper left", "lower right", "upper right", "lower left"]
CORNERS: Final[dict[Corner, tuple[float, float]]] = {
    "upper left": (0.0, 0.7),
    "lower right": (0.62, 0.0),
    "upper right": (0.62, 0.7),
    "lower left": (0.0, 0.0),
}


def paint_legend(axes: "Axes", intent: Intent, view: MapView, blast: BlastRadius) -> None:
    """Set the legend into the emptiest corner of the map."""
    legend = axes.legend(
        handles=list(_handles(intent, blast)),
        loc=_corner(view),
        fontsize=9.5,
        labelcolor=INK,
        frameon=True,
        framealpha=0.92,
        edgecolor="none",
        borderpad=0.8,
        labelspacing=0.55,
        handlelength=2.6,
    )
    legend.set_zorder(13)


def _corner(view: MapView) -> Corner:
    """Return the corner with the fewest sites; of equals, the first."""

    def crowd(corner: Corner) -> int:
        x, y = CORNERS[corner]
        left, bottom = (
            view.frame.left + x * view.frame.width,
            view.frame.bottom + y * view.frame.height,
        )
        box = Box(left, bottom, left + 0.38 * view.frame.width, bottom + 0.3 * view.frame.height)
        return sum(box.holds(point) for point in view.sites.values())

    return min(CORNERS, key=crowd)


def _handles(intent: Intent, blast: BlastRadius) -> Iterator["Line2D"]:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    for level in Level:
        count = sum(site.level is level for site in intent.sites.values())
        if count:
            yield _marker(MARKERS[level], LEVELS[level], f"{level.value} ({count})", level)
    rough = sum(site.place.quality in APPROXIMATE for site in intent.sites.values())
    if rough:
        yield Line2D(
            [],
            [],
            ls="",
            marker="o",
            mfc="white",
            mec=INK,
            ms=5,
            label=f"approximate place ({rough})",
        )
    if intent.zones:
        label = f"data-centre zone ({len(intent.zones)})"
        yield Line2D([], [], ls="", marker="o", mfc="none", mec=ZONE, ms=12, label=label)
    yield from _media(intent)
    yield from _consequences(blast)


def _marker(marker: str, colour: str, label: str, level: Level) -> "Line2D":
    from matplotlib.lines import Line2D  # noqa: PLC0415

    size = max(5.0, SIZES[level] * APPEARANCE[level])
    return Line2D([], [], ls="", marker=marker, mfc=colour, mec="white", ms=size, label=label)


def _media(intent: Intent) -> Iterator["Line2D"]:
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.path import Path as MarkerPath  # noqa: PLC0415

    for medium in Medium:
        mine = [c for c in intent.usable_circuits() if c.medium is medium]
        joined = sum(circuit.b is not None for circuit in mine)
        if joined:
            label = f"{MEDIA[medium]} ({joined})"
            yield Line2D([], [], color=COLOURS[medium], ls=DASHES[medium], lw=1.8, label=label)
        if len(mine) > joined:
            label = f"{MEDIA[medium]} to its operator ({len(mine) - joined})"
            turn = radians(ANGLES[medium])
            stroke = MarkerPath([(-cos(turn), -sin(turn)), (cos(turn), sin(turn))])
            colour = COLOURS[medium]
            yield Line2D([], [], ls="", marker=stroke, mec=colour, ms=9, mew=1.8, label=label)


def _consequences(blast: BlastRadius) -> Iterator["Line2D"]:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    if blast.failed:
        yield Line2D([], [], color=FAILED, ls=":", marker="x", ms=8, mew=2, label="failed")
    if blast.disconnected:
        yield Line2D([], [], ls="", marker="o", mfc=FAILED, mec="white", ms=8, label="cut off")
    if blast.degraded:
        yield Line2D(
            [], [], ls="", marker="o", mfc=LAST_WAY, mec="white", ms=8, label="on its last way"
        )
