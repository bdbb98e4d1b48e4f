"""The public keys of edges, pinned in a file beside the documents as known_hosts pins host keys.

A line is DEVICE BASE64, and while the device moves to another key DEVICE BASE64 BASE64.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from inventory.errors import Fault, Location
from inventory.free_text import quoted
from inventory.model import DeviceName

_KEY_OCTETS: Final = 32
_HINT: Final = "write lines such as 'mora-e1 BASE64', as 'sanaga edge enrol' prints them there"


@dataclass(frozen=True, slots=True)
class EdgeKeys:
    """The pinned keys by device, where each is written, and every line that cannot be used."""

    keys: Mapping[DeviceName, str]
    faults: tuple[Fault, ...] = ()
    places: Mapping[DeviceName, Location] = field(default_factory=dict)
    following: Mapping[DeviceName, str] = field(default_factory=dict)

    def of(self, device: DeviceName) -> str:
        """Return a device's key, nothing where none is pinned."""
        return self.keys.get(device, "")

    def next_of(self, device: DeviceName) -> str:
        """Return the key that a device moves to, nothing where it does not."""
        return self.following.get(device, "")


def edge_keys(file: str, text: str) -> EdgeKeys:
    """Return the keys of a file; blank lines and those that begin with '#' are skipped."""
    keys: dict[DeviceName, str] = {}
    following: dict[DeviceName, str] = {}
    places: dict[DeviceName, Location] = {}
    faults: list[Fault] = []
    owner: dict[str, DeviceName] = {}
    for where, words in _lines(file, text):
        if what := _line_fault(words, keys, owner):
            faults.append(Fault(where, what, _HINT))
        else:
            device, key, *further = words
            keys[device], places[device], owner[key] = key, where, device
            for one in further:
                following[device], owner[one] = one, device
    return EdgeKeys(keys, tuple(faults), places, following)


def edge_key_line(device: DeviceName, key: str, following: str = "") -> str:
    """Return the line that pins a device's key, and the one that it moves to, if any."""
    return " ".join(filter(None, (device, key, following))) + "\n"


def replace_key_lines(text: str, changes: Mapping[DeviceName, str]) -> str:
    """Return a file's text with other lines for some devices; all else stays as it is."""
    lines = text.splitlines(keepends=True)
    return "".join(changes.get(_device(written), written) for written in lines)


def _device(written: str) -> DeviceName:
    words = written.split()
    return words[0] if words and not words[0].startswith("#") else ""


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
    if len(words) not in {2, 3}:
        return "the line is not a device and its key, or two keys while it moves to the second"
    device, *own = words
    if device in keys:
        return f"a key of {quoted(device)} stands there already"
    for key in own:
        if key in owner:
            return f"the key of {quoted(device)} is that of {quoted(owner[key])} already"
        if fault := key_fault(key):
            return fault
    return "both keys are the same" if len(set(own)) < len(own) else None
