"""Edges in memory: their keys, the revoked keys that they know, and what they report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.keys.revocation_file import published
from inventory.errors import SanagaError
from vpn.wireguard import keys


@dataclass
class MemoryEdge:
    """One edge, which is a driver of itself; fault is raised whatever it is asked.

    Of the controller's lists of revoked keys it takes the newest when it is sent one.
    """

    name: str
    key: str = ""
    state_dir: Path = Path()
    upcoming: str = ""
    waiting: tuple[str, ...] = ()
    consultations: tuple[str, ...] = ()
    serial: int = 0
    reports: Mapping[str, Any] = field(default_factory=dict)
    fault: SanagaError | None = None
    asked: list[str] = field(default_factory=list)

    def rekey(self) -> Mapping[str, Any]:
        self._reach("rekey")
        self.upcoming = self.upcoming or keys.public_of(keys.generate_private())
        return self._keys()

    def keys(self) -> Mapping[str, Any]:
        self._reach("keys")
        return self._keys()

    def _keys(self) -> Mapping[str, Any]:
        return {
            "key": self.key,
            "upcoming": self.upcoming,
            "waiting": self.waiting,
            "phase": "idle",
            "consultations": self.consultations,
        }

    def move(self) -> None:
        """Have all tunnels use the key that it moves to."""
        self.key, self.upcoming = self.upcoming, ""

    def equip(self) -> Mapping[str, Any]:
        self._reach("equip")
        return self._listed()

    def warn(self) -> Mapping[str, Any]:
        self._reach("warn")
        return self._listed()

    def _listed(self) -> Mapping[str, Any]:
        self.serial = max(self.serial, published(self.state_dir).serial)
        return {"serial": self.serial}

    def revoked(self) -> Mapping[str, Any]:
        self._reach("revoked")
        return {"serial": self.serial}

    def health(self) -> Mapping[str, Any]:
        self._reach("health")
        return self.reports

    def people(self, *, there: bool = False) -> Mapping[str, Any]:
        self._reach("people there" if there else "people")
        return self.reports

    def dialled(self) -> Mapping[str, Any]:
        self._reach("dialled")
        return self.reports

    def admit(self, roster: str) -> Mapping[str, Any]:
        del roster
        return self.people()

    def join(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self._reach(f"join: {request['do']}")
        return request

    def close(self) -> None:
        """Hold no connection."""

    def _reach(self, what: str) -> None:
        self.asked.append(what)
        if self.fault:
            raise self.fault
