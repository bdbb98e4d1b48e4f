"""The driver of Linux edges: policies, signed on the way, to the door of the edge's daemon."""

from collections.abc import Callable
from typing import ClassVar, TypeAlias

from controller.clock import SystemClock
from controller.drivers.ssh_door import USUAL_PATIENCE, DoorDriver, Patience
from controller.settings import Settings
from controller.signing import signing_key
from controller.state import DeviceConfig
from edge import wire
from edge.policy import EdgePolicy
from edge.wire import SignedPolicy
from inventory.errors import PolicyRefusedError, RejectedError
from inventory.model import Device

# What makes a policy of that serial the signed text that an edge takes.
Sign: TypeAlias = Callable[[int, EdgePolicy], str]


def sign_here(serial: int, policy: EdgePolicy) -> str:
    """Return a policy in an envelope that this controller signs now. Raises CredentialError."""
    signed = SignedPolicy(serial, SystemClock().instant(), policy)
    return wire.sign(signed, signing_key(Settings().state_dir))


class LinuxDriver(DoorDriver):
    """One Linux edge behind its door; an edge without a policy runs an empty configuration."""

    door: ClassVar[str] = "'sanaga edge door'"

    def __init__(
        self,
        device: Device,
        *,
        secret: str,
        namespace: str | None,
        patience: Patience = USUAL_PATIENCE,
        sign: Sign = sign_here,
    ) -> None:
        super().__init__(device, secret=secret, namespace=namespace, patience=patience)
        self._sign = sign

    def _candidate(self, config: DeviceConfig) -> bytes:
        """Return a policy in an envelope with the serial after that of the running one."""
        name = self._device.name
        if not config.text:
            raise RejectedError(
                name, "there is no policy to go back to; 'sanaga edge stop' there takes all away"
            )
        try:
            policy = wire.policy(config.text, name)
        except PolicyRefusedError as error:
            raise RejectedError(name, f"what is to be signed is no policy: {error}") from error
        serial = int(self._part("serial", "status")) + 1
        return self._sign(serial, policy).encode()
