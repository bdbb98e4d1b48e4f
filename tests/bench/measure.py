"""Timing of whole processes and of calls: medians over repeats, with the spread."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median as middle
from time import perf_counter

from controller.environment import environment


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: median, minimum and maximum in its unit, against its limit."""

    name: str
    median: float
    least: float
    most: float
    runs: int
    limit: float | None
    unit: str = "s"

    @property
    def within(self) -> bool:
        """Return whether the median keeps the limit."""
        return self.limit is None or self.median <= self.limit

    def as_dict(self) -> dict[str, object]:
        """Return the figure as it stands in the JSON result."""
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}
        return rounded | {"within": self.within}


def figure(name: str, found: Sequence[float], limit: float | None, unit: str = "s") -> Figure:
    """Return the figure of a series of runs."""
    return Figure(name, middle(found), min(found), max(found), len(found), limit, unit)


def once(name: str, value: float, limit: float | None, unit: str) -> Figure:
    """Return the figure of something that was measured once, over a long time."""
    return figure(name, [value], limit, unit)


def call(function: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds."""
    start = perf_counter()
    function()
    return perf_counter() - start


def sanaga(*arguments: str | Path, expect: int = 0, state: Path | None = None) -> float:
    """Return how long a whole sanaga process takes; it must end with the expected exit code.

    state is the controller's folder, where it is not the usual one.
    """
    command = [sys.executable, "-m", "controller.cli.main", *map(str, arguments)]
    surroundings = {**environment(), **({"SANAGA_STATE_DIR": str(state)} if state else {})}
    start = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings)
    seconds = perf_counter() - start
    if done.returncode != expect:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return seconds
