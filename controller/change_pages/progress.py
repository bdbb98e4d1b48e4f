"""How an operation goes on, from its events: devices read, waves, steps of devices, gateways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_STEPS: Final = ("stage", "commit", "confirm")


@dataclass(slots=True)
class Wave:
    """A wave of an apply; holds is what its check said, None before."""

    number: int
    devices: Sequence[str] = ()
    holds: bool | None = None
    evidence: Sequence[str] = ()


@dataclass(slots=True)
class Progress:
    """What an operation has told so far.

    steps has for each device the acts that it was asked for, and what went wrong with each.
    waiting are devices that do not answer, and the seconds after which they undo the change.
    """

    to_read: int = 0
    devices: int = 0
    waves: list[Wave] = field(default_factory=list)
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    verified: Mapping[str, Any] | None = None
    decided: Mapping[str, Any] | None = None
    waiting: Mapping[str, Any] | None = None
    gateways: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def count(self, act: str) -> int:
        """Return how many devices an act is done at."""
        return sum(acts.get(act) == "" for acts in self.steps.values())

    @property
    def done(self) -> int:
        """Return how many steps are done, of as many as 'total'."""
        return sum(self.count(act) for act in _STEPS) if self.devices else self.count("read")

    @property
    def total(self) -> int:
        """Return how many steps there are; 0 where it is not known."""
        return len(_STEPS) * self.devices if self.devices else self.to_read

    def acts(self, device: str) -> dict[str, str]:
        """Return what a device was asked for beyond reading, and what went wrong with each."""
        return {act: bad for act, bad in self.steps.get(device, {}).items() if act != "read"}


def progress_of(events: Sequence[Mapping[str, Any]]) -> Progress:
    """Return how an operation stands after some events, the oldest first."""
    made = Progress()
    for event in events:
        if take := _TAKES.get(event["event"]):
            take(made, event)
    return made


def _started(made: Progress, event: Mapping[str, Any]) -> None:
    made.devices = event["devices"]
    made.waves = [Wave(number + 1) for number in range(event["waves"])]


def _device(made: Progress, event: Mapping[str, Any]) -> None:
    made.steps.setdefault(event["device"], {})[event["act"]] = event["detail"]


def _wave(made: Progress, event: Mapping[str, Any]) -> Wave:
    number = int(event["number"])
    while len(made.waves) < number:
        made.waves.append(Wave(len(made.waves) + 1))
    return made.waves[number - 1]


def _wave_started(made: Progress, event: Mapping[str, Any]) -> None:
    _wave(made, event).devices = event["devices"]


def _wave_ended(made: Progress, event: Mapping[str, Any]) -> None:
    wave, verdict = _wave(made, event), event["verdict"]
    wave.holds, wave.evidence = verdict["holds"], verdict["evidence"]


def _reading(made: Progress, event: Mapping[str, Any]) -> None:
    made.to_read = event["devices"]


def _verified(made: Progress, event: Mapping[str, Any]) -> None:
    made.verified = event["verdict"]


def _decided(made: Progress, event: Mapping[str, Any]) -> None:
    made.decided = event


def _waiting(made: Progress, event: Mapping[str, Any]) -> None:
    made.waiting = event


def _gateway(made: Progress, event: Mapping[str, Any]) -> None:
    made.gateways[event["gateway"]] = event


_TAKES: Final = {
    "ReadingStarted": _reading,
    "ApplyStarted": _started,
    "DeviceDone": _device,
    "WaveStarted": _wave_started,
    "WaveEnded": _wave_ended,
    "Verified": _verified,
    "Decided": _decided,
    "Waiting": _waiting,
    "RosterOutcome": _gateway,
}
