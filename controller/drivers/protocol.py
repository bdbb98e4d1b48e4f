"""What the controller asks of a device, whatever its platform."""

from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from controller.model import DeviceConfig
from inventory.model import Device


class Driver(Protocol):
    """One device. Not for use by two threads at once.

    Every method raises UnreachableError when the device cannot be spoken to or falls silent,
    HostKeyError when it is another than the pinned one. confirm and rollback are idempotent:
    with nothing pending they change nothing.
    """

    def read(self) -> DeviceConfig:
        """Return the running configuration in canonical form."""
        ...

    def stage(self, config: DeviceConfig) -> str:
        """Hand over a whole candidate and return the device's own account of the difference.

        Raises RejectedError when the device can tell that it would refuse it.
        """
        ...

    def commit(self, *, confirm_within_s: int) -> None:
        """Make the staged candidate run; the device undoes it by itself unless confirmed in time.

        Raises RejectedError when the device refuses a part; it is then as it was before.
        """
        ...

    def extend(self, *, confirm_within_s: int) -> None:
        """Start the timer of the unconfirmed commit anew, for a longer or a shorter time.

        Raises RejectedError when nothing waits to be confirmed any more.
        """
        ...

    def confirm(self) -> None:
        """Keep what was committed, also over a restart of the device."""
        ...

    def rollback(self) -> None:
        """Return to what ran before the unconfirmed commit."""
        ...

    def unreached(self, targets: Sequence[IPv4Address]) -> frozenset[IPv4Address]:
        """Return those of the targets that do not answer a ping from the device's loopback."""
        ...

    def close(self) -> None:
        """Let go of the connection; a pending commit stays pending."""
        ...


class DriverFactory(Protocol):
    """Makes the driver of a device; found by entry point controller.drivers under the platform.

    secret is the resolved credential (an OpenSSH private key or a password), namespace the Linux
    network namespace from which to connect, or None for the controller's own. state_dir is where
    this controller keeps what is its own, such as the key that signs policies.
    """

    def __call__(
        self, device: Device, *, secret: str, namespace: str | None, state_dir: Path
    ) -> Driver:
        """Return a driver that connects on first use."""
        ...
