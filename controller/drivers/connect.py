"""Connecting to devices: the driver of a platform, found by entry point, with its credentials."""

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, TypeVar

from controller.drivers.memory import MemoryNetwork
from controller.drivers.protocol import (
    Connect,
    ConnectEdge,
    Driver,
    DriverFactory,
    EdgeDriver,
    SavedTextReader,
)
from controller.drivers.saved_files import read_saved
from controller.environment import environment
from controller.load import Loaded, anchored, device
from controller.settings import Settings
from controller.transport.fanout import for_each_device
from inventory import credentials
from inventory.errors import CredentialError, DeviceError, SanagaError
from inventory.model import Device, DeviceName, Intent

DRIVERS: Final = "controller.drivers"
Answer = TypeVar("Answer")


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
        return credentials.resolve_secret(reference, base=folder, environment=environ)

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


def edge_connector(loaded: Loaded, state_dir: Path) -> ConnectEdge:
    """Return a function that makes the driver of an edge by name; each connects on first use."""
    connect = connector(anchored(loaded), loaded.folder, state_dir=state_dir)

    def to_edge(name: DeviceName) -> EdgeDriver:
        driver = connect(name)
        if not isinstance(driver, EdgeDriver):
            raise DeviceError(name, "its platform has no tunnels, and so neither keys nor sessions")
        return driver

    return to_edge


def ask_edges(
    names: Iterable[DeviceName], connect: ConnectEdge, ask: Callable[[EdgeDriver], Answer]
) -> Generator[tuple[DeviceName, Answer | SanagaError], None, None]:
    """Yield what every edge answers, or why it does not."""

    def asked(name: DeviceName) -> Answer:
        try:
            driver = connect(name)
        except CredentialError as error:
            raise DeviceError(name, str(error)) from error
        try:
            return ask(driver)
        finally:
            driver.close()

    yield from for_each_device(tuple(names), asked)


def _nowhere(name: DeviceName) -> Driver:
    raise DeviceError(name, "the plan does not say how to reach it; make the plan again")


def from_files(folder: Path, intent: Intent) -> Connect:
    """Return a function like connector's, for devices whose configurations lie in DEVICE.conf.

    A text is taken as the device's own driver would have read it. Reading raises what
    read_saved() raises.
    """

    def connect(name: DeviceName) -> Driver:
        text, wanted = read_saved(folder, name), device(intent, name)
        factory = _drivers().get(wanted.platform.value)
        if isinstance(factory, SavedTextReader):
            text = factory.saved_text(text).text
        return MemoryNetwork({name: text}).connect(name)

    return connect


def _factory(wanted: Device) -> DriverFactory:
    factory = _drivers().get(wanted.platform.value)
    if factory is None:
        raise DeviceError(wanted.name, f"there is no driver for the platform {wanted.platform}")
    return factory


@cache
def _drivers() -> Mapping[str, DriverFactory]:
    return {point.name: point.load() for point in entry_points(group=DRIVERS)}
