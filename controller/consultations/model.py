"""Values of announced consultations."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LONGEST_S: Final = 8 * 3600.0


class Standing(StrEnum):
    """How far a consultation is."""

    ANNOUNCED = "announced"
    RUNNING = "running"
    OVER = "over"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Announcement:
    """A consultation between sites; times are seconds since 1970, the end is not in it.

    addresses are those of the machines that take part, where they are known.
    """

    name: str
    sites: tuple[str, ...]
    service: str
    begins_s: float
    ends_s: float
    announced_by: str
    announced_s: float
    cancelled_s: float | None = None
    addresses: tuple[str, ...] = ()

    def standing(self, now_s: float) -> Standing:
        """Return how far it is."""
        if self.cancelled_s is not None and self.cancelled_s <= now_s:
            return Standing.CANCELLED
        if now_s < self.begins_s:
            return Standing.ANNOUNCED
        return Standing.RUNNING if now_s < self.ends_s else Standing.OVER


class Quality(StrEnum):
    """What a consultation can be held with."""

    VIDEO = "video"
    AUDIO = "audio"
    STORE_AND_FORWARD = "store-and-forward"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What quality to expect and why; ways is how many of them share no circuit.

    mos is that of the sound on the best way, delay_ms its delay one way; None without a way.
    """

    quality: Quality
    protected: bool
    ways: int
    mos: float | None
    delay_ms: float | None
    because: str
    because_fr: str
