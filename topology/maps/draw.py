"""The hierarchy on the map of the country, as SVG or PNG.

matplotlib is imported when a picture is asked for, and its global state is left as it was. The same
intent gives the same bytes.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Final

from inventory.country.outline import Outline, Ring, read_outline
from inventory.errors import TopologyError
from inventory.model import Intent
from inventory.output_file import replace_file
from topology.maps.cartography import Box, Point, flat
from topology.maps.legend import paint_legend
from topology.maps.paint import BORDER, INK, LAND, MUTED, Canvas, paint_view
from topology.maps.sketch import GAP, INSET, MAP_HEIGHT, MapView, Sketch, sketch_map
from topology.model import BlastRadius

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN: Final = 0.25
TITLE: Final = 0.75
LEAST_MARK: Final = 0.3
DPI: Final = 110
FONT: Final = "DejaVu Sans"  # comes with matplotlib
FORMATS: Final = ("svg", "png")
KM_PER_DEGREE: Final = 111.2
NOTHING: Final = BlastRadius((), (), (), 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The paper: its size in inches, and where the map begins."""

    figure: "Figure"
    width: float
    height: float

    def axes(self, box: Box) -> "Axes":
        """Return empty axes on a part of the paper, given in inches."""
        axes = self.figure.add_axes(
            (
                box.left / self.width,
                box.bottom / self.height,
                box.width / self.width,
                box.height / self.height,
            )
        )
        axes.set_xticks([])
        axes.set_yticks([])
        return axes


def draw_map(intent: Intent, file: Path, *, blast: BlastRadius | None = None) -> None:
    """Draw an intent to a file whose suffix is .svg or .png, with what a failure costs if given.

    Raises TopologyError where there is nothing to draw or the file cannot be written.
    """
    form = file.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        what = f"{file}: a picture is .svg or .png, not {file.suffix or 'without a suffix'}"
        raise TopologyError(f"{what}; name the file accordingly")
    if not intent.sites:
        raise TopologyError("the intent has no sites; add one, then draw it")
    outline = read_outline()
    planned = sketch_map(intent, outline)
    with warnings.catch_warnings():
        # A title may hold letters that the font lacks: they become boxes, not messages.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        _save(intent, planned, (file, form), (outline, blast or NOTHING))


def _save(
    intent: Intent,
    planned: Sketch,
    target: tuple[Path, str],
    context: tuple[Outline | None, BlastRadius],
) -> None:
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    file, form = target
    frame = planned.whole.frame
    wide = MARGIN + frame.width * planned.whole.scale + MARGIN
    wide += INSET + MARGIN if planned.closer else 0
    high = MARGIN + MAP_HEIGHT + TITLE
    metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    with rc_context(
        {
            "font.family": FONT,
            "svg.fonttype": "none",
            "svg.hashsalt": "sanaga",
            "text.parse_math": False,
        }
    ):
        figure = Figure(figsize=(wide, high), facecolor="white")
        _compose(Sheet(figure, wide, high), intent, planned, context)
        picture = BytesIO()
        figure.savefig(picture, format=form, dpi=DPI, metadata=metadata)
    try:
        replace_file(file, picture.getvalue())
    except OSError as error:
        raise TopologyError(f"{file}: cannot be written ({error.strerror})") from error


def _compose(
    sheet: Sheet, intent: Intent, planned: Sketch, context: tuple[Outline | None, BlastRadius]
) -> None:
    outline, blast = context
    whole = planned.whole
    right = MARGIN + whole.frame.width * whole.scale
    axes = sheet.axes(Box(MARGIN, MARGIN, right, MARGIN + MAP_HEIGHT))
    _paint(axes, whole, outline, (intent, blast))
    top = MARGIN + MAP_HEIGHT
    for letter, view in zip(ascii_uppercase, planned.closer, strict=False):
        _mark(axes, whole, view.frame, letter)
        bottom = top - view.frame.height * view.scale
        inset = sheet.axes(Box(right + MARGIN, bottom, right + MARGIN + INSET, top))
        _paint(inset, view, outline, (intent, blast))
        _caption(inset, f"{letter}  {view.title}")
        _scale_bar(inset, view, None)
        top = bottom - GAP
    _scale_bar(axes, whole, outline)
    paint_legend(axes, intent, whole, blast)
    _head(sheet, intent, blast)


