"""The driver of Linux edges: policies, signed on the way, to the door of the edge's daemon."""

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, ClassVar

from controller.clock import SystemClock
from controller.keys.psk_root import PairSecret
from controller.keys.revocation_file import published
from controller.keys.signing import signing_key
from controller.model import DeviceConfig
from controller.transport.ssh_door import DoorDriver
from edge.policy.canonical import canonical_json
from edge.policy.model import EdgePolicy
from edge.signed import policy_envelope, psk_envelope
from edge.signed.policy_envelope import SignedPolicy
from inventory.errors import PolicyRefusedError, RejectedError
from inventory.model import DeviceName


class LinuxDriver(DoorDriver):
    """One Linux edge behind its door; an edge without a policy runs an empty configuration."""

    door: ClassVar[str] = "'sanaga edge door'"

    @staticmethod
    def saved_text(text: str) -> DeviceConfig:
        """Return the policy in a file in canonical form; what is no JSON object stays as it is."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return DeviceConfig(text if text.strip() else "")
        return DeviceConfig(canonical_json(found) if isinstance(found, dict) else text)

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
            policy = policy_envelope.parse_policy(config.text, name)
        except PolicyRefusedError as error:
            raise RejectedError(name, f"what is to be signed is no policy: {error}") from error
        self.warn()
        self._equip(policy)
        serial = int(self._part("newest_serial", "status")) + 1
        signed = SignedPolicy(serial, SystemClock().instant(), policy)
        return policy_envelope.sign_policy(signed, signing_key(self._state_dir)).encode()

    def equip(self) -> Mapping[str, Any]:
        """Hand over what this edge lacks for the policy that it runs, and return as warn() does."""
        warned = self.warn()
        if running := self.read().text:
            self._equip(policy_envelope.parse_policy(running, self._device.name))
        return warned

    def _equip(self, policy: EdgePolicy) -> None:
        """Hand over the chains of preshared keys that the edge lacks for a policy.

        Raises RejectedError when it has others of the same series.
        """
        if not policy.preshared:
            return
        wanted = {(policy.series(peer), peer.device) for peer in policy.peers}
        there = self._part("pairs", "pairs")
        for series in sorted({series for series, _ in wanted}):
            peers = [device for one, device in wanted if one == series]
            self._give_chains(policy.device, series, peers, there.get(str(series), {}))

    def _give_chains(
        self,
        device: DeviceName,
        series: int,
        peers: Collection[DeviceName],
        known: Mapping[str, Any],
    ) -> None:
        """Hand over the chains of one series with some peers, but for those that are there."""
        secret, at = PairSecret(self._state_dir, series), SystemClock().instant()
        if known.get("fingerprint", secret.fingerprint) != secret.fingerprint:
            raise RejectedError(
                self._device.name,
                "it has preshared keys of another secret; restore the controller's pair_key from a "
                "backup, or raise 'preshared' in network.yaml so that all edges get new ones",
            )
        if lacking := set(peers) - set(known.get("peers", ())):
            given = secret.delivery(device, sorted(lacking), at)
            key = self._device.public_key
            self._hand_over(
                "pairs", psk_envelope.sign_psk_bundle(given, signing_key(self._state_dir), key)
            )

    def warn(self) -> Mapping[str, Any]:
        """Have this edge know the list of revoked keys, and return which one it goes by.

        Raises RejectedError when it refuses the list.
        """
        return self._told(self.revoked())

    def revoked(self) -> Mapping[str, Any]:
        """Return which list of revoked keys this edge goes by."""
        return dict(self._part("revoked", "revoked"))

    def _told(self, known: Mapping[str, Any]) -> Mapping[str, Any]:
        """Hand over the list of revoked keys to an edge that has an older one."""
        newest = published(self._state_dir)
        if newest.serial <= int(known["serial"]):
            return known
        return self._hand_over("revoked", newest.envelope)

    def people(self, *, there: bool = False) -> Mapping[str, Any]:
        """Return which roster of people this gateway goes by, and who of them is there if asked."""
        return dict(self._part("people", "people", *(["there"] if there else [])))

    def dialled(self) -> Mapping[str, Any]:
        """Return the same as people(), with everybody who ever dialled this gateway."""
        return dict(self._part("people", "people", "who"))

    def health(self) -> Mapping[str, Any]:
        """Return how everything stands at this edge: paths, what each class takes, tunnels."""
        return dict(self._part("status", "health"))

    def admit(self, roster: str) -> Mapping[str, Any]:
        """Have this gateway go by a signed roster from now on, and return the same as people().

        Raises RejectedError when it refuses the roster.
        """
        admitted = self._hand_over("people", roster)
        if "revoked" in admitted:
            self._told({"serial": admitted["revoked"]})
        return admitted

    def join(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have this gateway open, look into or end the mailbox of an invitation."""
        return self._hand_over("join", json.dumps(request))

    def _hand_over(self, verb: str, envelope: str) -> Mapping[str, Any]:
        """Give the edge something that no process argument shows, and return what it has then."""
        given = envelope.encode()
        digest = sha256(given).hexdigest()
        return dict(self._part(verb, verb, str(len(given)), digest, data=given))

    def rekey(self) -> Mapping[str, Any]:
        """Have this edge make a key to move to, unless it has one, and return it and keys()."""
        return self._ask("rekey")

    def keys(self) -> Mapping[str, Any]:
        """Return which key this edge's tunnels are to have, and which of them wait for it."""
        return dict(self._part("keys", "keys"))
