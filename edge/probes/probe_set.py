"""The test packets of all paths of a policy: opened, paced, read and closed as it says."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from math import inf
from typing import Final

from edge.policy.model import EdgePolicy, PathKey, PeerPath
from edge.probes.reflector import Listening, SessionReflector
from edge.probes.sender import SessionSender, Target
from edge.probes.stall_clock import StallClock
from edge.probes.udp_socket import interface_index
from inventory.errors import EdgeError
from inventory.model import CircuitName
from topology.quality.health import Measurement

# A metered path that is probed more slowly, in seconds between packets, is not probed more closely
# upon suspicion.
_QUICKEN_UP_TO_S: Final = 0.5


@dataclass(slots=True)
class _PathProbe:
    """The session of one path; fault says why it cannot be measured now."""

    session: SessionSender
    circuit: CircuitName
    opened: bool = False
    fault: str = ""


class ProbeSet:
    """One session per path and one reflector per underlay, at both ends alike."""

    def __init__(self) -> None:
        self._time = StallClock(time.monotonic)
        self._reflectors: dict[CircuitName, tuple[Listening, SessionReflector]] = {}
        self._open_reflectors: set[CircuitName] = set()
        # Following another policy and opening what is not open yet must not overlap.
        self._busy = asyncio.Lock()
        self._probes: dict[PathKey, _PathProbe] = {}
        self._interfaces: dict[CircuitName, str] = {}

    async def follow(self, policy: EdgePolicy | None) -> None:
        """Measure the paths of a policy and no others; those that stay are not disturbed."""
        async with self._busy:
            await self._follow(policy)

    async def _follow(self, policy: EdgePolicy | None) -> None:
        self._interfaces = {u.circuit: u.interface for u in policy.underlays} if policy else {}
        renewed = self._listen(policy)
        wanted = _targets(policy) if policy else {}
        for key, probe in list(self._probes.items()):
            if wanted.get(key, (None,))[0] != probe.session.target or probe.circuit in renewed:
                self._probes.pop(key).session.close()
        for key, (target, circuit) in wanted.items():
            if key not in self._probes:
                reflector = self._reflectors[circuit][1]
                session = SessionSender(target, reflector=reflector, stall_clock=self._time)
                self._probes[key] = _PathProbe(session, circuit)
        await self._refresh()

    async def refresh(self) -> None:
        """Open what is not open yet, and open again what lost its interface."""
        async with self._busy:
            await self._refresh()

    async def _refresh(self) -> None:
        faults = await self._refresh_reflectors()
        for probe in self._probes.values():
            fault = await _opened_or_refreshed(probe.session, opened=probe.opened)
            probe.opened = probe.opened or not fault
            probe.fault = self._absent(probe.circuit) or fault or faults.get(probe.circuit, "")

    def measure(self, key: PathKey) -> Measurement | None:
        """Return what a path showed since it was last asked; None while it is not measured."""
        probe = self._probes.get(key)
        return probe.session.measure() if probe and probe.opened else None

    def answered_sent_s(self, key: PathKey) -> float:
        """Return when the newest test packet that was answered had been sent; -inf if none was."""
        return self._probes[key].session.answered_sent_s if key in self._probes else -inf

    def pace(self, paces: Mapping[PathKey, float]) -> None:
        """Set the time between test packets, in seconds."""
        for key, pace_s in paces.items():
            if probe := self._probes.get(key):
                probe.session.pace_s = pace_s
                quicken = pace_s <= _QUICKEN_UP_TO_S
                if probe.session.quicken != quicken:
                    probe.session.quicken = quicken

    def can_measure(self, key: PathKey) -> bool:
        """Return whether a path is measured, or about to be: not when it never could be."""
        probe = self._probes.get(key)
        return probe is None or probe.opened or not probe.fault

    def fault(self, key: PathKey) -> str:
        """Return what is wrong with a path's interfaces; nothing when all is well."""
        return self._probes[key].fault if key in self._probes else ""

    def pace_s(self, key: PathKey) -> float | None:
        """Return the time between a path's test packets, in seconds."""
        return self._probes[key].session.pace_s if key in self._probes else None

    def counters(self, key: PathKey) -> Mapping[str, int]:
        """Return what a path's session has counted since it was opened."""
        if key not in self._probes:
            return {}
        counters = self._probes[key].session.counters
        return {name: getattr(counters, name) for name in counters.__dataclass_fields__}

    def close(self) -> None:
        """Stop measuring."""
        for probe in self._probes.values():
            probe.session.close()
        for _, reflector in self._reflectors.values():
            reflector.close()
        self._probes.clear()
        self._reflectors.clear()
        self._open_reflectors.clear()

    def _listen(self, policy: EdgePolicy | None) -> set[CircuitName]:
        """Make the reflectors of a policy; return the circuits whose reflector is new."""
        wanted = _listenings(policy) if policy else {}
        for circuit, (listening, reflector) in list(self._reflectors.items()):
            if wanted.get(circuit, (None,))[0] != listening:
                reflector.close()
                self._open_reflectors.discard(circuit)
                del self._reflectors[circuit]
        renewed = wanted.keys() - self._reflectors.keys()
        for circuit, (listening, peers) in wanted.items():
            if circuit in renewed:
                made = SessionReflector(listening, peers, stall_clock=self._time)
                self._reflectors[circuit] = (listening, made)
            else:
                self._reflectors[circuit][1].allow(peers)
        return set(renewed)

    async def _refresh_reflectors(self) -> Mapping[CircuitName, str]:
        faults = {}
        for circuit, (_, reflector) in self._reflectors.items():
            fault = await _opened_or_refreshed(reflector, opened=circuit in self._open_reflectors)
            if fault:
                faults[circuit] = fault
            else:
                self._open_reflectors.add(circuit)
        return faults

    def _absent(self, circuit: CircuitName) -> str:
        interface = self._interfaces[circuit]
        return "" if interface_index(interface) else f"the interface {interface} is gone"


async def _opened_or_refreshed(end: SessionSender | SessionReflector, *, opened: bool) -> str:
    """Open an end, or refresh an open one; return why that cannot be done."""
    try:
        if opened:
            end.refresh()
        else:
            await end.open()
    except EdgeError as error:
        return str(error)
    return ""


def _targets(policy: EdgePolicy) -> dict[PathKey, tuple[Target, CircuitName]]:
    return {
        (peer.device, path.name): (_target(policy, path), path.circuit)
        for peer in policy.peers
        for path in peer.paths
    }


def _target(policy: EdgePolicy, path: PeerPath) -> Target:
    underlay = policy.underlay(path.circuit)
    return Target(path.name, underlay.tunnel_address, path.remote_address, underlay.tunnel)


def _listenings(
    policy: EdgePolicy,
) -> dict[CircuitName, tuple[Listening, Mapping[IPv4Address, None]]]:
    peers: dict[CircuitName, dict[IPv4Address, None]] = {}
    for peer in policy.peers:
        for path in peer.paths:
            peers.setdefault(path.circuit, {})[path.remote_address] = None
    return {
        underlay.circuit: (
            Listening(underlay.tunnel_address, underlay.tunnel),
            peers.get(underlay.circuit, {}),
        )
        for underlay in policy.underlays
    }
