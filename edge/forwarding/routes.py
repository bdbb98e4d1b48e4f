"""Routes and rules as values, and which ones a policy and the present decisions ask for.

Each class of traffic has a table that holds, per prefix of a peer, the one tunnel it takes now.
Behind all of them stands one table of every tunnel by cost, ended by 'unreachable': when an
interface vanishes, the kernel takes its routes along and falls over by itself, and never to plain.
A class that may not take every tunnel has those that it may, and 'unreachable', in its own table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Final, TypeAlias

from edge.forwarding import marks
from edge.forwarding.duplication import ALIASES, duplicate_address, duplicate_paths
from edge.forwarding.steering import PeerSteering, Steering
from edge.policy.model import EdgePolicy, Peer, PeerPath, Prefix, TrafficClass
from policies.model import CARE_CLASSES
from topology.quality.health import PathName

Version: TypeAlias = int

FIRST_METRIC: Final = 10
SECOND_METRIC: Final = 20
REST_METRIC: Final = 100
LAST_METRIC: Final = 9999


@dataclass(frozen=True, slots=True)
class RouteKey:
    """What makes a route that route: replacing it needs the same table, prefix and metric.

    address and length are the prefix as the kernel writes it, which compares twenty times faster.
    """

    table: int
    address: bytes
    length: int
    metric: int

    @property
    def prefix(self) -> Prefix:
        """Return the prefix as people write it."""
        return ip_network((self.address, self.length))


def route_key(table: int, prefix: Prefix, metric: int) -> RouteKey:
    """Return what makes a route to a prefix that route."""
    return RouteKey(table, prefix.network_address.packed, prefix.prefixlen, metric)


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where a route leads: out of a device; without one it answers 'unreachable'.

    throw ends the search in this table, and the next rule is asked.
    """

    device: str | None = None
    gateway: IPv4Address | None = None
    source: IPv4Address | None = None
    throw: bool = False


Routes: TypeAlias = dict[RouteKey, NextHop]


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """Which table is asked, in order of priority; mark None asks it for every packet."""

    version: Version
    priority: int
    table: int
    mark: int | None = None


UNREACHABLE: Final = NextHop()
THROWN: Final = NextHop(throw=True)


def prefixes_by_peer(policy: EdgePolicy) -> Iterator[tuple[Peer, Prefix]]:
    """Yield every prefix with the peer it is behind: the first, where several claim the same."""
    seen: set[Prefix] = set()
    for peer in policy.peers:
        for prefix in peer.prefixes:
            if prefix not in seen:
                seen.add(prefix)
                yield peer, prefix


def ip_versions(policy: EdgePolicy) -> tuple[Version, ...]:
    """Return the IP versions that the policy needs."""
    mine = (*policy.prefixes, *(prefix for _, prefix in prefixes_by_peer(policy)))
    return (4, 6) if any(prefix.version == 6 for prefix in mine) else (4,)


def fixed_routes(policy: EdgePolicy) -> Routes:
    """Return the routes that no decision moves."""
    made: Routes = {route_key(marks.ENDS_TABLE, ALIASES, LAST_METRIC): UNREACHABLE}
    for index, underlay in enumerate(policy.underlays):
        table = marks.TRANSPORT_TABLE + index
        out = NextHop(underlay.interface, underlay.gateway)
        made[route_key(table, _ANYWHERE, FIRST_METRIC)] = out
        made[route_key(table, _ANYWHERE, LAST_METRIC)] = UNREACHABLE
    care = marks.care_class(policy)
    for peer in policy.peers:
        made |= _ends(policy, peer)
        made |= _rest(policy, _host(peer.loopback), peer, care)
    for peer, prefix in prefixes_by_peer(policy):
        made |= _rest(policy, prefix, peer)
        made |= _restricted(policy, prefix, peer)
    return made | _own(policy)


def steered_routes(policy: EdgePolicy, steering: Steering) -> Routes:
    """Return the routes that follow decisions, of all peers."""
    prefixes: dict[str, list[Prefix]] = {}
    for peer, prefix in prefixes_by_peer(policy):
        prefixes.setdefault(peer.device, []).append(prefix)
    made: Routes = {}
    for place, peer in enumerate(policy.peers):
        made |= peer_routes(policy, place, prefixes.get(peer.device, ()), steering.of(peer.device))
    return made


def peer_routes(
    policy: EdgePolicy, place: int, prefixes: Iterable[Prefix], steering: PeerSteering
) -> Routes:
    """Return the routes that follow decisions to the peer in a place, which owns the prefixes."""
    peer = policy.peers[place]
    devices = _devices(policy, peer)
    made: Routes = {}
    if first := devices.get(steering.care or ""):
        loopback = route_key(marks.ENDS_TABLE, _host(peer.loopback), FIRST_METRIC)
        made[loopback] = NextHop(first, source=policy.loopback)
    for path, onto in duplicate_paths(peer, steering):
        copied = route_key(
            marks.ENDS_TABLE, _host(duplicate_address(policy, place, path)), FIRST_METRIC
        )
        made[copied] = NextHop(devices[onto])
    chosen = [(i, _class_ways(policy, c, steering, peer)) for i, c in enumerate(policy.classes)]
    for prefix in prefixes:
        for index, hops in chosen:
            for metric, device in hops:
                key = route_key(marks.CLASS_TABLE + index, prefix, metric)
                made[key] = NextHop(device, source=_source(policy, prefix))
    return made


