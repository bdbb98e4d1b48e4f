"""What the demonstration found, as values; the report says nothing else."""

from dataclasses import dataclass, field

from controller.state import Plan, PushResult
from inventory.model import CircuitName, DeviceName, SiteName
from simulations.demo.way import Way
from simulations.lab.flows import Report


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan and how applying it ended; seconds is the time the apply took."""

    title: str
    plan: Plan
    result: PushResult
    seconds: float
    as_before: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened during the call, in seconds from its start."""

    at_s: float
    what: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call between two sites: what each end heard, which way it took, what was done to it."""

    source: SiteName
    target: SiteName
    circuit: CircuitName
    heard: tuple[Report, ...]
    moments: tuple[Moment, ...]
    before: Way
    after: Way

    def lost(self) -> int:
        """Return the packets lost, of both directions."""
        return sum(report.second.lost for report in self.heard)

    def sent(self) -> int:
        """Return the packets sent, in both directions."""
        return sum(report.second.sent for report in self.heard)

    def longest_silence_ms(self) -> float:
        """Return the longest time without a packet at either end."""
        return max((report.second.silence_ms for report in self.heard), default=0.0)


@dataclass(slots=True)
class Facts:
    """Everything found so far; acts add to it in order."""

    routers: int = 0
    circuits: int = 0
    up_s: float = 0.0
    pairs: int = 0
    pairs_reached: int = 0
    applies: list[Applied] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    faulty: DeviceName = ""
    pictures: dict[str, str] = field(default_factory=dict)
