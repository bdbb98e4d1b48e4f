"""What the demonstration found, as values; the report says nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from controller.model import Plan, PushResult
from inventory.model import CircuitName, DeviceName, SiteName
from simulations.lab.flows import Report

PATIENT: Final[SiteName] = "kolofata"
DOCTOR: Final[SiteName] = "yaounde"


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan and how applying it ended; seconds is the time the apply took."""

    title: str
    plan: Plan
    result: PushResult
    seconds: float
    as_before: bool


@dataclass(frozen=True, slots=True)
class DemoMoment:
    """Something that happened during the call, in seconds from its start."""

    at_s: float
    what: str


class TroubleKind(StrEnum):
    """What can happen to a circuit during the call."""

    CUT = "a digger cuts it"
    BLACK_HOLE = "it swallows everything without a sign"
    BROWN_OUT = "5 % loss and 150 ms of jitter"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of a circuit during the call, from and until in seconds from its start."""

    kind: TroubleKind
    circuit: CircuitName
    at_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class DemoCall:
    """A call between two sites: what each end heard, how it was carried, what was done to it.

    before is how it was carried when it began, ways are all that were seen, in order.
    """

    title: str
    source: SiteName
    target: SiteName
    heard: tuple[Report, ...]
    moments: tuple[DemoMoment, ...]
    troubles: tuple[Trouble, ...]
    ways: tuple[str, ...]

    def lost(self) -> int:
        """Return the packets lost, of both directions."""
        return sum(report.second.lost for report in self.heard)

    def sent(self) -> int:
        """Return the packets sent, in both directions."""
        return sum(report.second.sent for report in self.heard)

    def longest_silence_ms(self) -> float:
        """Return the longest time without a packet at either end."""
        return max((report.second.silence_ms for report in self.heard), default=0.0)

    def during(self, trouble: Trouble) -> "Suffered":
        """Return what the call suffered from a fault until the next one began."""
        later = [t.at_s for t in self.troubles if t.at_s > trouble.at_s]
        end_s = min(later, default=float("inf"))
        seconds = [
            report.second
            for report in self.heard
            if int(trouble.at_s) <= report.second.second < end_s
        ]
        return Suffered(
            sum(second.lost for second in seconds),
            max((second.silence_ms for second in seconds), default=0.0),
        )


@dataclass(frozen=True, slots=True)
class Suffered:
    """Packets of both directions that were lost, and the longest silence at either end."""

    lost: int
    silence_ms: float


@dataclass(frozen=True, slots=True)
class NocIncident:
    """The incident of a cut: how long after the cut it was told, and how long after the mend."""

    number: int
    title: str
    told_after_s: float
    ended_after_s: float


@dataclass(slots=True)
class Facts:
    """Everything found so far; acts add to it in order."""

    routers: int = 0
    edges: int = 0
    circuits: int = 0
    up_s: float = 0.0
    pairs: int = 0
    pairs_reached: int = 0
    applies: list[Applied] = field(default_factory=list)
    calls: list[DemoCall] = field(default_factory=list)
    faulty: DeviceName = ""
    incident: NocIncident | None = None

    def troubles(self) -> Iterator[tuple[TroubleKind, tuple[Suffered, ...]]]:
        """Yield every kind of fault with what each call suffered from it."""
        for together in zip(*(call.troubles for call in self.calls), strict=True):
            pairs = zip(self.calls, together, strict=True)
            yield together[0].kind, tuple(call.during(trouble) for call, trouble in pairs)
