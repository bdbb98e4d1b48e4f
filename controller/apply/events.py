"""Events of a plan or an apply while it runs, for progress bars, a log or a picture."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from controller.drivers.observe import DeviceDone, ReadingStarted
from controller.model import PushResult, Verdict
from inventory.model import DeviceName


@dataclass(frozen=True, slots=True)
class ApplyStarted:
    """An apply began: how many devices change, in how many waves; apply_id is the journal's."""

    apply_id: int
    plan_id: str
    devices: int
    waves: int


@dataclass(frozen=True, slots=True)
class WaveStarted:
    """A wave is being committed; number counts from 1."""

    number: int
    total: int
    devices: tuple[DeviceName, ...]


@dataclass(frozen=True, slots=True)
class WaveEnded:
    """A wave passed its health gate, or did not; evidence says what was seen."""

    number: int
    total: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Verified:
    """The end-to-end check is over."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decided:
    """The apply will confirm everywhere or roll back everywhere, and why."""

    decision: str
    because: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Devices do not answer; their own timers undo the change within that many seconds."""

    devices: tuple[DeviceName, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class ApplyEnded:
    """The apply is over."""

    result: PushResult


Event: TypeAlias = (
    ReadingStarted
    | ApplyStarted
    | DeviceDone
    | WaveStarted
    | WaveEnded
    | Verified
    | Decided
    | Waiting
    | ApplyEnded
)


class Progress(Protocol):
    """Receives what happens, always in the thread that runs the apply."""

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""
        ...
