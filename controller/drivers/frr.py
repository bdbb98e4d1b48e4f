"""The FRR driver: the door that stands on the router keeps its timer and talks to FRR."""

from typing import ClassVar

from controller.frr_door import configuration_text
from controller.model import DeviceConfig
from controller.transport.ssh_door import DoorDriver


def canonical(text: str) -> DeviceConfig:
    """Return a running configuration of FRR without what changes by itself or means nothing."""
    return DeviceConfig(configuration_text.canonical(text))


class FrrDriver(DoorDriver):
    """One FRR router behind its door."""

    door: ClassVar[str] = "sanaga-frr-door"

    @staticmethod
    def saved_text(text: str) -> DeviceConfig:
        """Return the configuration in a file that holds what 'show running-config' printed.

        A prompt before the first and after the last line of it is no part of it.
        """
        _, shown, rest = text.partition("Current configuration:")
        body, end, _ = (rest if shown else text).replace("\r", "").partition("\nend\n")
        return canonical(body + end)

    def show(self, command: str) -> str:
        """Return what FRR prints for a command that begins with 'show'."""
        return self._printed("vtysh", "-c", command)

    def read(self) -> DeviceConfig:
        """Return the running configuration in canonical form."""
        return canonical(super().read().text)
