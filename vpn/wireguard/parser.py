"""Reading wg-quick's files of ours, as devices and gateways use them.

Reading takes nothing on trust. Commands to run (PostUp and the like) are refused, every fault is
found in one pass and told at its line, and no message repeats a value, which may be a key. Files
of other servers are read by server_file.py, which skips what an import does not need.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import (
    ip_interface,
    ip_network,
)
from itertools import islice
from typing import Any, Final, TypeAlias

from inventory.addressing import Prefix
from inventory.errors import Fault, IntentError, Location
from inventory.free_text import quoted
from inventory.names import closest_name
from vpn.key_text import PublicKey
from vpn.model import Endpoint
from vpn.wireguard import endpoint, keys
from vpn.wireguard.config import Address, Config, PeerSection
from vpn.wireguard.keys import Secret

LONGEST: Final = 1_000_000
MOST_FAULTS: Final = 100
_LONGEST_KEY: Final = 20


def parse_config(text: str, file: str) -> Config:
    """Return what a wg-quick file says.

    Raises IntentError with every fault, 100 at most, each at its line of file.
    """
    reading = _Reading(file)
    if len(text) > LONGEST:
        reading.fault(0, "the file has more than a million characters", "this is no wg-quick file")
        raise IntentError(reading.faults)
    for number, line in enumerate(text.splitlines(), 1):
        reading.take(number, line)
    config = reading.end()
    if reading.faults:
        raise IntentError(islice(reading.faults, MOST_FAULTS))
    return config


class _Refusal(Exception):  # noqa: N818 - it never leaves this module
    """A value makes no sense: what is wrong, and what to write instead; never the value."""

    def __init__(self, what: str, hint: str) -> None:
        self.what, self.hint = what, hint
        super().__init__(what)


def _key_refused(error: ValueError, hint: str) -> _Refusal:
    return _Refusal(str(error), hint)


def _private(value: str) -> Secret:
    try:
        return keys.parse_secret(value)
    except ValueError as error:
        raise _key_refused(error, "make one with 'wg genkey'") from None


def _preshared(value: str) -> Secret:
    try:
        return keys.parse_secret(value)
    except ValueError as error:
        raise _key_refused(error, "make one with 'wg genpsk'") from None


def _public(value: str) -> PublicKey:
    try:
        return keys.parse_public(value)
    except ValueError as error:
        raise _key_refused(error, "ask the far end for its public key") from None


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")] if value else []


def _addresses(value: str) -> tuple[Address, ...]:
    hint = "write addresses such as '172.26.0.5/32, fd5a::5/128'"
    return tuple(_as(ip_interface, item, "no address", hint) for item in _listed(value))


def _prefixes(value: str) -> tuple[Prefix, ...]:
    hint = "write prefixes such as '10.0.0.0/8', with no bits set behind the length"
    return tuple(_as(ip_network, item, "no prefix", hint) for item in _listed(value))


def _as(read: Callable[[str], Any], item: str, what: str, hint: str) -> Any:
    # Python takes any text behind '%' for an IPv6 zone.
    if "%" not in item:
        try:
            return read(item)
        except ValueError:
            pass
    raise _Refusal(f"one of the values is {what}", hint)


def _dns(value: str) -> tuple[str, ...]:
    for item in _listed(value):
        if not (endpoint.is_address(item) or endpoint.is_name(item)):
            raise _Refusal("one of the values is no address and no name", "write '172.16.0.1'")
    return tuple(_listed(value))


def _endpoint(value: str) -> Endpoint:
    try:
        return endpoint.parse_endpoint(value)
    except ValueError as error:
        hint = "write '198.51.100.7:51820' or '[2001:db8::7]:51820'"
        raise _Refusal(str(error), hint) from None


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if endpoint.is_number(value) and least <= int(value) <= most:
            return int(value)
        raise _Refusal("this is no number in range", f"write one from {least} to {most}")

    return read


def _keepalive(value: str) -> int:
    return 0 if value == "off" else _number(0, 65535)(value)


def _unused(key: str) -> Callable[[str], tuple[str, ...]]:
    return lambda _: (key,)


def _save(value: str) -> str:
    if value.lower() == "true":
        raise _Refusal("SaveConfig would overwrite the file", "remove the line")
    return value


def _command(_: str) -> None:
    what = "commands are not taken over"
    raise _Refusal(what, "remove the line; what it does belongs into a policy")


_Reader: TypeAlias = Callable[[str], Any]
_READERS: Final[Mapping[str, Mapping[str, tuple[str, _Reader]]]] = {
    "Interface": {
        "PrivateKey": ("private_key", _private),
        "Address": ("addresses", _addresses),
        "ListenPort": ("listen_port", _number(0, 65535)),
        "MTU": ("mtu", _number(576, 65535)),
        "DNS": ("dns", _dns),
        "Table": ("unused", _unused("Table")),
        "FwMark": ("unused", _unused("FwMark")),
        "SaveConfig": ("", _save),
        **dict.fromkeys(("PreUp", "PostUp", "PreDown", "PostDown"), ("", _command)),
    },
    "Peer": {
        "PublicKey": ("public_key", _public),
        "PresharedKey": ("preshared_key", _preshared),
        "AllowedIPs": ("allowed", _prefixes),
        "Endpoint": ("endpoint", _endpoint),
        "PersistentKeepalive": ("keepalive_s", _keepalive),
    },
}
# What may be written several times, each time adding to it.
_GROWING: Final = frozenset({"addresses", "allowed", "dns", "unused"})


@dataclass(slots=True)
class _Section:
    """A section under construction: its name as it is spelt, its first line, and its values."""

    name: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


class _Reading:
    """A file on its way to a value; every fault is kept."""

    def __init__(self, file: str) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._sections: list[_Section] = []
        # Lines of a section of an unknown name say nothing more.
        self._lost = False

    def fault(self, line: int, what: str, hint: str) -> None:
        """Keep a fault of a line; line 0 is the file as a whole."""
        self.faults.append(Fault(Location(self._file, line, 1 if line else 0), what, hint))

    def take(self, number: int, line: str) -> None:
        """Read one line."""
        bare = line.partition("#")[0].strip()
        if bare.startswith("["):
            self._begin(number, bare)
        elif bare and not self._lost:
            self._assign(number, bare)

    def _begin(self, number: int, bare: str) -> None:
        by_lower = {name.lower(): name for name in _READERS}
        name = by_lower.get(bare[1:-1].lower()) if bare.endswith("]") else None
        self._lost = name is None
        if name is None:
            self.fault(number, "this begins no section", "write '[Interface]' or '[Peer]'")
            return
        if name == "Interface" and (first := self._interface()):
            what = f"a second [Interface]; the first is at line {first.line}"
            self.fault(number, what, "write one file for each interface")
        self._sections.append(_Section(name, number))

    def _assign(self, number: int, bare: str) -> None:
        key, equals, value = (part.strip() for part in bare.partition("="))
        if not equals:
            self.fault(number, "the line is no 'Key = value'", "write a key, '=' and its value")
        elif not self._sections:
            self.fault(number, "the line stands in no section", "begin with '[Interface]'")
        else:
            self._set(number, key, value)

    def _set(self, number: int, key: str, value: str) -> None:
        section = self._sections[-1]
        readers = _READERS[section.name]
        known = {name.lower(): name for name in readers}.get(key.lower())
        if known is None:
            # A line without '=' of its own may have its first one within a secret.
            word = quoted(key) if key.isalpha() and len(key) <= _LONGEST_KEY else "something else"
            hint = closest_name(key, list(readers), "keys")
            self.fault(number, f"[{section.name}] has {word} where a key should be", hint)
            return
        name, read = readers[known]
        if known in section.lines and name not in _GROWING:
            what = f"{known} is written twice, first at line {section.lines[known]}"
            self.fault(number, what, "keep one of them")
            return
        try:
            self._keep(section, name, read(value))
        except _Refusal as refusal:
            self.fault(number, f"{known}: {refusal.what}", refusal.hint)
        section.lines.setdefault(known, number)

    def _keep(self, section: _Section, name: str, value: Any) -> None:
        if name in _GROWING:
            value = (*section.values.get(name, ()), *value)
        if name:
            section.values[name] = value

    def _interface(self) -> _Section | None:
        return next((s for s in self._sections if s.name == "Interface"), None)

    def end(self) -> Config:
        """Return the value; it means nothing when there are faults."""
        interface = self._interface()
        if interface is None:
            self.fault(0, "there is no [Interface]", "this is no wg-quick file")
            return Config()
        peers = [section for section in self._sections if section.name == "Peer"]
        self._compare(interface, peers)
        made = (PeerSection(**s.values) for s in peers if "public_key" in s.values)
        return replace(Config(**interface.values), peers=tuple(made))

    def _compare(self, interface: _Section, peers: Iterable[_Section]) -> None:
        """Keep the faults that lie between sections."""
        own = interface.values.get("private_key")
        seen: dict[object, int] = {keys.public_of(own): interface.line} if own else {}
        for section in peers:
            if "PublicKey" not in section.lines:
                self.fault(section.line, "the peer has no PublicKey", "add its public key")
            elif key := section.values.get("public_key"):
                self._once(seen, key, section.lines["PublicKey"], "this key")
            for prefix in dict.fromkeys(section.values.get("allowed", ())):
                self._once(seen, prefix, section.lines["AllowedIPs"], str(prefix))

    def _once(self, seen: dict[object, int], thing: object, line: int, name: str) -> None:
        first = seen.setdefault(thing, line)
        if first != line:
            what = f"{name} is that of two, first at line {first}"
            self.fault(line, what, "give each far end its own")
