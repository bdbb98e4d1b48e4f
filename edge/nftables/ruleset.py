"""The nftables ruleset as text: classification, filtering, copying, queueing, and what arrives.

Nothing in it comes from people but interface names, which are refused unless they are plain words;
all else is numbers and addresses. Text for nft 1.0.6: every brace ends on a line of its own.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from edge.forwarding import htb, marks
from edge.forwarding.duplication import duplicate_address
from edge.forwarding.routes import Version, ip_versions, prefixes_by_peer
from edge.nftables import trusted_marks
from edge.nftables.prefixes import disjoint
from edge.nftables.trusted_marks import people_interface
from edge.nftables.words import FLOW, IP, dynamic_set, named_set, names_of, set_of
from edge.policy.model import STAMP_PORT, EdgePolicy, Prefix
from inventory.errors import PolicyRefusedError
from policies.packet_filter.chains import filter_chains

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_RESERVED: Final = frozenset({"all", "default", "lo"})
LIVE_S: Final = 10
MOST_FLOWS: Final = 4096


def checked_interface(name: str) -> str:
    """Return an interface's name if it can stand in rules and paths; else PolicyRefusedError."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    raise PolicyRefusedError(
        f"interface {name!r} cannot be used: a name has letters, digits and . _ -, at most 15; "
        "rename it and correct the policy"
    )


def base_tables(policy: EdgePolicy) -> str:
    """Return the tables of a policy, without calls and what arrives.

    Raises PolicyRefusedError when an interface's name is no plain word.
    """
    for name in _names(policy):
        checked_interface(name)
    body = _lines(*_inet(policy), *_copying(policy))
    return body.replace("@DIGEST@", ruleset_digest(body))


def ruleset_digest(text: str) -> str:
    """Return by what a ruleset is known again."""
    return sha256(text.encode()).hexdigest()[:32]


def arrivals_table(policy: EdgePolicy, underlay: str) -> str:
    """Return the table through which what arrives on an underlay is queued."""
    which = {u.interface: u for u in policy.underlays}[underlay]
    target = htb.ingress_name(policy, which)
    port, device = which.listen_port, checked_interface(underlay)
    tunnelled, rest = (_classid(minor) for minor in (htb.TUNNELLED, htb.REST))
    return _lines(
        f"table netdev {marks.NFT_TABLE} {{",
        f"\tchain {chain_of(target)} {{",
        f'\t\ttype filter hook ingress device "{device}" priority 0; policy accept;',
        f"\t\tmeta priority set {rest}",
        f"\t\tudp dport {port} meta priority set {tunnelled}",
        f"\t\tudp sport {port} meta priority set {tunnelled}",
        f'\t\tfwd to "{target}"',
        "\t}",
        "}",
    )


def chain_of(target: str) -> str:
    """Return the name of the chain that leads arrivals through an interface."""
    return target.replace("-", "_")


def _names(policy: EdgePolicy) -> Iterator[str]:
    yield from policy.lans
    yield policy.care.interface
    for underlay in policy.underlays:
        yield underlay.interface
        yield underlay.tunnel
    if wanted := policy.packet_filter:
        yield from (lan.interface for lan in wanted.lans)
        yield from wanted.outside


def _inet(policy: EdgePolicy) -> Iterator[str]:
    yield f"table inet {marks.NFT_TABLE} {{"
    for version in ip_versions(policy):
        yield from _sets(policy, version)
    if trusted_marks.limits(policy):
        yield from trusted_marks.trust_chains(policy)
    yield from _classify(policy)
    yield from _prerouting(policy)
    yield from _output(policy)
    yield from _probed(policy)
    yield from _forward(policy)
    yield from _postrouting(policy)
    if policy.packet_filter:
        yield from filter_chains(policy.packet_filter)
    yield "}"


def _sets(policy: EdgePolicy, version: Version) -> Iterator[str]:
    ip = IP[version]
    reach = [(prefix, peer) for prefix, peer in _reach(policy) if prefix.version == version]
    prefixes = [str(prefix) for prefix, _ in reach]
    yield from named_set(f"set peers{version}", f"typeof {ip} daddr", "interval", prefixes)
    flow = FLOW.format(ip=ip)
    calls = (f"typeof {flow} : meta mark", "interval, timeout")
    yield from named_set(f"map calls{version}", *calls, ())
    yield from dynamic_set(f"live{version}", f"typeof {flow}", MOST_FLOWS, LIVE_S)
    if trusted_marks.limits(policy):
        yield from trusted_marks.trust_sets(policy, version)
    queued = [*_queued(policy, version, reach)]
    typed = f"typeof {ip} daddr . meta mark : meta priority"
    yield from named_set(f"map queues{version}", typed, "interval", queued)


