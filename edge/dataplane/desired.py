"""Everything that should stand in the kernel, as a value, from a policy and present decisions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv4Network
from typing import Final

from edge.dataplane import sysctls
from edge.dataplane.sysctls import Setting
from edge.forwarding import htb, marks, routes
from edge.forwarding.htb import Queue
from edge.forwarding.routes import Routes, RoutingRule
from edge.forwarding.steering import Steering
from edge.nftables import ruleset
from edge.policy.model import EdgePolicy, Peer, Prefix, TunnelEndpoint, Underlay
from edge.remote_access.peers import RemoteAccess
from edge.wireguard.active_keys import SETTLED, ActiveKeys
from edge.wireguard.model import Tunnel, TunnelPeer
from inventory.errors import PolicyRefusedError
from inventory.model import DeviceName

# As many as have addresses for their copies, and numbers for their queues.
MOST_PEERS: Final = 1_000
KEEPALIVE_S: Final = 25
# Keeps the session of the care tunnel fresh (keys are renewed between 120 and 180 s of age) from
# one end only: when a call begins at both ends at once and there is no session, both initiate
# one, each gives its own up for the other's, and nothing passes for 5 s.
CARE_KEEPALIVE_S: Final = 50


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What leads arrivals of an underlay through a queue on an interface of ours."""

    underlay: str
    target: str
    ruleset: str


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the kernel should hold; owned are the prefixes of each peer."""

    policy: EdgePolicy
    steering: Steering
    tunnels: tuple[Tunnel, ...]
    settings: tuple[Setting, ...]
    fixed: Routes
    steered: Routes
    rules: tuple[RoutingRule, ...]
    ruleset: str
    arrivals: tuple[Arrivals, ...]
    queues: tuple[Queue, ...]
    owned: Mapping[DeviceName, tuple[Prefix, ...]]
    people: RemoteAccess | None = None

    @property
    def every_tunnel(self) -> tuple[Tunnel, ...]:
        """Return the tunnels, and the interface that people dial."""
        return (*self.tunnels, *([self.people.tunnel] if self.people else []))

    @property
    def interfaces(self) -> frozenset[str]:
        """Return the names of the interfaces that are ours."""
        return frozenset(t.name for t in self.every_tunnel) | {a.target for a in self.arrivals}


def desired_state(
    policy: EdgePolicy,
    steering: Steering,
    people: RemoteAccess | None = None,
    generations: ActiveKeys = SETTLED,
) -> DesiredState:
    """Return everything that should stand in the kernel.

    Raises PolicyRefusedError when an interface's name cannot be used, or there are too many peers.
    """
    if len(policy.peers) > MOST_PEERS:
        raise PolicyRefusedError(
            f"{len(policy.peers)} peers are more than the {MOST_PEERS} that one device can serve; "
            "divide them among several hubs"
        )
    text = ruleset.base_tables(policy)
    owned: dict[DeviceName, tuple[Prefix, ...]] = {peer.device: () for peer in policy.peers}
    for peer, prefix in routes.prefixes_by_peer(policy):
        owned[peer.device] += (prefix,)
    return DesiredState(
        policy=policy,
        steering=steering,
        tunnels=tuple(_tunnels(policy, owned, generations)),
        settings=sysctls.policy_sysctls(policy),
        fixed=routes.fixed_routes(policy),
        steered=routes.steered_routes(policy, steering),
        rules=routes.routing_rules(policy),
        ruleset=text,
        arrivals=tuple(_arrivals(policy, u) for u in policy.underlays if u.shape_ingress),
        queues=htb.policy_queues(policy),
        owned=owned,
        people=people,
    )


def with_keys(before: DesiredState, generations: ActiveKeys) -> DesiredState:
    """Return what should stand when tunnels have other keys."""
    tunnels = tuple(_tunnels(before.policy, before.owned, generations))
    return replace(before, tunnels=tunnels)


def with_steering(before: DesiredState, steering: Steering) -> tuple[DesiredState, Routes, Routes]:
    """Return what should stand after a decision, and the routes that it concerned: old, new."""
    policy, old, new = before.policy, Routes(), Routes()
    for place, peer in enumerate(policy.peers):
        was, now = before.steering.of(peer.device), steering.of(peer.device)
        if was != now:
            prefixes = before.owned[peer.device]
            old |= routes.peer_routes(policy, place, prefixes, was)
            new |= routes.peer_routes(policy, place, prefixes, now)
    after = dict(before.steered)
    for key in old.keys() - new.keys():
        del after[key]
    after.update(new)
    return replace(before, steering=steering, steered=after), old, new


def _arrivals(policy: EdgePolicy, underlay: Underlay) -> Arrivals:
    target = htb.ingress_name(policy, underlay)
    return Arrivals(underlay.interface, target, ruleset.arrivals_table(policy, underlay.interface))


def _tunnels(
    policy: EdgePolicy, owned: Mapping[DeviceName, tuple[Prefix, ...]], generations: ActiveKeys
) -> Iterator[Tunnel]:
    for index, underlay in enumerate(policy.underlays):
        yield Tunnel(
            name=underlay.tunnel,
            mtu=underlay.mtu,
            listen_port=underlay.listen_port,
            mark=marks.TRANSPORT_MARK + index,
            addresses=(IPv4Interface(underlay.tunnel_address),),
            peers=tuple(_transport_peers(policy, underlay, owned, generations)),
            key=generations.own.get(underlay.tunnel, policy.key),
        )
    care = policy.care
    yield Tunnel(
        name=care.interface,
        mtu=care.mtu,
        listen_port=care.port,
        mark=marks.CARE_MARK,
        # Without any address the kernel would drop what arrives here, however loose its filter.
        addresses=(IPv4Interface(policy.loopback),),
        peers=tuple(_care_peers(policy, owned, generations)),
        key=generations.own.get(care.interface, policy.key),
        # Its packets go on by another transport when one vanishes.
        sticky=False,
    )


def _transport_peers(
    policy: EdgePolicy,
    underlay: Underlay,
    owned: Mapping[DeviceName, tuple[Prefix, ...]],
    generations: ActiveKeys,
) -> Iterator[TunnelPeer]:
    for peer in policy.peers:
        paths = [path for path in peer.paths if path.circuit == underlay.circuit]
        if paths:
            ends = [IPv4Network(path.remote_address) for path in paths]
            allowed = (*ends, IPv4Network(peer.loopback), *owned[peer.device])
            endpoint = next((path.endpoint for path in paths if path.endpoint), None)
            keepalive_s = KEEPALIVE_S if endpoint else 0
            key = generations.far_key(underlay.tunnel, peer)
            preshared_key = generations.preshared_key(underlay.tunnel, peer)
            far = TunnelPeer(key, allowed, endpoint, keepalive_s, preshared_key)
            yield from _both(underlay.tunnel, peer, far, generations)


def _care_peers(
    policy: EdgePolicy, owned: Mapping[DeviceName, tuple[Prefix, ...]], generations: ActiveKeys
) -> Iterator[TunnelPeer]:
    for peer in policy.peers:
        allowed = (IPv4Network(peer.loopback), *owned[peer.device])
        keepalive_s = CARE_KEEPALIVE_S if any(path.endpoint for path in peer.paths) else 0
        endpoint = TunnelEndpoint(peer.loopback, policy.care.port)
        key = generations.far_key(policy.care.interface, peer)
        preshared_key = generations.preshared_key(policy.care.interface, peer)
        far = TunnelPeer(key, allowed, endpoint, keepalive_s, preshared_key)
        yield from _both(policy.care.interface, peer, far, generations)


def _both(
    interface: str, peer: Peer, far: TunnelPeer, generations: ActiveKeys
) -> Iterator[TunnelPeer]:
    """Yield a far end, and with nothing behind it again by its other key, if it has two.

    The end that dials dials both: when both ends move at once, neither has the key any more by
    which the other one knows it.
    """
    yield far
    if other := generations.other_key(interface, peer):
        yield replace(far, public_key=other, allowed=())
