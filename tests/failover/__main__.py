"""Measure failover: python -m tests.failover [--repeats N] [--only ...|after-mend] [--write]."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from tests.docs_page import DOCS, between, machine, told
from tests.failover import after_mend, mend_report, report
from tests.failover import extras as extra
from tests.failover.cells import cells
from tests.failover.extras import Extras
from tests.failover.mend_figures import mend_verdicts
from tests.failover.run import Board, Plan, run
from tests.failover.verdicts import Verdict, verdict_table, verdicts

AFTER_MEND: Final = "after-mend"


def main() -> int:
    """Run, print verdicts and tables, write the documents; return 1 when a number is missed."""
    arguments, about = _arguments(), mend_report.about_machine()
    said = () if arguments.only == [AFTER_MEND] else _trials(arguments)
    if arguments.mends:
        said += _mends(arguments, about)
    sys.stdout.write("\n".join(map(str, said)) + "\n")
    return 0 if said and all(verdict.met for verdict in said) else 1


def _trials(arguments: argparse.Namespace) -> tuple[Verdict, ...]:
    """Run trials and extras, print the tables, and return the verdicts."""
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
    sys.stdout.write(f"{report.table(found)}\n\n{report.summary(found)}\n\n")
    return said


def _mends(arguments: argparse.Namespace, about: dict[str, Any]) -> tuple[Verdict, ...]:
    """Run the calls through a mend and return their verdicts."""
    said: tuple[Verdict, ...] = ()
    for calls in after_mend.measure(arguments.mends):
        said = mend_verdicts(calls)
        if arguments.write:
            mend_report.write(calls, said, about)
    return said


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
    only = f"only these; {AFTER_MEND} alone measures calls after a mend and keeps other figures"
    add("--only", nargs="*", default=[], metavar="MECHANISM", help=only)
    add("--faults", nargs="*", default=[], metavar="FAULT", help="only these")
    add("--mends", type=int, default=5, help="calls through a mend under each sky; 0: none")
    add("--weather-s", type=float, default=180.0, help="live LEO weather; 0 leaves it out")
    add("--leo-hour", action="store_true", help="an hour of live LEO weather")
    add("--simulated-hours", type=float, default=1.0, help="LEO weather in simulated time")
    add("--no-qos", action="store_true", help="leave out the call beside uploads")
    add("--write", action="store_true", help="write docs: JSON, plot, tables")
    arguments = parser.parse_args()
    if AFTER_MEND in arguments.only and len(arguments.only) > 1:
        parser.error(f"--only {AFTER_MEND} stands alone; name mechanisms in another run")
    return arguments


def _write(plan: Plan, board: Board, extras: Extras, said: Sequence[Verdict]) -> None:
    found, about = cells(board.outcomes), _about(plan, board)
    result = report.as_dict(found, extras, said, about)
    if mend_report.KEY in (before := mend_report.read_result()):
        result[mend_report.KEY] = before[mend_report.KEY]
    mend_report.RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    report.plot(found, DOCS / "img" / "bench-failover.svg")
    numbers = verdict_table(said)
    picture = "![Longest silences](img/bench-failover.svg)"
    page = "\n\n".join([picture, numbers, report.summary(found), report.table(found), told(about)])
    between(DOCS / "benchmarks.md", "failover", page)
    between(DOCS.parent / "README.md", "failover-summary", report.summary(found))


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
