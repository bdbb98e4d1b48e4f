"""What an edge must do, as trusted values: underlays, peers, paths, classes of traffic.

A policy is the same whether it came from the controller a minute or a month ago. Edges and hubs
read the same kind of policy: a hub is an edge that others dial.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final, TypeAlias

from inventory.model import CircuitName, DeviceName, Medium
from policies.model import PathPolicy, ServiceClass, ServiceName
from policies.packet_filter.model import PacketFilter
from topology.quality.health import PathName

Prefix: TypeAlias = IPv4Network | IPv6Network

STAMP_PORT: Final = 862
CARE_PORT: Final = 51_831


@dataclass(frozen=True, slots=True)
class TunnelEndpoint:
    """Where a tunnel's far end listens, on the underlay."""

    address: IPv4Address
    port: int


@dataclass(frozen=True, slots=True)
class Underlay:
    """One of this device's circuits, and the WireGuard interface that runs over it.

    gateway is the next hop on the circuit. tunnel is the interface's name (15 characters at most,
    unique on the host), tunnel_address its address, mtu its MTU. rates are the circuit's.
    shape_ingress asks for shaping of what arrives, too, where the provider does not.
    """

    circuit: CircuitName
    interface: str
    gateway: IPv4Address
    medium: Medium
    metered: bool
    rate_up_mbps: float
    rate_down_mbps: float
    tunnel: str
    tunnel_address: IPv4Address
    listen_port: int
    mtu: int
    shape_ingress: bool = False


@dataclass(frozen=True, slots=True)
class PeerPath:
    """A path to a peer over one of our underlays; both ends know it by the same name.

    remote_address is the peer's address inside the tunnel; endpoint is None where the peer dials
    us. medium, metered and cost are of the path as a whole, rate_mbps what the peer can receive.
    """

    name: PathName
    circuit: CircuitName
    remote_address: IPv4Address
    endpoint: TunnelEndpoint | None
    medium: Medium
    metered: bool
    cost: int
    rate_mbps: float


@dataclass(frozen=True, slots=True)
class Peer:
    """Another edge or hub: its key, its loopback (the care tunnel's end), the LANs behind it.

    next_key is the key that it is moving to, if it is; until it has, either key is accepted.
    """

    device: DeviceName
    public_key: str
    loopback: IPv4Address
    prefixes: tuple[Prefix, ...]
    paths: tuple[PeerPath, ...]
    next_key: str = ""
    preshared: int | None = None


@dataclass(frozen=True, slots=True)
class CareTunnel:
    """The nested tunnel of consultations; mtu fits the narrowest transport."""

    interface: str
    mtu: int
    port: int = CARE_PORT


@dataclass(frozen=True, slots=True)
class TrafficClass:
    """A service class as an edge needs it: its share and marks, and how it chooses paths."""

    service: ServiceClass
    paths: PathPolicy


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """Everything one device must do; own prefixes are the LANs behind it, lans their interfaces.

    key is the public key that its tunnels are to have; without one it is that of its enrolment.
    preshared is the series of the preshared keys with its peers, but for those that have their own;
    0 is no series. packet_filter is what passes between segments; without one all does. telemetry
    are the endpoints of controllers that the device reports to; without one it reports to nobody.
    """

    network: str
    device: DeviceName
    loopback: IPv4Address
    prefixes: tuple[Prefix, ...]
    lans: tuple[str, ...]
    underlays: tuple[Underlay, ...]
    peers: tuple[Peer, ...]
    care: CareTunnel
    classes: tuple[TrafficClass, ...]
    key: str = ""
    preshared: int = 0
    packet_filter: PacketFilter | None = None
    telemetry: tuple[str, ...] = ()

    @property
    def tunnels(self) -> tuple[str, ...]:
        """Return the interfaces of its tunnels, the care tunnel's last."""
        return (*(underlay.tunnel for underlay in self.underlays), self.care.interface)

    def series(self, peer: Peer) -> int:
        """Return the series of the preshared keys with a peer; 0 is no series."""
        return self.preshared if peer.preshared is None else peer.preshared

    def underlay(self, circuit: CircuitName) -> Underlay:
        """Return one of the device's underlays. Raises KeyError."""
        return {underlay.circuit: underlay for underlay in self.underlays}[circuit]


PathKey: TypeAlias = tuple[DeviceName, PathName]


ClassKey: TypeAlias = tuple[DeviceName, ServiceName]
