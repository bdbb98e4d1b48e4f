"""The run as JSON, as tables and as a plot."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure as Canvas

from tests.failover.cells import FLOWS, Cell, spread
from tests.failover.extras import Extras
from tests.failover.faults import FAULTS
from tests.failover.mechanisms import MECHANISMS
from tests.failover.verdicts import Cells, Verdict

COLOURS: Final = {"care": "#1b7f4d", "routed-20": "#2a7f9e", "routed-100": "#7fb6c8"}
OTHERS: Final = "#b5a642"
CONTROL: Final = "#c0392b"
PLOTTED: Final = ("cut", "hole", "one-way", "loss", "brown", "flapping", "flicker")
SMALLEST_MS: Final = 10.0
# The table of the README: what a person reads first.
SHOWN: Final = ("cut", "hole", "one-way", "loss", "brown")


def as_dict(
    cells: Cells, extras: Extras, said: Sequence[Verdict], about: dict[str, Any]
) -> dict[str, Any]:
    """Return everything that was measured, as it stands in the JSON result."""
    return {
        "about": about,
        "cells": [cell.as_dict() for cell in ordered(cells)],
        "extras": asdict(extras),
        "verdicts": [asdict(verdict) for verdict in said],
    }


def ordered(cells: Cells) -> Iterator[Cell]:
    """Yield the cells in the order of mechanisms and faults."""
    for fault in FAULTS:
        for mechanism in MECHANISMS:
            if cell := cells.get((mechanism.name, fault.name)):
                yield cell


def summary(cells: Cells) -> str:
    """Return the short table: longest silence and packets lost, by mechanism and fault."""
    faults = [f for f in FAULTS if f.name in SHOWN and any(key[1] == f.name for key in cells)]
    head = _row("", *(fault.title for fault in faults))
    rows = [
        _row(m.title, *(_brief(cells.get((m.name, fault.name))) for fault in faults))
        for m in MECHANISMS
        if any(key[0] == m.name for key in cells)
    ]
    return "\n".join([head, "|---" * (len(faults) + 1) + "|", *rows])


def _brief(cell: Cell | None) -> str:
    """Return median silence and median loss of the sound, the worse direction of each trial."""
    gap = spread(cell.gaps_ms) if cell else None
    if cell is None or gap is None:
        return ""
    lost = spread([max(pair) for pair in zip(*map(cell.lost, FLOWS[:2]), strict=True)])
    silence = f"{gap.median / 1000:.1f} s" if gap.median >= 1000 else f"{gap.median:.0f} ms"
    return f"{silence}, {lost.median:g} lost" if lost else silence


def table(cells: Cells) -> str:
    """Return every cell: losses of each flow, silence, disorder, when the path was left."""
    columns = (
        *("fault", "mechanism", "n", *(f"lost {flow}" for flow in FLOWS)),
        *("longest silence ms", "copies", "out of order", "by ms", "left after s", "moved"),
    )
    rows = (_full(cell) for cell in ordered(cells))
    return "\n".join([_row(*columns), "|---" * len(columns) + "|", *rows])


def _full(cell: Cell) -> str:
    told = cell.as_dict()
    left = spread(cell.offs_s) if cell.fault.name in {"loss", "brown"} else None
    count = len(cell.outcomes)
    return _row(
        cell.fault.title,
        cell.mechanism.title,
        str(count),
        *(str(spread(cell.lost(flow))) for flow in FLOWS),
        str(spread(cell.gaps_ms)),
        str(told["duplicated"]),
        str(sum(told["reordered"])),
        f"{told['displaced_ms']:g}",
        f"{left} ({len(cell.offs_s)}/{count})" if left else "",
        f"{cell.moves}/{count}",
    )


def _row(*words: str) -> str:
    return f"| {' | '.join(words)} |"


def plot(cells: Cells, file: Path) -> None:
    """Draw the longest silences: a row per fault, a mark per mechanism, every trial a dot."""
    faults = [f for f in FAULTS if f.name in PLOTTED and any(key[1] == f.name for key in cells)]
    mechanisms = [m for m in MECHANISMS if any(key[0] == m.name for key in cells)]
    canvas = Canvas(figsize=(9, 1.2 + 1.15 * len(faults)), layout="constrained")
    axes = canvas.subplots()
    for place, mechanism in enumerate(mechanisms):
        offset = (place - (len(mechanisms) - 1) / 2) * 0.1
        colour = CONTROL if mechanism.name == "none" else COLOURS.get(mechanism.name, OTHERS)
        xs, ys, medians = _points(cells, mechanism.name, [f.name for f in faults], offset)
        axes.scatter(xs, ys, s=7, color=colour, alpha=0.45, linewidths=0)
        for x, y in medians:
            axes.scatter([x], [y], s=90, color=colour, marker="|", linewidths=2.2)
            axes.annotate(mechanism.name, (x, y), (5, -2), textcoords="offset points", fontsize=6)
    axes.set_yticks(range(len(faults)), [fault.title for fault in faults])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("longest silence of the sound, ms (dots: trials, bars: medians; 20 is none)")
    canvas.savefig(file, metadata={"Date": None})


def _points(
    cells: Cells, mechanism: str, faults: Sequence[str], offset: float
) -> tuple[list[float], list[float], list[tuple[float, float]]]:
    xs: list[float] = []
    ys: list[float] = []
    medians: list[tuple[float, float]] = []
    for row, fault in enumerate(faults):
        if cell := cells.get((mechanism, fault)):
            gaps = [max(SMALLEST_MS, gap) for gap in cell.gaps_ms]
            xs += gaps
            ys += [row + offset] * len(gaps)
            if found := spread(gaps):
                medians.append((found.median, row + offset))
    return xs, ys, medians
