"""Hours of calls under random cuts: python -m tests.endurance [--hours 2] [--seed 1] [--write].

One call after the other goes from Kolofata to Yaoundé, with segmentation on. It ends with 1 when a
call is harmed. --without stops both edges before: the control, in which calls must be harmed.
"""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import FrameType
from typing import Final

from inventory.errors import LabError
from simulations.devices.edges import SANAGA
from simulations.lab import edge_policies
from simulations.lab import lab as labs
from simulations.lab.flows import LabFlow, Report, start_call
from simulations.lab.lab import Lab
from simulations.netns.waiting import pause
from tests.endurance.report import Call, write
from tests.endurance.schedule import Kind, Trouble, random_troubles
from tests.rigs.laboratory.lab_networks import unique, write_spur
from tests.sanaga_process import Sanaga

CALL_S: Final = 60
LOOK_S: Final = 0.1
WITHIN_S: Final = 120
EDGES: Final = ("kolofata-e1", "yaounde-e1")
SITES: Final = ("kolofata", "yaounde")
# Circuits of the two ends are hit so many times more often.
NEAR: Final = 2
BROWN: Final = {"loss": 0.05, "jitter_ms": 150.0}


def main() -> int:
    """Run, say what came of every call, and return 1 when one was harmed."""
    arguments = _arguments()
    # Ended in any way, it takes its laboratory away.
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, _stop)
    with TemporaryDirectory() as work, _spur(Path(work)) as (lab, sanaga):
        if arguments.without:
            for device in EDGES:
                lab.exec(device, [*SANAGA, "edge", "stop"]).check_returncode()
        run = _Run(lab, arguments.hours * 3600, arguments.seed)
        calls = tuple(run.calls())
        if not arguments.without:
            _check_segments(sanaga)
    harmed = [call for call in calls if call.harmed]
    sys.stdout.write(f"{len(calls)} calls, {len(run.done)} troubles, {len(harmed)} calls harmed\n")
    if arguments.write:
        write(calls, run.done, arguments.seed)
    return 1 if harmed or not calls else 0


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.endurance", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", action="store_true", help="stop both edges: the control")
    parser.add_argument("--write", action="store_true", help="write docs/bench/endurance.json")
    return parser.parse_args()


@contextmanager
def _spur(work: Path) -> Iterator[tuple[Lab, Sanaga]]:
    """Give the example on a laboratory of its own, planned and applied."""
    name, sanaga = unique("hours"), Sanaga(work)
    write_spur(work / "intent", name)
    try:
        _command(sanaga, 0, "lab", "up", "intent", "--calm")
        _command(sanaga, 2, "plan", "intent", "--out", "first.plan")
        _command(sanaga, 0, "apply", "first.plan", "--yes")
        lab = labs.find_lab(name)
        edge_policies.wait_paths(lab, WITHIN_S)
        lab.wait_converged(WITHIN_S)
        _check_segments(sanaga)
        yield lab, sanaga
    finally:
        labs.take_down(name)


def _command(sanaga: Sanaga, code: int, *words: str) -> None:
    answer = sanaga(*words)
    if answer.code != code:
        raise LabError(f"sanaga {' '.join(words)} ended with {answer.code}: {answer.err}")


def _check_segments(sanaga: Sanaga) -> None:
    """Raise LabError unless packets pass between segments as the rules say."""
    _command(sanaga, 0, "lab", "segments", "intent")


@dataclass
class _Run:
    """Calls one after the other, and the troubles that begin and end under them."""

    lab: Lab
    seconds: float
    seed: int
    done: list[Trouble] = field(default_factory=list)

    def __post_init__(self) -> None:
        wires = self.lab.blueprint.wires
        near = [w.circuit for w in wires if any(site in w.circuit for site in SITES)]
        circuits = [*(wire.circuit for wire in wires), *near * NEAR]
        self._coming = list(random_troubles(circuits, self.seconds, self.seed))
        self._now: list[Trouble] = []
        self._began_s = monotonic()

    def calls(self) -> Iterator[Call]:
        """Yield every call when it is over."""
        while self._at_s() < self.seconds:
            began_s = self._at_s()
            with start_call(self.lab, *SITES, seconds=CALL_S) as flow:
                heard = tuple(self._followed(flow))
                call = _call(began_s, heard, flow.totals(), self._under(began_s))
            sys.stdout.write(f"{call}\n")
            sys.stdout.flush()
            yield call

    def _followed(self, flow: LabFlow) -> Iterator[Report]:
        while not flow.over:
            yield from flow.news()
            self._act()
            pause(LOOK_S)
        yield from flow.news()

    def _at_s(self) -> float:
        return monotonic() - self._began_s

    def _act(self) -> None:
        now_s = self._at_s()
        for trouble in [t for t in self._now if t.until_s <= now_s]:
            self._now.remove(trouble)
            self.lab.restore(trouble.circuit)
        while self._coming and self._coming[0].at_s <= now_s:
            trouble = self._coming.pop(0)
            self._begin(trouble)
            self._now.append(trouble)
            self.done.append(trouble)

    def _begin(self, trouble: Trouble) -> None:
        if trouble.kind is Kind.BROWN_OUT:
            self.lab.impair(trouble.circuit, loss=BROWN["loss"], jitter_ms=BROWN["jitter_ms"])
        elif trouble.kind is Kind.ONE_WAY:
            self.lab.cut(trouble.circuit, ("ab",), silent=True)
        else:
            self.lab.cut(trouble.circuit, silent=trouble.kind is Kind.HOLE)

    def _under(self, began_s: float) -> tuple[Trouble, ...]:
        return tuple(t for t in self.done if t.until_s >= began_s)


def _call(
    at_s: float, heard: Sequence[Report], totals: Sequence[Report], troubles: tuple[Trouble, ...]
) -> Call:
    silence_ms = max(report.second.silence_ms for report in heard)
    lost = tuple(total.second.lost for total in totals)
    sent = sum(total.second.sent for total in totals)
    return Call(at_s, silence_ms, lost, sent, tuple(map(str, troubles)))


if __name__ == "__main__":
    sys.exit(main())
