"""Ask every device what it is."""

from collections.abc import Callable, Iterable

from controller.apply.events import DeviceDone, Progress, silent
from controller.drivers.protocol import Connect
from controller.model import DeviceConfig, Operational
from controller.transport.fanout import WORKERS, for_each_device
from inventory.errors import CredentialError, SanagaError
from inventory.model import DeviceName


def observe(
    devices: Iterable[DeviceName],
    connect: Connect,
    *,
    progress: Progress = silent,
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
    progress: Progress = silent,
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
