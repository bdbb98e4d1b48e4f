"""SSH host keys as OpenSSH writes them: public key texts and known_hosts files."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from inventory.errors import Fault, Location

# Length-prefixed fields of each type's blob (RFC 4253, 5656, 8709), in the order of preference.
_FIELDS: Final[Mapping[str, int]] = {
    "ssh-ed25519": 2,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "ssh-rsa": 3,
}
KEY_TYPES: Final = tuple(_FIELDS)
_BRACKETED: Final = re.compile(r"\[([^\]]*)\]:([0-9]{1,5})")
_EXAMPLE: Final = "198.18.0.19 ssh-ed25519 AAAA..."
Host = tuple[str, int]


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The pinned keys by address and port, and every line that could not be used."""

    keys: Mapping[Host, str]
    faults: tuple[Fault, ...] = ()


def key_fault(text: str) -> str | None:
    """Return what is wrong with a public key such as 'ssh-ed25519 AAAA...', if anything."""
    kind, _, rest = text.strip().partition(" ")
    if kind not in KEY_TYPES:
        return "the host key does not begin with a known type such as ssh-ed25519"
    encoded = rest.strip().split(" ")[0]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return "the host key is not base64 after its type"
    fields = list(_fields(blob))
    if len(fields) != _FIELDS[kind] or fields[0] != kind.encode():
        return f"the host key is cut short or is no {kind} key"
    return None


def _fields(blob: bytes) -> Iterator[bytes]:
    """Yield the length-prefixed fields of a blob, and nothing after one that is cut short."""
    at = 0
    while at + 4 <= len(blob):
        end = at + 4 + int.from_bytes(blob[at : at + 4])
        if end > len(blob):
            return
        yield blob[at + 4 : end]
        at = end


def known_hosts(file: str, text: str) -> KnownHosts:
    """Return the keys of an OpenSSH known_hosts file; lines for names are no use and refused."""
    keys: dict[Host, str] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        for found in _line(line):
            if isinstance(found, str):
                hint = f"write lines such as '{_EXAMPLE}', as 'ssh-keyscan ADDRESS' prints them"
                faults.append(Fault(Location(file, number, 1), found, hint))
            else:
                _keep(keys, *found)
    return KnownHosts(keys, tuple(faults))


def _line(line: str) -> Iterator[tuple[Host, str] | str]:
    """Yield each host of a line with its key, or what is wrong."""
    hosts, _, key = line.strip().partition(" ")
    if hosts.startswith("@"):
        yield "markers such as @cert-authority are not supported"
    elif hosts.startswith("|"):
        yield "the host is hashed and cannot be matched to a management address"
    elif fault := key_fault(key):
        yield fault
    else:
        pinned = " ".join(key.split()[:2])
        for host in hosts.split(","):
            read = _host(host)
            yield (read, pinned) if read else "the host is no IPv4 address"


def _host(text: str) -> Host | None:
    bracketed = _BRACKETED.fullmatch(text)
    address, port = (bracketed[1], int(bracketed[2])) if bracketed else (text, 22)
    try:
        return (str(IPv4Address(address)), port) if port < 65536 else None
    except AddressValueError:
        return None


def _keep(keys: dict[Host, str], host: Host, key: str) -> None:
    """Keep the preferred key of a host."""
    before = keys.get(host)
    if before is None or _rank(key) < _rank(before):
        keys[host] = key


def _rank(key: str) -> int:
    return KEY_TYPES.index(key.partition(" ")[0])
