"""WireGuard interfaces as values, and what an implementation must do with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final, Protocol, TypeAlias

from edge.policy.model import Prefix, TunnelEndpoint
from vpn.key_text import PublicKey

Interface: TypeAlias = IPv4Interface | IPv6Interface

# What WireGuard takes for no preshared key.
NO_PRESHARED_KEY: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class TunnelPeer:
    """A far end of an interface; endpoint is None where it dials us.

    A session that stands goes on when its preshared key becomes another; the next one needs it.
    """

    public_key: PublicKey
    allowed: tuple[Prefix, ...]
    endpoint: TunnelEndpoint | None = None
    keepalive_s: int = 0
    preshared_key: bytes = field(default=NO_PRESHARED_KEY, repr=False)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A WireGuard interface as it should be; mark is set on its outer packets (0: none).

    key is the public one of which of the device's keys it has; nothing is the first. sticky allows
    that outer packets leave by the interface on which the far end was last heard; where it is
    False they follow routes alone.
    """

    name: str
    mtu: int
    listen_port: int
    mark: int
    addresses: tuple[Interface, ...]
    peers: tuple[TunnelPeer, ...]
    key: PublicKey = ""
    sticky: bool = True


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A far end as it is: handshake_at_s is UNIX time, 0 when there was none."""

    endpoint: TunnelEndpoint | None
    handshake_at_s: float
    received_octets: int
    sent_octets: int


@dataclass(frozen=True, slots=True)
class TunnelState:
    """An interface as it is; index changes if it was made again."""

    index: int
    mtu: int
    listen_port: int
    mark: int
    peers: Mapping[PublicKey, PeerStatus]


class WireGuard(Protocol):
    """Makes WireGuard interfaces: the kernel's own, or wireguard-go's where it has none.

    Every method raises TunnelError naming the interface. Changing one peer never disturbs another.
    """

    def ensure(self, tunnel: Tunnel, private_key: bytes) -> tuple[str, ...]:
        """Make an interface what it should be and return, in words, what had to be done."""
        ...

    def state(self, name: str) -> TunnelState | None:
        """Return an interface as it is; None when it does not exist or nobody serves it."""
        ...

    def remove(self, name: str) -> None:
        """Take an interface and whatever serves it away; nothing happens if it is not there."""
        ...


def redial(wireguard: WireGuard, tunnel: Tunnel, private_key: bytes, peer: PublicKey) -> None:
    """Forget the session with a peer that we dial, and shake hands with it at once.

    For a path that is dead although nothing else is known to be wrong: when a listening end has
    lost its sessions, the dialling end's WireGuard notices after 15 s, and one whose first attempt
    was lost tries again after 5 s. The peer needs a keepalive. Raises TunnelError.
    """
    others = tuple(other for other in tunnel.peers if other.public_key != peer)
    wireguard.ensure(replace(tunnel, peers=others), private_key)
    wireguard.ensure(tunnel, private_key)
