"""Roster that a gateway admits: devices, their addresses, and what each may reach.

A gateway keeps it and goes by it without any controller; whoever's last day is over is let in no
more, whether or not anybody reminds the gateway of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from ipaddress import (
    IPv4Interface,
    IPv6Interface,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any, Final, TypeAlias

from inventory.model import DeviceName, Ports
from inventory.names import is_name
from vpn.grants import packet_filter
from vpn.grants.packet_filter import FilterOpening
from vpn.model import Address, GroupName
from vpn.people.dns_names import Names

Json: TypeAlias = Mapping[str, Any]
Interface: TypeAlias = IPv4Interface | IPv6Interface

_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_KEY_LETTERS: Final = 44


@dataclass(frozen=True, slots=True)
class RosterDevice:
    """A device that may dial: its key and addresses, its person's groups and last day."""

    public_key: str
    addresses: tuple[Address, ...]
    groups: tuple[GroupName, ...]
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """What a gateway is told: its interface of people, the devices, and what groups reach.

    addresses are the gateway's own on the interface, with the prefixes that people have there; key
    is the public one of the gateway's keys that they know it by, the first where none is named.
    """

    network: str
    gateway: DeviceName
    interface: str
    listen_port: int
    mtu: int
    addresses: tuple[Interface, ...]
    devices: tuple[RosterDevice, ...]
    openings: tuple[FilterOpening, ...]
    names: Names = ()
    key: str = ""

    def on(self, day: date) -> "Roster":
        """Return the roster without devices whose last day is over on a day."""
        current = (one for one in self.devices if one.until is None or one.until >= day)
        return replace(self, devices=tuple(current))

    def without(self, keys: Set[str]) -> "Roster":
        """Return the roster without the devices of some keys."""
        left = tuple(device for device in self.devices if device.public_key not in keys)
        return replace(self, devices=left)

    def table(self) -> str:
        """Return the packet filter for the gateway, as `nft -f` reads it."""
        blocks = tuple(address.network for address in self.addresses)
        return packet_filter.render_filter(
            self.interface, blocks, self.openings, roster_sources(self)
        )


@dataclass(frozen=True, slots=True)
class SignedRoster:
    """A roster that the controller answers for, with its devices' preshared keys in their order.

    serial grows with every roster of a gateway; state is how much of its record the controller had
    taken into account.
    """

    serial: int
    issued_at: datetime
    state: int
    roster: Roster
    preshared: tuple[bytes, ...] = field(repr=False)


def roster_sources(roster: Roster) -> Mapping[GroupName, tuple[Address, ...]]:
    """Return the addresses from which the members of each group that reaches anything come."""
    found: dict[GroupName, list[Address]] = {one.group: [] for one in roster.openings}
    for device in roster.devices:
        for group in device.groups:
            if group in found:
                found[group] += device.addresses
    return {group: tuple(addresses) for group, addresses in found.items()}


def roster_plain(roster: Roster) -> dict[str, Any]:
    """Return a roster as JSON knows it; reading that back gives the same roster."""
    return {
        "network": roster.network,
        "gateway": roster.gateway,
        "interface": roster.interface,
        "listen_port": roster.listen_port,
        "mtu": roster.mtu,
        "addresses": [*map(str, roster.addresses)],
        "devices": [
            [d.public_key, [*map(str, d.addresses)], [*d.groups], str(d.until or "")]
            for d in roster.devices
        ],
        "openings": openings_plain(roster.openings),
        "names": names_plain(roster.names),
        "key": roster.key,
    }


def read_roster(written: Json) -> Roster:
    """Return the roster that plain() wrote.

    Raises ValueError when it is no roster, or holds what must not stand in a packet filter.
    """
    try:
        return _read(written)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a part is missing or of another kind: {error}") from None


def _read(written: Json) -> Roster:
    roster = Roster(
        _name(written["network"]),
        _name(written["gateway"]),
        packet_filter.checked_interface(written["interface"]),
        _number(written["listen_port"], 65_535),
        _number(written["mtu"], 65_535),
        tuple(_parsed(ip_interface, text) for text in written["addresses"]),
        tuple(_devices(written["devices"])),
        openings_read(written["openings"]),
        names_read(written.get("names", ())),
        _key(written["key"]) if written.get("key") else "",
    )
    _once("key", (device.public_key for device in roster.devices))
    _once("address", (address for device in roster.devices for address in device.addresses))
    return roster


def _devices(written: Iterable[Any]) -> Iterator[RosterDevice]:
    for key, addresses, groups, until in written:
        yield RosterDevice(
            _key(key),
            tuple(_parsed(ip_address, text) for text in addresses),
            tuple(map(_name, groups)),
            date.fromisoformat(until) if until else None,
        )


def openings_plain(openings: Iterable[FilterOpening]) -> list[list[Any]]:
    """Return openings as JSON knows them."""
    return [[o.group, [*map(_ports_plain, o.ports)], [*map(str, o.prefixes)]] for o in openings]


def openings_read(written: Iterable[Any]) -> tuple[FilterOpening, ...]:
    """Return the openings that openings_plain() wrote. Raises ValueError, TypeError."""
    return tuple(
        FilterOpening(
            _name(group),
            tuple(_ports(*each) for each in ports),
            tuple(_parsed(ip_network, text) for text in prefixes),
        )
        for group, ports, prefixes in written
    )


def names_plain(found: Names) -> list[list[Any]]:
    """Return names as JSON knows them."""
    return [[name, [*map(str, addresses)]] for name, addresses in found]


def names_read(written: Iterable[Any]) -> Names:
    """Return the names that names_plain() wrote. Raises ValueError, TypeError."""
    return tuple(
        (_dotted(name), tuple(_parsed(ip_address, text) for text in addresses))
        for name, addresses in written
    )


def _dotted(text: Any) -> str:
    """Return a name whose parts may stand in a hosts file."""
    if not isinstance(text, str) or not all(map(is_name, text.split("."))):
        raise ValueError("not a name")
    return text


def _ports_plain(ports: Ports) -> list[Any]:
    return [ports.protocol, ports.first, ports.last]


def _ports(protocol: Any, first: Any, last: Any) -> Ports:
    if protocol not in {"tcp", "udp"}:
        raise ValueError("a protocol is neither tcp nor udp")
    return Ports(protocol, _number(first, 65_535), _number(last, 65_535))


def _parsed(parse: Any, text: Any) -> Any:
    # Python takes any text behind '%' for an IPv6 zone, and a number for an address.
    if not isinstance(text, str) or "%" in text:
        raise ValueError("not an address")
    return parse(text)


def _name(text: Any) -> str:
    if not isinstance(text, str) or not is_name(text):
        raise ValueError("not a name")
    return text


def _key(text: Any) -> str:
    if not isinstance(text, str) or len(text) != _KEY_LETTERS or not _LETTERS.issuperset(text):
        raise ValueError("not a public key")
    return text


def _number(value: Any, most: int) -> int:
    if type(value) is not int or not 0 < value <= most:
        raise ValueError(f"a number is not between 1 and {most}")
    return value


def _once(what: str, values: Iterable[object]) -> None:
    seen = set[object]()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {value} stands there twice")
        seen.add(value)
