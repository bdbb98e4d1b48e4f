"""Configurations of indented lines (FRR, IOS, EOS): entries, and the impact of a difference."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface
from typing import Final, TypeAlias

from controller.model import DeviceConfig, Impact
from controller.platforms.model import ConfigImpact

# A line together with the lines it belongs to, outermost first.
Entry: TypeAlias = tuple[str, ...]
Prefix: TypeAlias = IPv4Network | IPv6Network
_NOISE: Final = re.compile(r"!|exit\b|exit-address-family\b|end\b")
_HARMLESS: Final = re.compile(r"description\b|hostname\b|log\b|frr\b|service\b|bgp log-neighbor")
_STEERING: Final = re.compile(
    r"route-map\b|ip(v6)? prefix-list\b|bgp community-list\b|access-list\b|ip(v6)? route\b"
    r"|network\b|aggregate-address\b|redistribute\b"
)
_NEIGHBOUR: Final = re.compile(r"(?:no )?neighbor (\S+) ?(.*)")
_NEIGHBOUR_STEERING: Final = re.compile(r"route-map\b|prefix-list\b|weight\b|maximum-prefix\b")
_ADDRESS: Final = re.compile(r"ip(?:v6)? address (\S+(?: [0-9.]+)?)")


@dataclass(frozen=True, slots=True)
class _Outline:
    """A configuration's entries, and what they say about interfaces and neighbours."""

    entries: Mapping[Entry, None]
    interfaces: frozenset[str]
    neighbours: frozenset[str]

    @classmethod
    def of(cls, config: DeviceConfig) -> "_Outline":
        entries = dict.fromkeys(_entries(config.text))
        return cls(
            entries=entries,
            interfaces=frozenset(i for e in entries if len(e) == 1 and (i := _interface(e))),
            neighbours=frozenset(n for e in entries if (n := _neighbour(e))),
        )

    def places(self) -> Mapping[str, str]:
        """Return for neighbours on the far end of an interface which interface that is."""
        peers = sorted((*key, p) for p in self.neighbours if (key := _parsed(p)) is not None)
        places: dict[str, str] = {}
        for entry in self.entries:
            interface = _interface(entry)
            if interface and interface != "lo" and (net := _network(entry[-1])):
                low = bisect_left(peers, (net.version, int(net.network_address), ""))
                high = bisect_left(peers, (net.version, int(net.broadcast_address) + 1, ""))
                places |= {peer: interface for *_, peer in peers[low:high]}
        return places


@dataclass(frozen=True, slots=True)
class _Touch:
    """One changed line: how bad it is, and what it touches."""

    impact: Impact
    interface: str | None = None
    neighbour: str | None = None
    whole: bool = False


def _judged(old: _Outline, new: _Outline) -> ConfigImpact:
    changed = [e for e in old.entries if e not in new.entries]
    changed += [e for e in new.entries if e not in old.entries]
    touches = [_touch(entry, old) for entry in changed]
    worst = _worst(t.impact for t in touches) if touches else Impact.REROUTE
    interfaces = {t.interface for t in touches if t.interface}
    if peers := {t.neighbour for t in touches if t.neighbour and t.impact is not Impact.NONE}:
        places = {**old.places(), **new.places()}
        interfaces |= {places[peer] for peer in peers & places.keys()}
    whole = any(t.whole for t in touches)
    return ConfigImpact(
        impact=worst,
        because=_because(worst, touches, whole=whole),
        interfaces=frozenset(interfaces),
        new_interfaces=frozenset(interfaces - old.interfaces),
        whole_device=whole,
        cannot_revert=tuple(_irreversible(old, new, changed)),
    )


def _touch(entry: Entry, old: _Outline) -> _Touch:
    line = entry[-1]
    if (match := _NEIGHBOUR.fullmatch(line)) is not None:
        return _neighbour_touch(match[1], match[2], old)
    if _HARMLESS.match(line):
        return _Touch(Impact.NONE)
    if any(_STEERING.match(part) for part in entry):
        return _Touch(Impact.REROUTE)
    if (interface := _interface(entry)) is not None:
        return _interface_touch(interface, old)
    return _family_touch(entry)


