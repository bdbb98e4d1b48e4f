"""An apply as it happens: bars where a person watches, a line per event elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from controller.apply.events import (
    ApplyStarted,
    Decided,
    Event,
    Progress,
    Verified,
    Waiting,
    WaveEnded,
    WaveStarted,
)
from controller.drivers.observe import DeviceDone, ReadingStarted
from controller.model import Verdict
from controller.terminal.durations import spoken
from controller.terminal.output import progress_wanted, say, shortened, stderr
from controller.wording import count, listing

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

ACTS: Final = {
    "read": "reading",
    "stage": "staging",
    "verify": "checking",
    "confirm": "confirming",
    "rollback": "rolling back",
}
_DECISIONS: Final = {"rollback": "roll back"}


def sentence(event: Event) -> str | None:
    """Return an event in words, or None for those that only move a bar."""
    match event:
        case DeviceDone(device=device, act=act, detail=detail):
            # Who cannot be read is told once, at the end, with what to do.
            told = detail and act != "read"
            return f"{device}: {act}: {detail.removeprefix(f'{device}: ')}" if told else None
        case WaveEnded(number=number, verdict=verdict):
            return None if verdict.holds else f"wave {number} failed: {_seen(verdict)}"
        case Verified(verdict=verdict):
            how = "passed" if verdict.holds else "FAILED"
            return f"end-to-end check {how}: {_seen(verdict)}"
    return _announcement(event)


def _announcement(event: Event) -> str | None:
    match event:
        case ApplyStarted(apply_id=number, devices=devices, waves=waves):
            return f"apply {number}: {count(devices, 'device')} in {count(waves, 'wave')}"
        case WaveStarted(number=number, total=total, devices=devices):
            return f"wave {number} of {total}: {listing(devices)}"
        case Decided(decision=decision, because=because):
            return f"decided to {_DECISIONS.get(decision, decision)}: {shortened(because)}"
        case Waiting(devices=devices, seconds=seconds):
            left = spoken(round(seconds))
            return f"waiting for {listing(devices)}: their own timers undo the change within {left}"
    return None


def _seen(verdict: Verdict) -> str:
    return "; ".join(verdict.evidence) or "nothing to report"


@contextmanager
def told(devices: int = 0) -> Iterator[Progress]:
    """Tell what happens for as long as the block runs; devices is how many to expect."""
    if not progress_wanted():
        yield _tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=stderr()) as bars:
        yield _Board(bars, devices)


def _tell(event: Event) -> None:
    if said := sentence(event):
        say(said)


class _Board:
    """A bar for each wave and for each act that runs over all devices."""

    def __init__(self, bars: "Bars", devices: int) -> None:
        self._bars = bars
        self._devices = devices
        self._tasks: dict[str, TaskID] = {}
        self._wave = ""

    def __call__(self, event: Event) -> None:
        """Move the bars, and print what is worth reading above them."""
        match event:
            case ApplyStarted(devices=devices) | ReadingStarted(devices=devices):
                self._devices = devices
            case WaveStarted(number=number, total=total, devices=devices):
                self._wave = f"wave {number} of {total}"
                self._task(self._wave, len(devices))
                return
            case DeviceDone(act=act):
                name = self._wave if act == "commit" else ACTS.get(act, act)
                self._bars.advance(self._task(name, self._devices or None))
        if said := sentence(event):
            self._bars.console.print(said, markup=False)

    def _task(self, name: str, total: int | None) -> "TaskID":
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        return self._tasks[name]
