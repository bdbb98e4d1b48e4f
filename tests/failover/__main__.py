"""Measure failover: python -m tests.failover [--repeats N] [--only ...] [--write]."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.docs_page import DOCS, between, machine, told
from tests.failover import extras as extra
from tests.failover import report
from tests.failover.cells import cells
from tests.failover.extras import Extras
from tests.failover.run import Board, Plan, run
from tests.failover.verdicts import Verdict, verdicts


def main() -> int:
    """Run, print verdicts and tables, write the documents; return 1 when a number is missed."""
    arguments = _arguments()
    plan = Plan(
        repeats=arguments.repeats,
        slots=arguments.slots,
        seed=arguments.seed,
        mechanisms=tuple(arguments.only),
        faults=tuple(arguments.faults),
    )
    board = run(plan) if arguments.repeats else Board([], set())
    found = cells(board.outcomes)
    said: tuple[Verdict, ...] = ()
    for extras in _extras(arguments):
        said = verdicts(found, extras, board.strayed)
        if arguments.write:
            # What was measured so far must not be lost with what comes next.
            _write(plan, board, extras, said)
    _print(report.table(found), report.summary(found), said)
    return 0 if said and all(verdict.met for verdict in said) else 1


def _extras(arguments: argparse.Namespace) -> Iterator[Extras]:
    """Yield what is measured beside the trials: nothing first, then ever more."""
    yield (extras := Extras())
    weather_s = 3600.0 if arguments.leo_hour else arguments.weather_s
    if weather_s:
        yield (extras := extra.measure(weather_s))
    if arguments.simulated_hours:
        simulated = extra.simulate(arguments.simulated_hours)
        yield (extras := replace(extras, simulated=simulated))
    if not arguments.no_qos:
        yield replace(extras, qos=extra.quality_of_service())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.failover", description=__doc__)
    add = parser.add_argument
    add("--repeats", type=int, default=10, help="trials per cell; 0 leaves the trials out")
    add("--slots", type=int, default=1, help="trials of different mechanisms side by side")
    add("--seed", type=int, default=3, help="of the order of the trials")
    add("--only", nargs="*", default=[], metavar="MECHANISM", help="only these")
    add("--faults", nargs="*", default=[], metavar="FAULT", help="only these")
    add("--weather-s", type=float, default=180.0, help="live LEO weather; 0 leaves it out")
    add("--leo-hour", action="store_true", help="an hour of live LEO weather")
    add("--simulated-hours", type=float, default=1.0, help="LEO weather in simulated time")
    add("--no-qos", action="store_true", help="leave out the call beside uploads")
    add("--write", action="store_true", help="write docs: JSON, plot, tables")
    return parser.parse_args()


def _print(table: str, summary: str, said: Sequence[Verdict]) -> None:
    sys.stdout.write("\n\n".join([table, summary, "\n".join(map(str, said))]) + "\n")


def _write(plan: Plan, board: Board, extras: Extras, said: Sequence[Verdict]) -> None:
    found, about = cells(board.outcomes), _about(plan, board)
    result = report.as_dict(found, extras, said, about)
    target = DOCS / "bench" / "failover.json"
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    report.plot(found, DOCS / "img" / "bench-failover.svg")
    lines = "\n".join(f"| {v.wanted} | {v.measured} | {_kept(v)} |" for v in said)
    numbers = f"| number | measured | met |\n|---|---|---|\n{lines}"
    picture = "![Longest silences](img/bench-failover.svg)"
    page = "\n\n".join([picture, numbers, report.summary(found), report.table(found), told(about)])
    between(DOCS / "benchmarks.md", "failover", page)
    between(DOCS.parent / "README.md", "failover-summary", report.summary(found))


def _kept(verdict: Verdict) -> str:
    return "yes" if verdict.met else "**no**"


def _about(plan: Plan, board: Board) -> dict[str, Any]:
    return {
        **machine(),
        "seed": plan.seed,
        "trials": len(board.outcomes),
        "side_by_side": plan.slots,
        "not_settled": ", ".join(board.unsettled) or "none",
        "moved_between_trials": ", ".join(board.strayed) or "none",
    }


if __name__ == "__main__":
    raise SystemExit(main())