Reach = list[tuple[Prefix, int]]


def _reach(policy: EdgePolicy) -> Reach:
    """Return what is behind which peer, without overlaps and without our own LANs."""
    places = {peer.device: index for index, peer in enumerate(policy.peers)}
    claims = {prefix: places[peer.device] for peer, prefix in prefixes_by_peer(policy)}
    return disjoint(claims, policy.prefixes)


def _queued(policy: EdgePolicy, version: Version, reach: Reach) -> Iterator[str]:
    """Yield the queue of each destination and mark."""
    for prefix, place in reach:
        for index in range(len(policy.classes)):
            minor = htb.class_minor(policy, place, index)
            yield f"{prefix} . {marks.CLASS_MARK + index:#x} : {_classid(minor)}"
    if version == 4:
        for place, peer in enumerate(policy.peers):
            minor = htb.outer_minor(policy, place)
            yield f"{peer.loopback} . {marks.ROUTED_CARE_MARK:#x} : {_classid(minor)}"
            for path in peer.paths:
                yield f"{path.remote_address} . {marks.CARE_MARK:#x} : {_classid(minor)}"


def _classid(minor: int) -> str:
    return f"{marks.HANDLE:x}:{minor:x}"


def _classify(policy: EdgePolicy) -> Iterator[str]:
    """Yield the chain that gives a packet to a peer its class: what is known of calls comes last.

    What consultations send keeps a flow alive in a set, which is how a live one is noticed.
    """
    ordinary = marks.CLASS_MARK + marks.ordinary_index(policy)
    by_dscp = _by_dscp(policy)
    yield "\tchain classify {"
    # nft 1.0.6 shows comments of rules in JSON, and not those of tables.
    yield f'\t\tmeta mark set {ordinary:#x} comment "@DIGEST@"'
    for version in ip_versions(policy):
        ip = IP[version]
        flow = FLOW.format(ip=ip)
        yield f"\t\tmeta mark set {ip} dscp map {{ {by_dscp} }}"
        yield f"\t\tmeta mark set {flow} map @calls{version}"
        if trusted_marks.limits(policy):
            yield trusted_marks.limiting_rule(policy, version)
        if marks.care_indexes(policy):
            care = trusted_marks.care_marks(policy)
            yield f"\t\tmeta mark {care} update @live{version} {{ {flow} }}"
    yield "\t}"


def _by_dscp(policy: EdgePolicy) -> str:
    """Return the mark of each code point; the first class has it where several share one."""
    found: dict[int, int] = {}
    for index, traffic in enumerate(policy.classes):
        found.setdefault(traffic.service.dscp, marks.CLASS_MARK + index)
    return ", ".join(f"{dscp:#04x} : {mark:#x}" for dscp, mark in sorted(found.items()))


def _to_peers(policy: EdgePolicy, condition: str = "") -> Iterator[str]:
    for version in ip_versions(policy):
        yield f"\t\t{condition}{IP[version]} daddr @peers{version} goto classify"


def _prerouting(policy: EdgePolicy) -> Iterator[str]:
    yield "\tchain prerouting {"
    yield "\t\ttype filter hook prerouting priority mangle; policy accept;"
    for index, underlay in enumerate(policy.underlays):
        # The kernel's check of senders then asks the underlay's own table.
        mark = marks.TRANSPORT_MARK + index
        condition = f'iifname "{underlay.interface}" udp dport {underlay.listen_port}'
        yield f"\t\t{condition} meta mark set {mark:#x} accept"
    tunnels = [policy.care.interface, *(u.tunnel for u in policy.underlays)]
    if trusted_marks.limits(policy):
        yield from trusted_marks.distrusting_rules(policy)
    inside = [*policy.lans, people_interface(policy), *tunnels]
    yield from _to_peers(policy, f"iifname {names_of(inside)} ")
    yield "\t}"


