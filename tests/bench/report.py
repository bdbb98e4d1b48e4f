"""Figures as a table and as a plot."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from tests.bench.measure import Figure


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    head = "| what | median s | min | max | runs | limit s | kept |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, *map(_row, figures)])


def _row(figure: Figure) -> str:
    limit = f"{figure.limit_s:g}" if figure.limit_s is not None else ""
    kept = "" if figure.limit_s is None else ("yes" if figure.within else "**no**")
    return (
        f"| {figure.name} | {figure.median_s:.2f} | {figure.min_s:.2f} | {figure.max_s:.2f} "
        f"| {figure.runs} | {limit} | {kept} |"
    )


def plot(figures: Sequence[Figure], file: Path) -> None:
    """Draw medians with their spread beside their limits."""
    canvas = Canvas(figsize=(9, 0.5 * len(figures) + 1.2), layout="constrained")
    axes = canvas.subplots()
    rows = range(len(figures))
    medians = [f.median_s for f in figures]
    spread = [
        [f.median_s - f.min_s for f in figures],
        [f.max_s - f.median_s for f in figures],
    ]
    axes.barh(rows, medians, xerr=spread, color="#2a7f9e", height=0.55)
    for row, figure in enumerate(figures):
        if figure.limit_s is not None:
            axes.plot([figure.limit_s] * 2, [row - 0.35, row + 0.35], color="#c0392b", lw=2)
    axes.set_yticks(rows, [f.name for f in figures])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("seconds (median, minimum to maximum; red: limit)")
    canvas.savefig(file, metadata={"Date": None})
