"""Timing of whole processes and of calls: medians over repeats, with the spread."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: median, minimum and maximum in seconds, against its limit."""

    name: str
    median_s: float
    min_s: float
    max_s: float
    runs: int
    limit_s: float | None

    @property
    def within(self) -> bool:
        """Return whether the median keeps the limit."""
        return self.limit_s is None or self.median_s <= self.limit_s

    def as_dict(self) -> dict[str, object]:
        """Return the figure as it stands in the JSON result."""
        return asdict(self) | {"within": self.within}


def figure(name: str, seconds: Sequence[float], limit_s: float | None) -> Figure:
    """Return the figure of a series of runs."""
    return Figure(name, median(seconds), min(seconds), max(seconds), len(seconds), limit_s)


def call(function: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds."""
    start = perf_counter()
    function()
    return perf_counter() - start


def sanaga(*arguments: str | Path, expect: int = 0) -> float:
    """Return how long a whole sanaga process takes; it must end with the expected exit code."""
    command = [sys.executable, "-m", "controller.cli.main", *map(str, arguments)]
    start = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = perf_counter() - start
    if done.returncode != expect:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return seconds
