"""A packet filter as JSON and back; nothing is checked here."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, TypeAlias

from inventory.model import Ports, Segment
from policies.packet_filter.model import (
    Address,
    ControlPorts,
    ManagementPort,
    PacketFilter,
    Prefix,
    SegmentLan,
    SegmentOpening,
    SegmentPattern,
)

Json: TypeAlias = Mapping[str, Any]


def filter_json(wanted: PacketFilter) -> dict[str, Any]:
    """Return a filter as JSON knows it; reading that back gives the same filter."""
    management = wanted.management
    return {
        "plan": _texts(wanted.plan),
        "people": _texts(wanted.people),
        "segments": [_pattern(pattern) for pattern in wanted.segments],
        "lans": [_lan(lan) for lan in wanted.lans],
        "openings": [_opening(opening) for opening in wanted.openings],
        "control": [
            {"ports": _texts(one.ports), "peers": _texts(one.peers)} for one in wanted.control
        ],
        "outside": list(wanted.outside),
        "management": management and {"address": str(management.address), "port": management.port},
    }


def filter_from_json(held: Json) -> PacketFilter:
    """Return the filter that filter_json() gave, for JSON that was checked."""
    management = held["management"]
    return PacketFilter(
        plan=_prefixes(held["plan"]),
        people=_prefixes(held["people"]),
        segments=tuple(_pattern_of(pattern) for pattern in held["segments"]),
        lans=tuple(_lan_of(lan) for lan in held["lans"]),
        openings=tuple(_opening_of(opening) for opening in held["openings"]),
        control=tuple(
            ControlPorts(_ports(one["ports"]), _addresses(one["peers"])) for one in held["control"]
        ),
        outside=tuple(held["outside"]),
        management=management
        and ManagementPort(IPv4Address(management["address"]), management["port"]),
    )


def _pattern(pattern: SegmentPattern) -> dict[str, str]:
    return {
        "segment": pattern.segment.value,
        "within": str(pattern.within),
        "mask": str(pattern.mask),
        "value": str(pattern.value),
    }


def _lan(lan: SegmentLan) -> dict[str, Any]:
    return {
        "segment": lan.segment.value,
        "interface": lan.interface,
        "own": _texts(lan.own),
        "prefixes": _texts(lan.prefixes),
        "behind": _texts(lan.behind),
    }


def _opening(opening: SegmentOpening) -> dict[str, Any]:
    return {
        "source": opening.source.value,
        "target": opening.target and opening.target.value,
        "prefixes": _texts(opening.prefixes),
        "ports": _texts(opening.ports),
    }


def _pattern_of(held: Json) -> SegmentPattern:
    within, mask, value = held["within"], held["mask"], held["value"]
    segment = Segment(held["segment"])
    return SegmentPattern(segment, ip_network(within), ip_address(mask), ip_address(value))


def _lan_of(held: Json) -> SegmentLan:
    return SegmentLan(
        Segment(held["segment"]),
        held["interface"],
        _addresses(held["own"]),
        _prefixes(held["prefixes"]),
        _prefixes(held["behind"]),
    )


def _opening_of(held: Json) -> SegmentOpening:
    target = held["target"] and Segment(held["target"])
    source, prefixes = Segment(held["source"]), _prefixes(held["prefixes"])
    return SegmentOpening(source, target, prefixes, _ports(held["ports"]))


def _texts(things: Iterable[object]) -> list[str]:
    return [str(thing) for thing in things]


def _prefixes(texts: Iterable[str]) -> tuple[Prefix, ...]:
    return tuple(ip_network(text) for text in texts)


def _addresses(texts: Iterable[str]) -> tuple[Address, ...]:
    return tuple(ip_address(text) for text in texts)


def _ports(texts: Iterable[str]) -> tuple[Ports, ...]:
    return tuple(_ports_of(*text.split("/")) for text in texts)


def _ports_of(protocol: Any, numbers: str) -> Ports:
    first, _, last = numbers.partition("-")
    return Ports(protocol, int(first), int(last or first))
