"""The public keys of edges, pinned in a file beside the documents as known_hosts pins host keys."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from inventory.errors import Fault, Location
from inventory.model import DeviceName
from inventory.wording import quoted

_KEY_OCTETS: Final = 32
_HINT: Final = "write lines such as 'mora-e1 BASE64', as 'sanaga edge enrol' prints them there"


@dataclass(frozen=True, slots=True)
class EdgeKeys:
    """The pinned keys by device, where each is written, and every line that cannot be used."""

    keys: Mapping[DeviceName, str]
    faults: tuple[Fault, ...] = ()
    places: Mapping[DeviceName, Location] = field(default_factory=dict)

    def of(self, device: DeviceName) -> str:
        """Return a device's key, nothing where none is pinned."""
        return self.keys.get(device, "")


def edge_keys(file: str, text: str) -> EdgeKeys:
    """Return the keys of a file whose lines are DEVICE BASE64; blank lines and '#' are skipped."""
    keys: dict[DeviceName, str] = {}
    places: dict[DeviceName, Location] = {}
    faults: list[Fault] = []
    owner: dict[str, DeviceName] = {}
    for where, words in _lines(file, text):
        if what := _line_fault(words, keys, owner):
            faults.append(Fault(where, what, _HINT))
        else:
            device, key = words
            keys[device], places[device], owner[key] = key, where, device
    return EdgeKeys(keys, tuple(faults), places)


def line(device: DeviceName, key: str) -> str:
    """Return the line that pins a device's key."""
    return f"{device} {key}\n"


def key_fault(text: str) -> str | None:
    """Return what is wrong with a WireGuard public key in base64, if anything."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "the key is not base64"
    if len(octets) != _KEY_OCTETS or base64.b64encode(octets).decode("ascii") != text:
        return "the key is no WireGuard public key of 44 characters"
    return None


def _lines(file: str, text: str) -> Iterator[tuple[Location, list[str]]]:
    for number, written in enumerate(text.split("\n"), 1):
        if written.strip() and not written.lstrip().startswith("#"):
            yield Location(file, number, 1), written.split()


def _line_fault(
    words: list[str], keys: Mapping[DeviceName, str], owner: Mapping[str, DeviceName]
) -> str | None:
    if len(words) != 2:
        return "the line is not a device and its key"
    device, key = words
    if device in keys:
        return f"a key of {quoted(device)} stands there already"
    if key in owner:
        return f"the key of {quoted(device)} is that of {quoted(owner[key])} already"
    return key_fault(key)
