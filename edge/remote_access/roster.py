"""Roster that this gateway admits: the newest that the controller signed, in people.json.

It holds without any controller, through restarts; the device itself puts out people whose last day
is over. Days are UTC's. A clock that is set back brings nobody back, also after a restart:
the newest day that was seen is in people.day, and counts until a newer roster comes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeAlias

from edge.clock import Moment
from edge.remote_access.peers import RemoteAccess, remote_access, unusable_keys
from edge.storage import atomic
from inventory.errors import EdgeError, PolicyRefusedError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.people import dns_names
from vpn.people.roster import Roster, SignedRoster

Json: TypeAlias = Mapping[str, Any]
# Returns the roster of an envelope, which a file of that name holds, or raises PolicyRefusedError.
Check: TypeAlias = Callable[[str, str], SignedRoster]
Install: TypeAlias = Callable[[RemoteAccess], Awaitable[None]]

FILE: Final = "people.json"
DAY: Final = "people.day"
NAMES: Final = "names"
HOSTS: Final = "sanaga.hosts"


class ActiveRoster:
    """The roster in effect on a running edge; install admits people.

    refused says why a roster on the disk is not used, or is not in effect, and which of its devices
    are left out. own_keys are this edge's, by which nobody else dials. Without a roster nobody is
    admitted.
    """

    def __init__(
        self,
        folder: Path,
        device: DeviceName,
        check: Check,
        install: Install,
        clock: Callable[[], Moment],
    ) -> None:
        self._file, self._day_file, self._names = folder / FILE, folder / DAY, folder / NAMES
        self._device = device
        self._check = check
        self._install = install
        self._clock = clock
        self.own_keys: Callable[[], Collection[PublicKey]] = tuple
        self._in_effect: SignedRoster | None = None
        self._barred: frozenset[PublicKey] = frozenset()
        self._due = False
        self._busy = asyncio.Lock()
        self._day: date | None = None
        self._envelope = ""
        self.signed: SignedRoster | None = None
        self.refused = ""

    async def open(self) -> None:
        """Use the roster on the disk, if there is one. Raises EdgeError."""
        async with self._busy:
            with suppress(FileNotFoundError):
                await self._load()

    async def replace(self, envelope: str) -> None:
        """Use another roster from now on; the one before holds until then.

        Raises PolicyRefusedError when it is not signed, not for this device or not newer than the
        one that holds, EdgeError and OSError.
        """
        async with self._busy:
            signed = await asyncio.to_thread(self._checked, envelope, "the roster")
            if self.signed and envelope != self._envelope:
                self._require_newer(signed)
            await asyncio.to_thread(atomic.replace, self._file, envelope)
            self.signed, self._envelope, self.refused = signed, envelope, ""
            # The controller that signed it knew what day it was.
            self._day = None
            await self._admit()

    async def refresh(self) -> None:
        """Put out people whose last day is over. Raises EdgeError."""
        async with self._busy:
            if self.signed and (self._due or self._today() != self._day):
                await self._admit()

    async def exclude_keys(self, keys: frozenset[PublicKey]) -> None:
        """Put out devices with some keys, and do not admit them again. Raises EdgeError."""
        async with self._busy:
            self._barred, self._due = keys, True
            await self._admit()

    def status(self) -> Json:
        """Return which roster holds and how many devices it admits today.

        The serial is that of the newest roster; everything else is of the one that took effect.
        """
        signed = self._in_effect
        return {
            "serial": self.signed.serial if self.signed else 0,
            "state": signed.state if signed else 0,
            "issued_at": signed.issued_at.isoformat() if signed else None,
            "interface": signed.roster.interface if signed else None,
            "devices": len(self._current(signed).devices) if signed else 0,
            "refused": self.refused,
        }

    def _current(self, signed: SignedRoster) -> Roster:
        return signed.roster.on(self._today()).without(self._barred | self._unusable(signed))

    def _unusable(self, signed: SignedRoster) -> frozenset[PublicKey]:
        return unusable_keys(signed.roster, self.own_keys())

    async def _load(self) -> None:
        envelope = await asyncio.to_thread(self._file.read_text, encoding="utf-8")
        try:
            self.signed = await asyncio.to_thread(self._checked, envelope, str(self._file))
        except PolicyRefusedError as error:
            self.refused = str(error)
            return
        self._envelope = envelope
        with suppress(OSError, ValueError):
            self._day = date.fromisoformat(self._day_file.read_text(encoding="ascii"))
        await self._admit()

    def _checked(self, envelope: str, file: str) -> SignedRoster:
        signed = self._check(envelope, file)
        if signed.roster.gateway != self._device:
            raise PolicyRefusedError(
                f"{file} is for {signed.roster.gateway!r} and not for this device, {self._device!r}"
            )
        return signed

    def _require_newer(self, signed: SignedRoster) -> None:
        if self.signed and signed.serial <= self.signed.serial:
            raise PolicyRefusedError(
                f"roster {signed.serial} is not newer than {self.signed.serial}, which holds; load "
                "this gateway again"
            )

    async def _admit(self) -> None:
        if self.signed:
            day, unusable = self._today(), self._unusable(self.signed)
            self.refused = _left_out(len(unusable))
            try:
                await self._install(remote_access(self.signed, day, self._barred | unusable))
            except EdgeError as error:
                self.refused = f"roster {self.signed.serial} is not in effect: {error}"
                raise
            self._in_effect = self.signed
            await asyncio.to_thread(self._write_hosts_file, self.signed.roster)
            # Only what took effect counts, so that refresh() tries again.
            self._day, self._due = day, False
            with suppress(OSError):
                await asyncio.to_thread(atomic.replace, self._day_file, day.isoformat())

    def _write_hosts_file(self, roster: Roster) -> None:
        """Write names for the resolver that looks into the folder, where there is one."""
        if self._names.is_dir():
            text, file = dns_names.hosts_file(roster.network, roster.names), self._names / HOSTS
            if not file.exists() or file.read_bytes() != text.encode():
                atomic.replace(file, text, mode=0o644)

    def _today(self) -> date:
        today = self._clock().instant.date()
        known = [day for day in (self._day, self.signed and self.signed.issued_at.date()) if day]
        return max(today, *known) if known else today


def _left_out(number: int) -> str:
    """Return that devices of a roster are not let in, if any are not."""
    if not number:
        return ""
    return (
        f"left out of the roster: {number} with a key of this edge's own, or no key at all; give "
        "those devices other keys with 'sanaga vpn person rotate'"
    )
