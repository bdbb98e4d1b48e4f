"""A packet filter as chains of an nftables table of the family inet, for nft 1.0.6 and newer.

Who opened a connection decides: what answers it passes. A packet from a LAN of the device must
have a source of that LAN (BCP 38) and a destination that is open to its segment. For a packet that
goes to a LAN from elsewhere, the segment of its source decides; one from outside of the plan was
judged where it entered.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from inventory.model import Ports, Segment
from policies.packet_filter.model import (
    Address,
    ControlPorts,
    PacketFilter,
    Prefix,
    SegmentLan,
    SegmentOpening,
    SegmentPattern,
)

# After the filter of people's devices, before those of other programs.
PRIORITY: Final = -5
_IP: Final = {4: "ip", 6: "ip6"}
_ICMP: Final = "meta l4proto { icmp, ipv6-icmp }"
# Packets of the opener are judged one by one, so that what is withdrawn ends at once.
_ANSWERS: Final = (
    "ct state related accept",
    "ct state established ct direction reply accept",
)
# What a host may ask of the gateway of its LAN: names and the time; addresses before it has one.
_SERVED: Final = (_ICMP, "meta l4proto { tcp, udp } th dport 53", "udp dport 123")
_LEASES: Final = "udp dport { 67, 547 }"
_NEIGHBOURS: Final = "ip6 saddr { ::, fe80::/10 } meta l4proto ipv6-icmp"
_ON_LINK: Final[dict[int, tuple[str, ...]]] = {
    4: ("224.0.0.0/24", "255.255.255.255"),
    6: ("fe80::/10", "ff02::/16"),
}


def filter_chains(wanted: PacketFilter) -> Iterator[str]:
    """Yield the lines of the chains of a filter, to stand within a table."""
    if wanted.lans:
        for segment in Segment:
            yield from _chain(f"open_to_{segment}", _openings(wanted, segment))
        for lan in wanted.lans:
            yield from _chain(f"from_{lan.segment}", _from_lan(wanted, lan))
            yield from _chain(f"ask_{lan.segment}", _ask(wanted, lan))
        yield from _chain("to_lans", _to_lans(wanted))
    if wanted.outside:
        yield from _chain("from_outside", _from_outside(wanted))
    if wanted.lans or wanted.outside:
        yield from _hook("forward", _forward(wanted))
    yield from _hook("input", _input(wanted))


def _chain(name: str, rules: Iterable[str]) -> Iterator[str]:
    yield f"\tchain segment_{name} {{"
    yield from (f"\t\t{rule}" for rule in rules)
    yield "\t}"


def _hook(hook: Literal["forward", "input"], rules: Iterable[str]) -> Iterator[str]:
    base = f"type filter hook {hook} priority {PRIORITY}; policy accept;"
    return _chain(hook, (base, *rules))


def _forward(wanted: PacketFilter) -> Iterator[str]:
    yield from _ANSWERS
    if wanted.lans:
        yield f"iifname vmap {_by_lan(wanted, 'from')}"
    if wanted.outside:
        outside = _set(f'"{name}"' for name in wanted.outside)
        yield f"iifname {outside} jump segment_from_outside"
    if wanted.lans:
        yield f"oifname {_lans(wanted)} goto segment_to_lans"


def _from_outside(wanted: PacketFilter) -> Iterator[str]:
    """Yield the rules that drop what networks of others open, and what they forge (BCP 38)."""
    if wanted.lans:
        yield f"oifname {_lans(wanted)} counter drop"
    for version, plan in _by_version(wanted.plan):
        yield f"{_IP[version]} saddr {_set(plan)} counter drop"


def _lans(wanted: PacketFilter) -> str:
    return _set(f'"{lan.interface}"' for lan in wanted.lans)


def _from_lan(wanted: PacketFilter, lan: SegmentLan) -> Iterator[str]:
    yield from _forged(wanted, lan)
    yield f"jump segment_open_to_{lan.segment}"
    for version, plan in _by_version(wanted.plan):
        yield f"{_IP[version]} daddr {_set(plan)} counter drop"
    yield from _behind(wanted)


def _to_lans(wanted: PacketFilter) -> Iterator[str]:
    for version, people in _by_version(wanted.people):
        yield f"{_IP[version]} saddr {_set(people)} accept"
    for pattern in wanted.segments:
        yield f"{_hosts(pattern, 'saddr')} jump segment_open_to_{pattern.segment}"
    for version, plan in _by_version(wanted.plan):
        yield f"{_IP[version]} saddr {_set(plan)} counter drop"
    yield from _behind(wanted)


def _forged(wanted: PacketFilter, lan: SegmentLan) -> Iterator[str]:
    """Yield the rules that drop what does not come from the LAN or from behind it."""
    for version, ip in _IP.items():
        own = [p for p in (*lan.prefixes, *lan.behind) if p.version == version]
        closed = [prefix for prefix in own if prefix.prefixlen]
        plan = [prefix for prefix in wanted.plan if prefix.version == version]
        if not closed:
            yield f"meta nfproto ipv{version} counter drop"
        elif len(closed) == len(own):
            yield f"{ip} saddr != {_set(closed)} counter drop"
        else:
            yield f"{ip} saddr {_set(plan)} {ip} saddr != {_set(closed)} counter drop"


def _behind(wanted: PacketFilter) -> Iterator[str]:
    """Yield the rules that shut what lies behind next hops on the LANs."""
    shut = [prefix for lan in wanted.lans for prefix in lan.behind if prefix.prefixlen]
    for version, prefixes in _by_version(shut):
        yield f"{_IP[version]} daddr {_set(prefixes)} counter drop"


def _openings(wanted: PacketFilter, source: Segment) -> Iterator[str]:
    for opening in wanted.openings:
        if opening.source == source:
            yield from _opened(wanted, opening)


def _opened(wanted: PacketFilter, opening: SegmentOpening) -> Iterator[str]:
    for pattern in wanted.segments:
        if pattern.segment == opening.target:
            yield f"{_hosts(pattern, 'daddr')} accept"
    behind = (p for lan in wanted.lans if lan.segment == opening.target for p in lan.behind)
    prefixes = [*(p for p in behind if p.prefixlen), *opening.prefixes]
    for version, several in _by_version(prefixes):
        for ports in _matched_ports(opening.ports):
            yield f"{_IP[version]} daddr {_set(several)} {ports}accept"


def _input(wanted: PacketFilter) -> Iterator[str]:
    yield 'iifname "lo" accept'
    yield from _ANSWERS
    for control in wanted.control:
        yield from _guarded(control)
    if wanted.lans:
        yield f"iifname vmap {_by_lan(wanted, 'ask')}"
    yield f"{_ICMP} accept"
    for version, people in _by_version(wanted.people):
        yield f"{_IP[version]} saddr {_set(people)} accept"
    for pattern in wanted.segments:
        yield f"{_hosts(pattern, 'saddr')} {_to_device(wanted, pattern.segment)}"
    if wanted.management:
        shut = f"tcp dport {wanted.management.port}"
        yield f"ip daddr != {wanted.management.address} {shut} counter drop"
        yield f"meta nfproto ipv6 {shut} counter drop"


def _guarded(control: ControlPorts) -> Iterator[str]:
    """Yield the rules that drop what is not of a peer."""
    for version, ip in _IP.items():
        peers = [peer for peer in control.peers if peer.version == version]
        others = f"{ip} saddr != {_set(peers)}" if peers else f"meta nfproto ipv{version}"
        for ports in _matched_ports(control.ports):
            yield f"{others} {ports}counter drop"


def _ask(wanted: PacketFilter, lan: SegmentLan) -> Iterator[str]:
    """Yield what hosts of a LAN may ask of the device."""
    yield f"{_LEASES} accept"
    yield f"{_NEIGHBOURS} accept"
    yield from _forged(wanted, lan)
    if lan.segment is Segment.MANAGEMENT and wanted.manages():
        yield "accept"
        return
    for version, own in _by_version(lan.own):
        here = _set((*own, *_ON_LINK[version]))
        yield from (f"{_IP[version]} daddr {here} {served} accept" for served in _SERVED)
    yield "counter drop"


def _to_device(wanted: PacketFilter, source: Segment) -> str:
    managing = source is Segment.MANAGEMENT and wanted.manages()
    return "accept" if managing else "counter drop"


def _hosts(pattern: SegmentPattern, side: Literal["saddr", "daddr"]) -> str:
    """Return the match of addresses that a segment's hosts have at any site."""
    field = f"{_IP[pattern.within.version]} {side}"
    return f"{field} {pattern.within} {field} & {pattern.mask} == {pattern.value}"


def _by_lan(wanted: PacketFilter, what: Literal["from", "ask"]) -> str:
    return _set(f'"{lan.interface}" : goto segment_{what}_{lan.segment}' for lan in wanted.lans)


def _matched_ports(ports: Iterable[Ports]) -> Iterator[str]:
    """Yield the match of each protocol's ports; nothing to match when all are open."""
    found = {protocol: [p for p in ports if p.protocol == protocol] for protocol in ("tcp", "udp")}
    if not any(found.values()):
        yield ""
    for protocol, several in found.items():
        if several:
            numbers = _set(str(one).partition("/")[2] for one in several)
            yield f"{protocol} dport {numbers} "


def _by_version(
    things: Iterable[Prefix | Address],
) -> Iterator[tuple[Literal[4, 6], tuple[Prefix | Address, ...]]]:
    """Yield things of one IP version after those of the other, where there are any."""
    several = tuple(things)
    for version in (4, 6):
        if same := tuple(thing for thing in several if thing.version == version):
            yield version, same


def _set(elements: Iterable[object]) -> str:
    return f"{{ {', '.join(dict.fromkeys(map(str, elements)))} }}"