def _neighbour_touch(peer: str, rest: str, old: _Outline) -> _Touch:
    if rest.startswith("description"):
        return _Touch(Impact.NONE)
    if peer not in old.neighbours:
        return _Touch(Impact.REROUTE, neighbour=peer)
    if _NEIGHBOUR_STEERING.match(rest):
        return _Touch(Impact.REROUTE)
    return _Touch(Impact.INTERRUPTION, neighbour=peer)


def _interface_touch(interface: str, old: _Outline) -> _Touch:
    if interface not in old.interfaces:
        return _Touch(Impact.REROUTE, interface=interface)
    return _Touch(Impact.INTERRUPTION, interface=interface, whole=interface == "lo")


def _family_touch(entry: Entry) -> _Touch:
    """Return the touch of a line that opens an address family, or of one nobody has heard of."""
    if entry[-1].startswith("address-family"):
        return _Touch(Impact.REROUTE)
    return _Touch(Impact.INTERRUPTION, whole=True)


def _worst(impacts: Iterable[Impact]) -> Impact:
    return max(impacts, key=tuple(Impact).index)


def _because(worst: Impact, touches: list[_Touch], *, whole: bool) -> str:
    if worst is Impact.NONE:
        return "only descriptions and logging change"
    if worst is Impact.REROUTE:
        return "nothing in use is taken away: traffic may take another path"
    if whole:
        return "everything through the router stops for a moment"
    severe = [t for t in touches if t.impact is Impact.INTERRUPTION]
    return f"{_named(severe)} stop for a moment"


def _named(touches: list[_Touch]) -> str:
    interfaces = sorted({f"interface {t.interface}" for t in touches if t.interface})
    sessions = sorted({f"the session with {t.neighbour}" for t in touches if t.neighbour})
    return ", ".join(interfaces + sessions)


def _irreversible(old: _Outline, new: _Outline, changed: list[Entry]) -> Iterator[str]:
    for peer in sorted(old.neighbours - new.neighbours):
        yield f"the BGP session with {peer} ends; after a rollback it has to come up again"
    gone, fresh = sorted(old.interfaces - new.interfaces), sorted(new.interfaces - old.interfaces)
    if gone and fresh:
        yield (
            f"interfaces {', '.join(gone)} give way to {', '.join(fresh)}; "
            "cables and names on the router do not follow a rollback"
        )
    if any(e[-1].startswith("router bgp") for e in changed):
        yield "the AS number changes: every BGP session is torn down, also by a rollback"


def _entries(text: str) -> Iterator[Entry]:
    above: list[tuple[int, Entry]] = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or _NOISE.match(line):
            continue
        indent = len(raw) - len(raw.lstrip())
        while above and above[-1][0] >= indent:
            above.pop()
        entry = (*above[-1][1], line) if above else (line,)
        above.append((indent, entry))
        yield entry


def _network(line: str) -> Prefix | None:
    """Return the network of a line that gives an address, None for 'dhcp' and the like."""
    match = _ADDRESS.fullmatch(line)
    try:
        return ip_interface(match[1].replace(" ", "/")).network if match else None
    except ValueError:
        return None


def _interface(entry: Entry) -> str | None:
    """Return the interface that an entry belongs to; which VRF it is in is no part of its name."""
    first = entry[0]
    return (
        first.removeprefix("interface ").split(" vrf ")[0] if first[:10] == "interface " else None
    )


def _neighbour(entry: Entry) -> str | None:
    match = _NEIGHBOUR.fullmatch(entry[-1]) if "neighbor" in entry[-1] else None
    return match[1] if match else None


def _parsed(text: str) -> tuple[int, int] | None:
    """Return an address's version and number, None for a peer that is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.version, int(address)
