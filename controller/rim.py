"""What an apply touches the world with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from controller.clock import Clock
from controller.drivers.protocol import Driver
from controller.parallel import WORKERS
from controller.progress import Progress, silent
from controller.store.journal import Journal
from inventory.model import DeviceName

Connect: TypeAlias = Callable[[DeviceName], Driver]

# A loaded router takes some seconds to write its startup configuration; WORKERS do so at once.
CONFIRM_S: Final = 10 / WORKERS


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an apply waits for what, in seconds.

    The dead-man timers of all devices end together, window_s after the beginning. gate_s is for
    the network to settle after a wave, verify_s after the last; grace_s is what a device may
    need beyond its timer to be itself again; poll_s lies between two looks.
    """

    base_s: float = 300.0
    per_wave_s: float = 30.0
    gate_s: float = 60.0
    verify_s: float = 90.0
    grace_s: float = 20.0
    poll_s: float = 0.5

    def window_s(self, waves: int, base_s: float | None = None) -> float:
        """Return how long the timers of an apply in that many waves run."""
        return (self.base_s if base_s is None else base_s) + self.per_wave_s * waves

    def margin_s(self, devices: int) -> float:
        """Return how much of the timers must be left when confirming so many devices begins."""
        return 2 * self.grace_s + devices * CONFIRM_S


@dataclass(frozen=True, slots=True)
class Rim:
    """Connections, the record, time, and whoever watches."""

    connect: Connect
    journal: Journal
    clock: Clock
    progress: Progress = silent
    workers: int = WORKERS
    pace: Pace = Pace()
