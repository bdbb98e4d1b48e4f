"""The test packets of all paths of a policy: opened, paced, read and closed as it says."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from edge.policy.model import EdgePolicy, Path, PathKey
from edge.probes.reflector import Listening, SessionReflector
from edge.probes.sender import SessionSender, Target
from edge.probes.stall_clock import StallClock
from edge.probes.udp_socket import interface_index
from inventory.errors import EdgeError
from inventory.model import CircuitName
from topology.quality.health import Measurement

# A metered path probed more slowly than this is not probed more closely upon suspicion.
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
        # Who follows another policy must not meet who opens what is not open yet.
        self._busy = asyncio.Lock()
        self._gauges: dict[PathKey, _PathProbe] = {}
        self._interfaces: dict[CircuitName, str] = {}

    async def follow(self, policy: EdgePolicy | None) -> None:
        """Measure the paths of a policy and no others; those that stay are not disturbed."""
        async with self._busy:
            await self._follow(policy)

    async def _follow(self, policy: EdgePolicy | None) -> None:
        self._interfaces = {u.circuit: u.interface for u in policy.underlays} if policy else {}
        anew = self._listen(policy)
        wanted = _targets(policy) if policy else {}
        for key, gauge in list(self._gauges.items()):
            if wanted.get(key, (None,))[0] != gauge.session.target or gauge.circuit in anew:
                self._gauges.pop(key).session.close()
        for key, (target, circuit) in wanted.items():
            if key not in self._gauges:
                reflector = self._reflectors[circuit][1]
                session = SessionSender(target, reflector=reflector, timekeeper=self._time)
                self._gauges[key] = _PathProbe(session, circuit)
        await self._refresh()

    async def refresh(self) -> None:
        """Open what is not open yet, and anew what lost its interface."""
        async with self._busy:
            await self._refresh()

    async def _refresh(self) -> None:
        deaf = await self._refresh_reflectors()
        for gauge in self._gauges.values():
            fault = await _brought(gauge.session, opened=gauge.opened)
            gauge.opened = gauge.opened or not fault
            gauge.fault = self._absent(gauge.circuit) or fault or deaf.get(gauge.circuit, "")

    def measure(self, key: PathKey) -> Measurement | None:
        """Return what a path showed since it was last asked; None while it is not measured."""
        gauge = self._gauges.get(key)
        return gauge.session.measure() if gauge and gauge.opened else None

    def pace(self, paces: Mapping[PathKey, float]) -> None:
        """Set the time between test packets, in seconds."""
        for key, pace_s in paces.items():
            if gauge := self._gauges.get(key):
                gauge.session.pace_s = pace_s
                quicken = pace_s <= _QUICKEN_UP_TO_S
                if gauge.session.quicken != quicken:
                    gauge.session.quicken = quicken

    def can_measure(self, key: PathKey) -> bool:
        """Return whether a path is measured, or about to be: not when it never could be."""
        gauge = self._gauges.get(key)
        return gauge is None or gauge.opened or not gauge.fault

    def fault(self, key: PathKey) -> str:
        """Return what is wrong with a path's interfaces; nothing when all is well."""
        return self._gauges[key].fault if key in self._gauges else ""

    def pace_s(self, key: PathKey) -> float | None:
        """Return the time between a path's test packets, in seconds."""
        return self._gauges[key].session.pace_s if key in self._gauges else None

    def counters(self, key: PathKey) -> Mapping[str, int]:
        """Return what a path's session has counted since it was opened."""
        if key not in self._gauges:
            return {}
        counters = self._gauges[key].session.counters
        return {name: getattr(counters, name) for name in counters.__dataclass_fields__}

    def close(self) -> None:
        """Stop measuring."""
        for gauge in self._gauges.values():
            gauge.session.close()
        for _, reflector in self._reflectors.values():
            reflector.close()
        self._gauges.clear()
        self._reflectors.clear()
        self._open_reflectors.clear()

    def _listen(self, policy: EdgePolicy | None) -> set[CircuitName]:
        """Make the reflectors a policy asks for; return the circuits whose one is new."""
        wanted = _listenings(policy) if policy else {}
        for circuit, (listening, reflector) in list(self._reflectors.items()):
            if wanted.get(circuit, (None,))[0] != listening:
                reflector.close()
                self._open_reflectors.discard(circuit)
                del self._reflectors[circuit]
        anew = wanted.keys() - self._reflectors.keys()
        for circuit, (listening, peers) in wanted.items():
            if circuit in anew:
                made = SessionReflector(listening, peers, timekeeper=self._time)
                self._reflectors[circuit] = (listening, made)
            else:
                self._reflectors[circuit][1].allow(peers)
        return set(anew)

    async def _refresh_reflectors(self) -> Mapping[CircuitName, str]:
        faults = {}
        for circuit, (_, reflector) in self._reflectors.items():
            fault = await _brought(reflector, opened=circuit in self._open_reflectors)
            if fault:
                faults[circuit] = fault
            else:
                self._open_reflectors.add(circuit)
        return faults

    def _absent(self, circuit: CircuitName) -> str:
        interface = self._interfaces[circuit]
        return "" if interface_index(interface) else f"the interface {interface} is gone"


async def _brought(end: SessionSender | SessionReflector, *, opened: bool) -> str:
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


def _target(policy: EdgePolicy, path: Path) -> Target:
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
