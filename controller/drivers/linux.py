"""The driver of Linux edges: policies, signed on the way, to the door of the edge's daemon."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

from controller.clock import SystemClock
from controller.drivers.ssh_door import DoorDriver
from controller.signing import signing_key
from controller.state import DeviceConfig
from edge import wire
from edge.wire import SignedPolicy
from inventory.errors import PolicyRefusedError, RejectedError


class LinuxDriver(DoorDriver):
    """One Linux edge behind its door; an edge without a policy runs an empty configuration."""

    door: ClassVar[str] = "'sanaga edge door'"

    def _candidate(self, config: DeviceConfig) -> bytes:
        """Return a policy, signed now, with the serial after that of the newest one that ever ran.

        Raises CredentialError when this controller's key cannot be used.
        """
        name = self._device.name
        if not config.text:
            raise RejectedError(
                name, "there is no policy to go back to; 'sanaga edge stop' there takes all away"
            )
        try:
            policy = wire.policy(config.text, name)
        except PolicyRefusedError as error:
            raise RejectedError(name, f"what is to be signed is no policy: {error}") from error
        serial = int(self._part("newest_serial", "status")) + 1
        signed = SignedPolicy(serial, SystemClock().instant(), policy)
        return wire.sign(signed, signing_key(self._state_dir)).encode()

    def people(self) -> Mapping[str, Any]:
        """Return which roster of people this gateway goes by, and who of them is there."""
        return dict(self._part("people", "people"))

    def admit(self, roster: str) -> Mapping[str, Any]:
        """Have this gateway go by a signed roster from now on, and return the same as people().

        Raises RejectedError when it refuses the roster.
        """
        given = roster.encode()
        digest = sha256(given).hexdigest()
        return dict(self._part("people", "people", str(len(given)), digest, data=given))

    def rekey(self) -> Mapping[str, Any]:
        """Have this edge make a key to move to, unless it has one, and return it and keys()."""
        return self._ask("rekey")

    def keys(self) -> Mapping[str, Any]:
        """Return which key this edge's tunnels are to have, and which of them wait for it."""
        return dict(self._part("keys", "keys"))
