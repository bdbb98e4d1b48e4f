"""What the controller asks of a device, whatever its platform."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from controller.model import DeviceConfig
from inventory.model import Device, DeviceName


@runtime_checkable
class SavedTextReader(Protocol):
    """A driver that knows how its platform's configurations look in files that a person saved."""

    @staticmethod
    def saved_text(text: str) -> DeviceConfig:
        """Return the configuration in a file just as read() would return it from the device."""
        ...


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
        """Start the timer of the unconfirmed commit again, for a longer or a shorter time.

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


@runtime_checkable
class ShowReader(Protocol):
    """A driver of a router that answers 'show' commands."""

    def show(self, command: str) -> str:
        """Return what the router prints for a command that begins with 'show'.

        Raises UnreachableError. The text is the router's, fit to be parsed and not to be shown.
        """
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


Connect: TypeAlias = Callable[[DeviceName], Driver]


@runtime_checkable
class EdgeDriver(Protocol):
    """An edge beyond its configuration: its keys, revoked keys, people and health.

    Every method raises DeviceError.
    """

    def rekey(self) -> Mapping[str, Any]:
        """Have it make a key to move to, unless it has one; its name there is upcoming."""
        ...

    def keys(self) -> Mapping[str, Any]:
        """Return which key its tunnels are to have, and which of them wait for it."""
        ...

    def equip(self) -> Mapping[str, Any]:
        """Hand over what it lacks for its policy, and return which list of revoked keys it has."""
        ...

    def warn(self) -> Mapping[str, Any]:
        """Have it know the list of revoked keys, and return which one it goes by."""
        ...

    def revoked(self) -> Mapping[str, Any]:
        """Return which list of revoked keys it goes by."""
        ...

    def health(self) -> Mapping[str, Any]:
        """Return how everything stands at it: paths, what each class takes, tunnels."""
        ...

    def people(self, *, there: bool = False) -> Mapping[str, Any]:
        """Return which roster it goes by: serial, state, devices; and who is there: calling."""
        ...

    def dialled(self) -> Mapping[str, Any]:
        """Return the same as people(), with everybody who ever dialled."""
        ...

    def admit(self, roster: str) -> Mapping[str, Any]:
        """Have it go by a signed roster and return the same as people()."""
        ...

    def join(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Open the mailbox of an invitation, look into it or end it."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


ConnectEdge: TypeAlias = Callable[[DeviceName], EdgeDriver]
