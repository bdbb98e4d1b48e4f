"""Reading what every device runs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from controller.drivers.protocol import Connect
from controller.model import DeviceConfig, Operational
from controller.transport.fanout import WORKERS, for_each_device
from inventory.errors import CredentialError, SanagaError
from inventory.model import DeviceName


@dataclass(frozen=True, slots=True)
class ReadingStarted:
    """So many devices are about to be read."""

    devices: int


@dataclass(frozen=True, slots=True)
class DeviceDone:
    """One device took a step: read, stage, commit, verify, confirm or rollback.

    detail is empty when it went well, else what went wrong.
    """

    device: DeviceName
    act: str
    detail: str = ""


ReadProgress: TypeAlias = Callable[[ReadingStarted | DeviceDone], None]


def silent(event: object) -> None:
    """Take note of nothing."""


def observe(
    devices: Iterable[DeviceName],
    connect: Connect,
    *,
    progress: ReadProgress = silent,
    workers: int = WORKERS,
) -> Operational:
    """Return every device's running configuration, and why those that were not read were not.

    Raises CredentialError: a secret that is missing here says nothing about the devices.
    """

    def read(name: DeviceName) -> DeviceConfig:
        driver = connect(name)
        try:
            return driver.read()
        finally:
            driver.close()

    return collect(devices, read, progress=progress, workers=workers)


def collect(
    devices: Iterable[DeviceName],
    read: Callable[[DeviceName], DeviceConfig],
    *,
    progress: ReadProgress = silent,
    workers: int = WORKERS,
) -> Operational:
    """Return what observe returns, read in the caller's own way."""
    configs: dict[DeviceName, DeviceConfig] = {}
    unreachable: dict[DeviceName, str] = {}
    for name, result in for_each_device(devices, read, workers=workers):
        if isinstance(result, CredentialError):
            raise result
        if isinstance(result, SanagaError):
            unreachable[name] = str(result)
        else:
            configs[name] = result
        progress(DeviceDone(name, "read", unreachable.get(name, "")))
    return Operational(dict(sorted(configs.items())), dict(sorted(unreachable.items())))
