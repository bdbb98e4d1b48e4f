"""The values the loop passes along: intended, operational, plan, push result, verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Final

from inventory.model import DeviceName, Intent, Platform, StaticRoute
from policies.model import Finding
from policies.packet_filter.model import PacketFilter
from topology.model import BlastRadius


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface as it should be; description is free text and never becomes a command."""

    name: str
    ipv4: IPv4Interface | None
    ipv6: IPv6Interface | None
    description: str = ""


@dataclass(frozen=True, slots=True)
class BgpSession:
    """An internal BGP session over one circuit, as it should be; both ends reflect (RFC 4456).

    cost is what crossing the circuit adds to a route's MED; graceful_shutdown drains the
    circuit (RFC 8326).
    """

    peer: IPv4Address
    peer_device: DeviceName
    cost: int = 1
    graceful_shutdown: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Intended:
    """What one device should be, in no vendor's words (RFC 8342 calls it <intended>).

    networks4 and networks6 are what this device originates, its loopback included. Interfaces
    are sorted by name, sessions by peer, networks and routes by prefix.
    """

    device: DeviceName
    platform: Platform
    asn: int
    router_id: IPv4Address
    loopback6: IPv6Address
    interfaces: tuple[Interface, ...]
    sessions: tuple[BgpSession, ...]
    networks4: tuple[IPv4Network, ...]
    networks6: tuple[IPv6Network, ...]
    routes: tuple[StaticRoute, ...] = ()
    description: str = ""
    packet_filter: PacketFilter | None = None


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """A device's whole configuration as text, in the canonical form of its platform."""

    text: str

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Operational:
    """What the devices say they are, and which of them said nothing and why."""

    configs: Mapping[DeviceName, DeviceConfig]
    unreachable: Mapping[DeviceName, str]


class Impact(StrEnum):
    """The worst a change can do to traffic while it is applied."""

    NONE = "none"
    REROUTE = "reroute"
    INTERRUPTION = "interruption"


NO_HARM: Final = BlastRadius((), (), (), 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Change:
    """One device's step from what it is to what it should be."""

    device: DeviceName
    platform: Platform
    before: DeviceConfig
    after: DeviceConfig
    diff: str
    impact: Impact
    because: str
    cannot_revert: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an apply needs, decided beforehand.

    waves are applied in order, the first being the canary; seen holds the fingerprint of every
    device's configuration the plan was computed from; loopbacks and reaches say which devices
    must reach which others once it is applied, adjacent which devices share a circuit; beyond are
    pairs with a router that was not planned for, which must hold if they did before.
    blast_radius is that of the worst wave (counted from 1, 0 when no wave cuts anything),
    steady what is worse than before once everything is applied. cannot_revert tells what no
    rollback brings back, forced which failing expectations the engineer accepted, notices what
    people must know beyond. refused tells why it must not be applied. intent is what the network
    follows afterwards, None when that is not known, folder where its credentials are written.
    """

    id: str
    network: str
    created_at: str
    intent_fingerprint: str
    seen: Mapping[DeviceName, str]
    waves: tuple[tuple[Change, ...], ...]
    blast_radius: BlastRadius
    findings: tuple[Finding, ...]
    loopbacks: Mapping[DeviceName, IPv4Address]
    reaches: tuple[tuple[DeviceName, DeviceName], ...]
    adjacent: tuple[tuple[DeviceName, DeviceName], ...] = ()
    steady: BlastRadius = NO_HARM
    worst_wave: int = 0
    cannot_revert: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    intent: Intent | None = None
    beyond: tuple[tuple[DeviceName, DeviceName], ...] = ()
    notices: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    folder: str = ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return all changes in the order they are applied."""
        return tuple(change for wave in self.waves for change in wave)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the network does what the plan promised, and what was seen."""

    holds: bool
    evidence: tuple[str, ...]


class Outcome(StrEnum):
    """How an apply ended."""

    CONFIRMED = "confirmed"
    PENDING = "pending"
    ROLLED_BACK = "rolled-back"
    UNREACHABLE = "unreachable"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class PushResult:
    """How an apply ended, and for each device in one sentence what it is now.

    apply_id is its number in the journal, 0 when nothing was begun; until says when a pending
    apply undoes itself; evidence is what the end-to-end check saw.
    """

    plan_id: str
    outcome: Outcome
    devices: Mapping[DeviceName, str]
    because: str
    apply_id: int = 0
    until: str = ""
    evidence: tuple[str, ...] = ()
