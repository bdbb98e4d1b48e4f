"""Measure everything docs/benchmarks.md shows: python -m tests.bench [--quick] [--no-lab]."""

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import fabric, laboratory
from tests.bench.measure import Figure
from tests.bench.report import plot, table

DOCS = Path(__file__).parents[2] / "docs"


def main() -> int:
    """Run the benchmarks, write JSON, plot and table; return 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each, nothing written")
    parser.add_argument("--no-lab", action="store_true", help="leave out the laboratory")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="sanaga-bench-") as folder:
        figures = list(_measure(Path(folder), 1 if arguments.quick else 5, arguments.no_lab))
    print(table(figures))  # noqa: T201
    if not arguments.quick:
        _write(figures)
    return 0 if all(f.within for f in figures) else 1


def _measure(folder: Path, runs: int, no_lab: bool) -> Iterator[Figure]:  # noqa: FBT001
    for part in (fabric.national(folder, runs), fabric.scaling(runs), fabric.blast_radii(runs)):
        for figure in part:
            print(f"{figure.name}: {figure.median:.2f} {figure.unit}", file=sys.stderr)  # noqa: T201
            yield figure
    if not no_lab:
        yield from laboratory.converged(folder, min(runs, 3))


def _write(figures: list[Figure]) -> None:
    machine = {
        "date": datetime.now(UTC).date().isoformat(),  # noqa: TID251
        "kernel": ".".join(platform.release().split(".")[:2]),
        "python": platform.python_version(),
        "cores": fabric.cores(),
    }
    result = {"machine": machine, "figures": [f.as_dict() for f in figures]}
    target = DOCS / "bench" / "fabric.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    plot(figures, DOCS / "img" / "bench-fabric.svg")
    page = DOCS / "benchmarks.md"
    head = page.read_text(encoding="utf-8").split("<!-- figures -->")[0]
    said = ", ".join(f"{key} {value}" for key, value in machine.items())
    page.write_text(f"{head}<!-- figures -->\n{table(figures)}\n\n{said}\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