def _output(policy: EdgePolicy) -> Iterator[str]:
    yield "\tchain output {"
    yield "\t\ttype route hook output priority mangle; policy accept;"
    # wireguard-go answers by the interface on which it last received. A chain of this type asks
    # for the route again when a mark changes, which then is the one that was decided.
    care = f"meta mark {marks.CARE_MARK:#x} udp sport {policy.care.port}"
    yield f"\t\t{care} meta mark set {marks.ROUTED_CARE_MARK:#x} accept"
    yield from _to_peers(policy)
    if policy.underlays:
        tunnels = names_of(u.tunnel for u in policy.underlays)
        probes = f"meta mark set {marks.CARE_MARK:#x}"
        yield f"\t\toifname {tunnels} udp sport {STAMP_PORT} {probes}"
        yield f"\t\toifname {tunnels} udp dport {STAMP_PORT} {probes}"
    yield "\t}"


def _probed(policy: EdgePolicy) -> Iterator[str]:
    """Yield the chain that lets test packets in from the other end of a path, and no others."""
    ends = [
        f'"{underlay.tunnel}" . {path.remote_address} . {underlay.tunnel_address}'
        for peer in policy.peers
        for path in peer.paths
        for underlay in (policy.underlay(path.circuit),)
    ]
    key = "meta iifname . ip saddr . ip daddr"
    yield from named_set("set probers", f"typeof {key}", "", [*dict.fromkeys(ends)])
    yield "\tchain input {"
    yield "\t\ttype filter hook input priority mangle; policy accept;"
    if policy.underlays:
        own = set_of(underlay.tunnel_address for underlay in policy.underlays)
        yield f"\t\tip daddr {own} udp dport {STAMP_PORT} {key} != @probers drop"
    yield "\t}"


def _forward(policy: EdgePolicy) -> Iterator[str]:
    tunnels = [policy.care.interface, *(u.tunnel for u in policy.underlays)]
    inside = names_of(tunnels)
    yield "\tchain forward {"
    yield "\t\ttype filter hook forward priority mangle; policy accept;"
    if policy.underlays:
        # What came out of a tunnel never goes on plain, whatever the other tables say.
        plain = names_of(u.interface for u in policy.underlays)
        yield f"\t\tiifname {inside} oifname {plain} drop"
    if ends := {path.remote_address: None for peer in policy.peers for path in peer.paths}:
        # They are for this device alone: from elsewhere a probe would pass for one of ours.
        yield f"\t\tip daddr {set_of(ends)} drop"
    narrow = names_of([*tunnels, people_interface(policy)])
    for direction in ("iifname", "oifname"):
        syn = f"{direction} {narrow} tcp flags syn / syn,rst"
        yield f"\t\t{syn} tcp option maxseg size set rt mtu"
    yield "\t}"


def _postrouting(policy: EdgePolicy) -> Iterator[str]:
    yield "\tchain postrouting {"
    yield "\t\ttype filter hook postrouting priority 300; policy accept;"
    if policy.underlays:
        tunnels = names_of(u.tunnel for u in policy.underlays)
        for version in ip_versions(policy):
            known = f"{IP[version]} daddr . meta mark map @queues{version}"
            yield f"\t\toifname {tunnels} meta priority set {known}"
    for index, underlay in enumerate(policy.underlays):
        condition = f'oifname "{underlay.interface}" meta mark {marks.TRANSPORT_MARK + index:#x}'
        yield f"\t\t{condition} meta priority set {_classid(htb.TUNNELLED)}"
    yield "\t}"


def _copying(policy: EdgePolicy) -> Iterator[str]:
    aliases = [
        f'{peer.loopback} . "{policy.underlay(path.circuit).tunnel}" : '
        f"{duplicate_address(policy, place, path)}"
        for place, peer in enumerate(policy.peers)
        for path in peer.paths
    ]
    key = "ip daddr . meta oifname"
    yield f"table ip {marks.NFT_TABLE} {{"
    yield from named_set("map copies", f"typeof {key} : ip daddr", "", aliases)
    yield "\tchain copying {"
    # Where a route was asked for again, only this hook knows the interface that came of it.
    yield "\t\ttype filter hook postrouting priority 290; policy accept;"
    condition = f"meta mark {marks.ROUTED_CARE_MARK:#x} udp sport {policy.care.port}"
    yield f"\t\t{condition} dup to {key} map @copies"
    yield "\t}"
    yield "}"


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
