"""Connecting to devices: the driver of a platform, found by entry point, with its credentials."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from controller.drivers.memory import MemoryNetwork
from controller.drivers.protocol import Connect, Driver, DriverFactory
from controller.environment import environment
from controller.load import device
from controller.settings import Settings
from inventory import credentials
from inventory.errors import DeviceError
from inventory.model import Device, DeviceName, Intent

DRIVERS: Final = "controller.drivers"


def connector(
    intent: Intent | None, folder: Path = Path(), *, state_dir: Path | None = None
) -> Connect:
    """Return a function that makes the driver of a device by name; each connects on first use.

    Relative paths in credential references start at folder. state_dir is the controller's own
    folder, unless the settings' one is meant.
    """
    if intent is None:
        return _nowhere
    environ = environment()

    @cache
    def secret(reference: str) -> str:
        return credentials.resolve(reference, base=folder, environment=environ)

    def connect(name: DeviceName) -> Driver:
        wanted = device(intent, name)
        if wanted.management is None:
            raise DeviceError(name, "has no management address; add 'management:' to the device")
        return _factory(wanted)(
            wanted,
            secret=secret(wanted.management.credential),
            namespace=intent.network.management_namespace,
            state_dir=state_dir or Settings().state_dir,
        )

    return connect


def _nowhere(name: DeviceName) -> Driver:
    raise DeviceError(name, "the plan does not say how to reach it; make the plan anew")


def from_files(folder: Path) -> Connect:
    """Return a function like connector's, for devices whose configurations lie in DEVICE.conf."""
    return MemoryNetwork.load(folder).connect


def _factory(wanted: Device) -> DriverFactory:
    factory = _drivers().get(wanted.platform.value)
    if factory is None:
        raise DeviceError(wanted.name, f"there is no driver for the platform {wanted.platform}")
    return factory


@cache
def _drivers() -> Mapping[str, DriverFactory]:
    return {point.name: point.load() for point in entry_points(group=DRIVERS)}
