"""Keys that are shut out: the newest list that the controller signed, in revoked.json.

A list has a serial that grows; a newer one takes the place of an older one, from wherever it comes.
Keys that a device has once learnt of stay shut out, also when a later list leaves them out to be
short.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from edge.policy.model import EdgePolicy, Peer
from edge.storage import atomic
from inventory.errors import PolicyRefusedError
from vpn.key_text import PublicKey, key_octets
from vpn.people.revocation_list import RevocationList

FILE: Final = "revoked.json"
KEYS: Final = "revoked.keys"


# Returns the list of an envelope, or raises PolicyRefusedError naming the file.
Check: TypeAlias = Callable[[str, str], RevocationList]


class RevokedKeys:
    """The keys that a running edge shuts out; refused says why the list on the disk is not used."""

    def __init__(self, folder: Path, check: Check) -> None:
        self._file, self._keys_file = folder / FILE, folder / KEYS
        self._check = check
        self._busy = asyncio.Lock()
        self.serial = 0
        self.envelope = ""
        self.keys: frozenset[PublicKey] = frozenset()
        self.refused = ""
        self.disk_fault = ""
        self._unsaved = False

    async def open(self) -> None:
        """Take up what is on the disk. Raises EdgeError, OSError."""
        with suppress(FileNotFoundError):
            words = self._keys_file.read_text(encoding="ascii", errors="replace").split()
            self.keys = frozenset(word for word in words if key_octets(word))
        with suppress(FileNotFoundError):
            envelope = self._file.read_text(encoding="utf-8", errors="replace")
            try:
                self._hold(envelope, await asyncio.to_thread(self._check, envelope, FILE))
            except PolicyRefusedError as error:
                self.refused = str(error)

    async def take(self, envelope: str, file: str = "the list of revoked keys") -> bool:
        """Use a list from now on; return whether it shuts out any further key.

        One that is not newer than what is here changes nothing. Raises PolicyRefusedError when the
        controller has not signed it, and EdgeError.
        """
        async with self._busy:
            if envelope == self.envelope:
                return False
            found = await asyncio.to_thread(self._check, envelope, file)
            if found.serial <= self.serial:
                return False
            before = self.keys
            # A disk that takes nothing keeps nobody from being shut out.
            self._hold(envelope, found)
            self._unsaved = True
            await self._save()
            return self.keys != before

    async def tend(self) -> None:
        """Write down what the disk did not take before."""
        async with self._busy:
            if self._unsaved:
                await self._save()

    async def _save(self) -> None:
        try:
            # The keys first: a daemon that is killed in between takes the list again.
            text = "\n".join((*sorted(self.keys), ""))
            await asyncio.to_thread(atomic.replace, self._keys_file, text)
            await asyncio.to_thread(atomic.replace, self._file, self.envelope)
        except OSError as error:
            self.disk_fault = f"{FILE}: {error.strerror}"
            return
        self._unsaved, self.disk_fault = False, ""

    def _hold(self, envelope: str, found: RevocationList) -> None:
        self.serial, self.envelope, self.refused = found.serial, envelope, ""
        self.keys = self.keys.union(found.keys)

    def cut(self, policy: EdgePolicy | None) -> EdgePolicy | None:
        """Return a policy without the peers whose keys are shut out."""
        peers = policy.peers if policy else ()
        if not policy or not any(self.keys & {p.public_key, p.next_key} for p in peers):
            return policy
        left = (self._left(peer) for peer in policy.peers)
        return replace(policy, peers=tuple(filter(None, left)))

    def _left(self, peer: Peer) -> Peer | None:
        """Return a peer with those of its two keys that are not shut out; None without any."""
        keys = [key for key in (peer.public_key, peer.next_key) if key and key not in self.keys]
        if not keys:
            return None
        return replace(peer, public_key=keys[0], next_key=keys[1] if len(keys) > 1 else "")

    def status(self) -> Mapping[str, Any]:
        """Return which list holds and how many keys are shut out."""
        return {"serial": self.serial, "keys": len(self.keys), "refused": self.refused}
