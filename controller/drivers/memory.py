"""A device that exists in memory alone: for planning offline, for tests and for rehearsal.

It keeps a running and a startup configuration, a candidate, an unconfirmed commit with its
dead-man timer, and fails on request in the ways real routers do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from threading import RLock
from typing import Final, TypeAlias

from controller.clock import Clock, SystemClock
from controller.model import DeviceConfig
from inventory.documents.text_file import read_text_file
from inventory.errors import DeviceError, IntentError, RejectedError, UnreachableError
from inventory.model import Device, DeviceName

Reach: TypeAlias = Callable[[DeviceName, IPv4Address], bool]
SUFFIX: Final = ".conf"


class Act(StrEnum):
    """What can be asked of a device."""

    READ = "read"
    STAGE = "stage"
    COMMIT = "commit"
    EXTEND = "extend"
    CONFIRM = "confirm"
    ROLLBACK = "rollback"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a device.

    It refuses a candidate holding one of the lines in rejects, and finds those in rejects_late
    only while committing. An act in drops happens, but its answer is lost; one in hangs does not
    happen, and the caller learns so after silence_s. A device with lockout cannot be spoken to
    while an unconfirmed change runs. It does not reach mutes while one runs.
    """

    rejects: frozenset[str] = frozenset()
    rejects_late: frozenset[str] = frozenset()
    drops: frozenset[Act] = frozenset()
    hangs: frozenset[Act] = frozenset()
    lockout: bool = False
    mutes: frozenset[IPv4Address] = frozenset()
    silence_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """What a device returns to when the time (of its clock) comes."""

    before: DeviceConfig
    deadline: float


@dataclass
class MemoryDevice:
    """The device itself; it goes on living when nobody is connected."""

    name: DeviceName
    clock: Clock
    running: DeviceConfig = field(default_factory=lambda: DeviceConfig(""))
    startup: DeviceConfig = field(default_factory=lambda: DeviceConfig(""))
    candidate: DeviceConfig | None = None
    unconfirmed: Unconfirmed | None = None
    faults: Faults = field(default_factory=Faults)
    reach: Reach = lambda _source, _target: True
    lock: RLock = field(default_factory=RLock)

    def live(self) -> None:
        """Let the dead-man timer fire if its time has come."""
        if self.unconfirmed and self.clock.now() >= self.unconfirmed.deadline:
            self.revert()

    def revert(self) -> None:
        """Return to what ran before the unconfirmed commit, if there is one."""
        if self.unconfirmed:
            self.running, self.unconfirmed = self.unconfirmed.before, None

    def restart(self) -> None:
        """Lose the power and come back with the startup configuration."""
        with self.lock:
            self.running, self.unconfirmed, self.candidate = self.startup, None, None

    def now_running(self) -> DeviceConfig:
        """Return what runs, seen by someone who needs no connection."""
        with self.lock:
            self.live()
            return self.running