def _paint(
    axes: "Axes", view: MapView, outline: Outline | None, what: tuple[Intent, BlastRadius]
) -> None:
    frame = view.frame
    axes.set_xlim(frame.left, frame.right)
    axes.set_ylim(frame.bottom, frame.top)
    for side in axes.spines.values():
        side.set_color(BORDER)
    if outline:
        _background(axes, outline)
    paint_view(Canvas(axes, *what, view))


def _background(axes: "Axes", outline: Outline) -> None:
    from matplotlib.collections import LineCollection, PolyCollection  # noqa: PLC0415

    country = [_points(ring) for ring in outline.country]
    regions = [_points(ring) for ring in outline.regions]
    axes.add_collection(PolyCollection(country, facecolors=LAND, edgecolors=BORDER, zorder=0))
    axes.add_collection(LineCollection(regions, colors="white", linewidths=1.6, zorder=1))
    axes.add_collection(LineCollection(country, colors=BORDER, linewidths=1.2, zorder=1))


def _points(ring: Ring) -> Sequence[Point]:
    return [flat(longitude, latitude) for longitude, latitude in ring]


def _mark(axes: "Axes", whole: MapView, frame: Box, letter: str) -> None:
    """Show on the map where a closer look is taken; the mark of a small one is larger than it."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    least = LEAST_MARK / whole.scale
    box = frame.grown(max(0.0, (least - min(frame.width, frame.height)) / 2))
    corner = (box.left, box.bottom)
    axes.add_patch(Rectangle(corner, box.width, box.height, fill=False, ec=INK, lw=0.9, zorder=10))
    axes.annotate(
        letter,
        (box.right, box.top),
        xytext=(2, 0),
        textcoords="offset points",
        fontsize=10,
        fontweight="bold",
        color=INK,
        zorder=11,
    )


def _caption(axes: "Axes", text: str) -> None:
    axes.text(
        0.025,
        0.975,
        text,
        transform=axes.transAxes,
        fontsize=10,
        fontweight="bold",
        color=INK,
        va="top",
        zorder=12,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2.5},
    )


def _scale_bar(axes: "Axes", view: MapView, outline: Outline | None) -> None:
    frame = view.frame
    km = next(km for km in (100, 50, 20, 10, 5, 2, 1, 0) if km / KM_PER_DEGREE < frame.width / 3)
    unit = 1 / view.scale
    x, y = frame.left + 0.15 * unit, frame.bottom + 0.13 * unit
    axes.plot(
        [x, x + km / KM_PER_DEGREE], [y, y], color=MUTED, lw=2, solid_capstyle="butt", zorder=12
    )
    credit = "   Outline: Natural Earth" if outline else ""
    text = f"{km} km{credit}"
    axes.text(x, y + 0.05 * unit, text, fontsize=8, color=MUTED, va="bottom", zorder=12)


def _head(sheet: Sheet, intent: Intent, blast: BlastRadius) -> None:
    counts = (
        f"{len(intent.sites)} sites, {len(intent.devices)} devices, "
        f"{len(intent.circuits)} circuits, {len(intent.zones)} data-centre zones"
    )
    if blast.failed:
        counts = (
            f"failed: {', '.join(blast.failed[:4])}{' …' if len(blast.failed) > 4 else ''}; "
            f"{len(blast.disconnected)} sites cut off, {len(blast.degraded)} on their last way"
        )
    top, left = sheet.height, MARGIN / sheet.width
    figure = sheet.figure
    figure.text(left, (top - 0.12) / top, intent.network.name, fontsize=19, color=INK, va="top")
    figure.text(left, (top - 0.47) / top, counts, fontsize=11, color=MUTED, va="top")
