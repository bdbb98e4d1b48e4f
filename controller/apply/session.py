"""What an apply touches the world with."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final, TypeVar

from controller.apply.events import Progress
from controller.clock import Clock
from controller.drivers.observe import silent
from controller.drivers.protocol import Connect, Driver
from controller.model import DeviceConfig
from controller.store.journal import Journal
from controller.transport.fanout import WORKERS
from inventory.errors import SanagaError, UnreachableError
from inventory.model import DeviceName

Result = TypeVar("Result")

# More connections than this are not kept open.
KEPT: Final = 500

# A loaded router takes some seconds to write its startup configuration; WORKERS do so at once.
CONFIRM_S: Final = 10 / WORKERS


@dataclass(frozen=True, slots=True)
class Timeouts:
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
    poll_s: float = 0.3

    def times(self, factor: float) -> "Timeouts":
        """Return a pace with that many times the patience; it looks as often as before."""
        return replace(
            self,
            base_s=self.base_s * factor,
            per_wave_s=self.per_wave_s * factor,
            gate_s=self.gate_s * factor,
            verify_s=self.verify_s * factor,
            grace_s=self.grace_s * factor,
        )

    def window_s(self, waves: int, devices: int, base_s: float | None = None) -> float:
        """Return how long the timers of an apply to so many devices in so many waves run."""
        base = self.base_s if base_s is None else base_s
        return base + self.per_wave_s * waves + devices * CONFIRM_S

    def margin_s(self, devices: int) -> float:
        """Return how much of the timers must be left when confirming so many devices begins."""
        return 2 * self.grace_s + devices * CONFIRM_S


@dataclass(frozen=True, slots=True)
class ApplyContext:
    """Connections, the record, time, and whoever watches."""

    connect: Connect
    journal: Journal
    clock: Clock
    progress: Progress = silent
    workers: int = WORKERS
    pace: Timeouts = Timeouts()


class DeviceConnections:
    """Connections kept between the steps of an apply; no device is spoken to by two at once."""

    def __init__(self, context: ApplyContext) -> None:
        self.context = context
        self._lock = Lock()
        self._open: dict[DeviceName, Driver] = {}
        self._staged: set[DeviceName] = set()

    def ask(self, device: DeviceName, work: Callable[[Driver], Result]) -> Result:
        """Return what work returns, on the connection to the device or on a new one.

        A connection that fails is closed, and one beyond KEPT is not kept.
        """
        try:
            return work(self._to(device))
        except UnreachableError:
            self.drop(device)
            raise
        finally:
            with self._lock:
                full = len(self._open) > KEPT
            if full:
                self.drop(device)

    def read(self, device: DeviceName) -> DeviceConfig:
        """Return what a device runs."""
        return self.ask(device, lambda driver: driver.read())

    def staged(self, device: DeviceName) -> None:
        """Note that a candidate was handed over on the connection."""
        with self._lock:
            self._staged.add(device)
            self._staged.intersection_update(self._open)

    def has_staged(self, device: DeviceName) -> bool:
        """Return whether the candidate was handed over on a connection that still stands."""
        with self._lock:
            return device in self._staged

    def drop(self, device: DeviceName) -> None:
        """Close a connection; the next word to the device is said on a new one."""
        with self._lock:
            driver = self._open.pop(device, None)
            self._staged.discard(device)
        if driver:
            with suppress(SanagaError, OSError):
                driver.close()

    def close(self) -> None:
        """Close all connections."""
        for device in tuple(self._open):
            self.drop(device)

    def _to(self, device: DeviceName) -> Driver:
        with self._lock:
            driver = self._open.get(device)
        if driver is None:
            driver = self.context.connect(device)
            with self._lock:
                self._open[device] = driver
        return driver
