"""Measure what docs/benchmarks.md shows: python -m tests.bench [SUITE] [--quick]."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import fabric, gateways, laboratory, people, sites, snmp, start_up, telemetry
from tests.bench.measure import Figure
from tests.bench.report import plot, table
from tests.bench.screens import noc
from tests.docs_page import DOCS, between, machine, told

SUITES = ("fabric", "vpn", "snmp", "service", "noc")


def main() -> int:
    """Run the benchmarks, write JSON, plot and table; return 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("suite", nargs="?", choices=SUITES, default="fabric")
    parser.add_argument("--quick", action="store_true", help="one run of each, nothing written")
    parser.add_argument("--no-lab", action="store_true", help="leave out the laboratory")
    arguments = parser.parse_args()
    figures = []
    with TemporaryDirectory(prefix="sanaga-bench-") as folder:
        for figure in _figures(Path(folder), arguments):
            print(f"{figure.name}: {figure.median:.3f} {figure.unit}", file=sys.stderr)  # noqa: T201
            figures.append(figure)
    print(table(figures))  # noqa: T201
    if not arguments.quick:
        _write(arguments.suite, figures)
    return 0 if all(f.within for f in figures) else 1


def _figures(folder: Path, arguments: argparse.Namespace) -> Iterator[Figure]:
    runs, lab = 1 if arguments.quick else 5, not arguments.no_lab
    if arguments.suite == "service":
        yield from telemetry.telemetry(folder, quick=arguments.quick)
        return
    if arguments.suite == "noc":
        yield from noc.noc(folder, runs, lab=lab)
        return
    if arguments.suite == "vpn":
        yield from people.store(folder, runs)
        if lab:
            yield from gateways.gateways(runs)
            yield from sites.sites(folder)
        return
    if arguments.suite == "snmp":
        yield from snmp.rounds(folder, runs)
        return
    yield from start_up.start_up(folder, runs)
    yield from fabric.national(folder, runs)
    yield from fabric.scaling(runs)
    yield from fabric.blast_radii(runs)
    if lab:
        yield from laboratory.converged(folder, min(runs, 3))


def _write(suite: str, figures: list[Figure]) -> None:
    about = machine()
    result = {"machine": about, "figures": [f.as_dict() for f in figures]}
    target = DOCS / "bench" / f"{suite}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    plot(figures, DOCS / "img" / f"bench-{suite}.svg")
    between(DOCS / "benchmarks.md", suite, f"{table(figures)}\n\n{told(about)}")


if __name__ == "__main__":
    raise SystemExit(main())
