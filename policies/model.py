"""Duties as values: service classes, path policies, segmentation and expectations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from inventory.model import Medium, Segment

ServiceName: TypeAlias = str

# Where a path policy says nothing else.
METERED_FOR_S: Final = 300


@dataclass(frozen=True, slots=True)
class Slo:
    """A service level objective (RFC 9543): one-way delay, loss as a share, MOS for voice."""

    delay_ms: float
    jitter_ms: float
    loss: float
    mos: float | None = None


@dataclass(frozen=True, slots=True)
class ServiceClass:
    """A clinical service as the network sees it.

    dscp is the code point (0 to 63), rate_mbps what one session needs in each direction,
    share the part of a circuit (0 to 1) the class is promised under congestion.
    """

    name: ServiceName
    title: str
    slo: Slo
    dscp: int
    rate_mbps: float
    share: float


@dataclass(frozen=True, slots=True)
class PathPolicy:
    """Which media a service prefers, in order, and how eagerly it moves between them.

    A path is left after leave_after_ms below the SLO, a better one taken back after return_after_s
    above it, and no second move made within hold_down_s. metered_cost is what crossing a metered
    circuit adds to a path when they are compared, in the unit of circuit costs. A metered path is
    left after metered_for_s for a free one that keeps the objective, in a consultation, too.
    """

    service: ServiceName
    media: tuple[Medium, ...]
    leave_after_ms: int
    return_after_s: int
    hold_down_s: int
    metered_allowed: bool
    metered_cost: int = 0
    metered_for_s: int = METERED_FOR_S


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """An exception to default deny: hosts of a segment may reach another segment or a service."""

    source: Segment
    target: Segment | ServiceName
    because: str


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a segment may reach a target, and why, in one sentence."""

    allowed: bool
    because: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """A sentence that must hold on the model, and where it is written."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether an expectation holds, and why, in one sentence."""

    expectation: Expectation
    holds: bool
    because: str


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that is owed: classes and path policies by service, rules, expectations."""

    classes: Mapping[ServiceName, ServiceClass]
    paths: Mapping[ServiceName, PathPolicy]
    rules: tuple[ZoneRule, ...] = ()
    expectations: tuple[Expectation, ...] = field(default_factory=tuple)


# Classes of the catalogue that travel in the care tunnel. Edges know them by their names: they have
# no catalogue, and the signed policies of former releases carry no other mark.
CARE_CLASSES: Final[tuple[ServiceName, ...]] = ("consultation-audio", "consultation-video")


# What unmarked traffic, and traffic of no known class, is treated as. A class that an engineer adds
# chooses its paths as this one does.
ORDINARY_CLASS: Final[ServiceName] = "portal"