def routing_rules(policy: EdgePolicy) -> tuple[RoutingRule, ...]:
    """Return the rules of a policy, in the order in which the kernel asks them."""
    return tuple(rule for version in ip_versions(policy) for rule in _rules(policy, version))


def _rules(policy: EdgePolicy, version: Version) -> Iterator[RoutingRule]:
    if version == 4:
        for i in range(len(policy.underlays)):
            mark, table = marks.TRANSPORT_MARK + i, marks.TRANSPORT_TABLE + i
            yield RoutingRule(version, marks.TRANSPORT_RULE + i, table, mark)
        yield RoutingRule(version, marks.ENDS_RULE, marks.ENDS_TABLE)
    for i in range(len(policy.classes)):
        mark, table = marks.CLASS_MARK + i, marks.CLASS_TABLE + i
        yield RoutingRule(version, marks.CLASS_RULE + i, table, mark)
    ordinary = marks.CLASS_TABLE + marks.ordinary_index(policy)
    yield RoutingRule(version, marks.ORDINARY_RULE, ordinary)
    yield RoutingRule(version, marks.REST_RULE, marks.REST_TABLE)


def _class_ways(
    policy: EdgePolicy, traffic: TrafficClass, steering: PeerSteering, peer: Peer
) -> list[tuple[int, str]]:
    """Return the devices of a class by metric: consultations take the care tunnel first."""
    service, devices = traffic.service.name, _devices(policy, peer)
    path = steering.services.get(service)
    if service not in CARE_CLASSES:
        return [(FIRST_METRIC, devices[path])] if path in devices else []
    allowed = {one.name: devices[one.name] for one in peer.paths if may_take_path(traffic, one)}
    bare = allowed.get(path or "") or allowed.get(steering.care or "")
    if bare and steering.bare:
        return [(FIRST_METRIC, bare)]
    care = [(FIRST_METRIC, policy.care.interface)]
    return [*care, (SECOND_METRIC, bare)] if bare else care


def _devices(policy: EdgePolicy, peer: Peer) -> dict[PathName, str]:
    tunnels = {underlay.circuit: underlay.tunnel for underlay in policy.underlays}
    return {path.name: tunnels[path.circuit] for path in peer.paths}


def _ends(policy: EdgePolicy, peer: Peer) -> Routes:
    """Return the routes to a peer's addresses inside the transports."""
    made: Routes = {}
    for path in peer.paths:
        underlay, host = policy.underlay(path.circuit), _host(path.remote_address)
        out = NextHop(underlay.tunnel, source=underlay.tunnel_address)
        made[route_key(marks.ENDS_TABLE, host, FIRST_METRIC)] = out
        made[route_key(marks.ENDS_TABLE, host, LAST_METRIC)] = UNREACHABLE
    return made


def _rest(
    policy: EdgePolicy,
    prefix: Prefix,
    peer: Peer,
    traffic: TrafficClass | None = None,
    table: int = marks.REST_TABLE,
) -> Routes:
    """Return each next hop that a class may take to a prefix, by cost, and a last, unreachable."""
    devices, source = _devices(policy, peer), _source(policy, prefix)
    made = {route_key(table, prefix, LAST_METRIC): UNREACHABLE}
    allowed = (path for path in by_cost(peer) if traffic is None or may_take_path(traffic, path))
    for rank, path in enumerate(allowed):
        made[route_key(table, prefix, REST_METRIC + rank)] = NextHop(
            devices[path.name], source=source
        )
    return made


def _restricted(policy: EdgePolicy, prefix: Prefix, peer: Peer) -> Routes:
    """Return the routes of classes that may not take every path, so that they take no other.

    Where the ordinary class is one of them every class has routes of its own, since what finds none
    asks the ordinary table next.
    """
    may = [all(may_take_path(traffic, path) for path in peer.paths) for traffic in policy.classes]
    narrow = bool(may) and not may[marks.ordinary_index(policy)]
    made: Routes = {}
    for index, traffic in enumerate(policy.classes):
        if narrow or not may[index]:
            made |= _rest(policy, prefix, peer, traffic, marks.CLASS_TABLE + index)
    return made


def may_take_path(traffic: TrafficClass, path: PeerPath) -> bool:
    """Return whether a class may take a path at all."""
    allowed = traffic.paths.metered_allowed or not path.metered
    return allowed and path.medium in traffic.paths.media


def by_cost(peer: Peer) -> list[PeerPath]:
    """Return a peer's paths, the cheapest first."""
    return sorted(peer.paths, key=lambda path: (path.cost, path.name))


def _own(policy: EdgePolicy) -> Routes:
    """Return that our own LANs are no peer's, where a peer's prefix covers them."""
    peers = [prefix for _, prefix in prefixes_by_peer(policy)]
    covered = [mine for mine in policy.prefixes if any(_within(mine, theirs) for theirs in peers)]
    classes = (marks.CLASS_TABLE + i for i in range(len(policy.classes)))
    tables = (*classes, marks.REST_TABLE)
    return {route_key(t, mine, LAST_METRIC): THROWN for t in tables for mine in covered}


def _within(inner: Prefix, outer: Prefix) -> bool:
    if inner.version != outer.version or inner.prefixlen <= outer.prefixlen:
        return False
    return inner.network_address in outer


def _source(policy: EdgePolicy, prefix: Prefix) -> IPv4Address | None:
    return policy.loopback if prefix.version == 4 else None


def _host(address: IPv4Address) -> IPv4Network:
    return IPv4Network(address)


_ANYWHERE: Final = ip_network("0.0.0.0/0")
