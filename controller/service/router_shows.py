"""Connections to routers that answer "show" commands, kept open between two questions."""

from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from typing import cast

from controller.drivers.protocol import Connect, Driver, ShowReader
from inventory.errors import SanagaError, UnreachableError
from inventory.model import DeviceName, Intent, Platform

SHOWING = frozenset({Platform.FRR})


class RouterShows:
    """One connection to each router; several routers may be asked at once, each by one thread."""

    def __init__(self, intent: Intent, connect: Connect) -> None:
        self.routers = tuple(
            name
            for name, device in intent.devices.items()
            if device.platform in SHOWING and device.management
        )
        self._connect = connect
        self._open: dict[DeviceName, Driver] = {}
        self._turns: Mapping[DeviceName, Lock] = {name: Lock() for name in self.routers}

    def show(self, device: DeviceName, command: str) -> str:
        """Return what a router prints for a command. Raises SanagaError."""
        with self._turns[device]:
            driver = self._open.get(device) or self._connect(device)
            self._open[device] = driver
            try:
                return cast("ShowReader", driver).show(command)
            except UnreachableError:
                self._drop(device)
                raise

    def close(self) -> None:
        """Close all connections."""
        for device in tuple(self._open):
            with self._turns[device]:
                self._drop(device)

    def _drop(self, device: DeviceName) -> None:
        driver = self._open.pop(device, None)
        if driver is not None:
            with suppress(SanagaError, OSError):
                driver.close()
