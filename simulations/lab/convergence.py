"""When a laboratory has converged: sessions up, routes at rest, every host reached."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from inventory.errors import LabError
from simulations.devices.vty import ask_json
from simulations.netns.blueprint import Blueprint, BlueprintRouter, Wire
from simulations.netns.links import Circuits
from simulations.netns.registry import Folder
from simulations.netns.waiting import eventually

ESTABLISHED: Final = "Established"
BFD_UP: Final = "up"
POLL_S: Final = 0.2
# bgpd gathers updates for a second before it sends them.
REST_S: Final = 1.5


@dataclass(slots=True)
class _Watch:
    """What convergence still lacks, and since when the routers' tables rest."""

    missing: list[str] = field(default_factory=lambda: ["anything"])
    versions: tuple[int, ...] = ()
    since: float = 0.0

    def unrest(self, versions: tuple[int, ...]) -> list[str]:
        """Return a complaint until the tables have not changed for a while."""
        now = time.monotonic()
        if versions != self.versions:
            self.versions, self.since = versions, now
        return [] if now - self.since >= REST_S else ["routes at rest"]


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of a laboratory's routers, as the routers tell them."""

    folder: Folder
    blueprint: Blueprint
    links: Circuits

    def wait(self, unreached: Callable[[], list[str]], within_s: float) -> None:
        """Wait until sessions over whole circuits are up, routes rest and nothing is unreached.

        Raises LabError naming what is still missing.
        """
        watch = _Watch()

        def settled() -> bool:
            watch.missing = self._unsettled() or watch.unrest(self._table_versions())
            watch.missing = watch.missing or unreached()
            return not watch.missing

        try:
            eventually(settled, within_s=within_s, what="convergence", every_s=POLL_S)
        except LabError as error:
            more = f" and {len(watch.missing) - 5} more" if len(watch.missing) > 5 else ""
            raise LabError(f"{error}; missing: {', '.join(watch.missing[:5])}{more}") from error

    def peers(self, router: BlueprintRouter) -> Mapping[str, str]:
        """Return the state of a router's BGP sessions by the neighbour's address."""
        return {
            address: str(peer.get("state"))
            for family in self._summary(router)
            for address, peer in family.get("peers", {}).items()
        }

    def _summary(self, router: BlueprintRouter) -> Sequence[dict[str, Any]]:
        """Return what bgpd tells about each address family; nothing when it does not answer."""
        socket_path = self.folder.router(router.device) / "bgpd.vty"
        summary: dict[str, Any] = ask_json(socket_path, "show bgp summary json") or {}
        return [family for family in summary.values() if isinstance(family, dict)]

    def _table_versions(self) -> tuple[int, ...]:
        """Return numbers that change with every change of any router's BGP tables."""
        return tuple(
            int(family.get("tableVersion", 0))
            for router in self.blueprint.routers
            for family in self._summary(router)
        )

    def _unsettled(self) -> list[str]:
        broken = self._broken_addresses()
        return [text for r in self.blueprint.routers for text in self._missing_peers(r, broken)]

    def _missing_peers(self, router: BlueprintRouter, broken: frozenset[str]) -> Iterator[str]:
        peers = self.peers(router)
        if not peers:
            yield f"any session of {router.device}"
        for address, state in peers.items():
            if state != ESTABLISHED and address not in broken:
                yield f"{router.device} to {address} ({state})"
        # BGP alone notices a black hole only after its hold time.
        for address, state in self._bfd(router).items():
            if state != BFD_UP and address not in broken:
                yield f"BFD of {router.device} to {address} ({state})"

    def _bfd(self, router: BlueprintRouter) -> Mapping[str, str]:
        """Return the state of a router's BFD sessions by the neighbour's address."""
        socket_path = self.folder.router(router.device) / "bfdd.vty"
        peers: list[dict[str, Any]] = ask_json(socket_path, "show bfd peers json") or []
        return {str(peer["peer"]): str(peer["status"]) for peer in peers}

    def _broken_addresses(self) -> frozenset[str]:
        states = self.links.states()
        wires: list[Wire] = [
            w for w in self.blueprint.wires if w.circuit in states and not states[w.circuit].carries
        ]
        return frozenset(str(address) for wire in wires for address in wire.addresses)
