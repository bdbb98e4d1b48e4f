"""Figures as a table and as a plot."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from tests.bench.measure import Figure


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    columns = ("what", "unit", "median", "min", "max", "runs", "limit", "kept")
    head = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return "\n".join([*head, *map(_row, figures)])


def _row(figure: Figure) -> str:
    limit = f"{figure.limit:g}" if figure.limit is not None else ""
    kept = "" if figure.limit is None else ("yes" if figure.within else "**no**")
    measured = (f"{value:.2f}" for value in (figure.median, figure.least, figure.most))
    cells = (figure.name, figure.unit, *measured, str(figure.runs), limit, kept)
    return f"| {' | '.join(cells)} |"


def plot(figures: Sequence[Figure], file: Path) -> None:
    """Draw what was measured in seconds: medians with their spread beside their limits."""
    figures = [f for f in figures if f.unit == "s"]
    canvas = Canvas(figsize=(9, 0.5 * len(figures) + 1.2), layout="constrained")
    axes = canvas.subplots()
    rows = range(len(figures))
    medians = [f.median for f in figures]
    spread = [
        [f.median - f.least for f in figures],
        [f.most - f.median for f in figures],
    ]
    axes.barh(rows, medians, xerr=spread, color="#2a7f9e", height=0.55)
    for row, figure in enumerate(figures):
        if figure.limit is not None:
            axes.plot([figure.limit] * 2, [row - 0.35, row + 0.35], color="#c0392b", lw=2)
    axes.set_yticks(rows, [f.name for f in figures])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("seconds (median, minimum to maximum; red: limit)")
    canvas.savefig(file, metadata={"Date": None})