class MemoryDriver:
    """A connection to a memory device."""

    def __init__(self, device: MemoryDevice) -> None:
        self._device = device

    def read(self) -> DeviceConfig:
        """Return the running configuration."""
        with self._spoken(Act.READ) as device:
            return device.running

    def stage(self, config: DeviceConfig) -> str:
        """Keep a candidate; RejectedError when it holds a line that the device refuses."""
        with self._spoken(Act.STAGE) as device:
            self._refuse(config, device.faults.rejects)
            device.candidate = config
            before, after = (c.text.splitlines() for c in (device.running, config))
            return (
                f"{len(set(after) - set(before))} lines new, {len(set(before) - set(after))} gone"
            )

    def commit(self, *, confirm_within_s: int) -> None:
        """Run the candidate until the timer fires; RejectedError leaves the device as it was."""
        with self._spoken(Act.COMMIT) as device:
            if device.candidate is None:
                raise RejectedError(device.name, "nothing is staged")
            if device.unconfirmed:
                raise RejectedError(device.name, "an earlier commit still waits to be confirmed")
            self._refuse(device.candidate, device.faults.rejects_late)
            deadline = device.clock.now() + confirm_within_s
            device.unconfirmed = Unconfirmed(device.running, deadline)
            device.running, device.candidate = device.candidate, None

    def extend(self, *, confirm_within_s: int) -> None:
        """Start the timer again; RejectedError when it has fired."""
        with self._spoken(Act.EXTEND) as device:
            if device.unconfirmed is None:
                raise RejectedError(device.name, "nothing waits to be confirmed any more")
            deadline = device.clock.now() + confirm_within_s
            device.unconfirmed = replace(device.unconfirmed, deadline=deadline)

    def confirm(self) -> None:
        """Keep what runs and write it as startup configuration."""
        with self._spoken(Act.CONFIRM) as device:
            if device.unconfirmed:
                device.startup, device.unconfirmed = device.running, None

    def rollback(self) -> None:
        """Return to what ran before the unconfirmed commit."""
        with self._spoken(Act.ROLLBACK) as device:
            device.candidate = None
            device.revert()

    def unreached(self, targets: Sequence[IPv4Address]) -> frozenset[IPv4Address]:
        """Return those of the targets that the network's reach denies or a fault mutes."""
        with self._spoken(Act.PING) as device:
            muted = device.faults.mutes if device.unconfirmed else frozenset()
            return frozenset(t for t in targets if t in muted or not device.reach(device.name, t))

    def close(self) -> None:
        """Let go; the device keeps its unconfirmed commit and its timer."""

    @contextmanager
    def _spoken(self, act: Act) -> Iterator[MemoryDevice]:
        device = self._device
        with device.lock:
            device.live()
            locked_out = device.faults.lockout and device.unconfirmed is not None
            if locked_out or act in device.faults.hangs:
                device.clock.pause(device.faults.silence_s)
                raise UnreachableError(device.name, f"no answer to {act} in time")
            yield device
            if act in device.faults.drops:
                raise UnreachableError(device.name, f"the connection broke during {act}")

    def _refuse(self, config: DeviceConfig, lines: frozenset[str]) -> None:
        refused = [line for line in config.text.splitlines() if line.strip() in lines]
        if refused:
            raise RejectedError(self._device.name, f"refuses the line {refused[0].strip()!r}")


class MemoryNetwork:
    """Memory devices by name, all on one clock; one that was never configured is blank.

    Called with an inventory device it acts as the driver factory of every platform.
    """

    def __init__(
        self,
        texts: Mapping[DeviceName, str] | None = None,
        *,
        clock: Clock | None = None,
        reach: Reach = lambda _source, _target: True,
    ) -> None:
        self._clock = clock or SystemClock()
        self._reach = reach
        self._lock = RLock()
        self.devices: dict[DeviceName, MemoryDevice] = {}
        for name, text in (texts or {}).items():
            self.devices[name] = self._made(name, DeviceConfig(text))

    @classmethod
    def load(cls, folder: Path, *, clock: Clock | None = None) -> "MemoryNetwork":
        """Return the devices whose running configurations lie in a folder as DEVICE.conf.

        Raises DeviceError for a file that cannot be read.
        """
        return cls({f.stem: _text(f) for f in sorted(folder.glob(f"*{SUFFIX}"))}, clock=clock)

    def save(self, folder: Path) -> None:
        """Write every device's running configuration into a folder as DEVICE.conf."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, device in self.devices.items():
            (folder / f"{name}{SUFFIX}").write_text(device.now_running().text, encoding="utf-8")

    def device(self, name: DeviceName) -> MemoryDevice:
        """Return a device, a blank one if nobody configured it."""
        with self._lock:
            if name not in self.devices:
                self.devices[name] = self._made(name, DeviceConfig(""))
            return self.devices[name]

    def connect(self, name: DeviceName) -> MemoryDriver:
        """Return a new connection to a device."""
        return MemoryDriver(self.device(name))

    def __call__(
        self, device: Device, *, secret: str, namespace: str | None, state_dir: Path
    ) -> MemoryDriver:
        """Return a new connection to the device of that name; nothing else is needed."""
        del secret, namespace, state_dir
        return self.connect(device.name)

    def _made(self, name: DeviceName, config: DeviceConfig) -> MemoryDevice:
        return MemoryDevice(name, self._clock, config, config, reach=self._reach)


def _text(file: Path) -> str:
    try:
        return read_text_file(file)
    except (OSError, IntentError) as error:
        raise DeviceError(file.stem, f"{file} cannot be read as its configuration") from error
