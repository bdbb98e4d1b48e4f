"""From wg-quick files of servers that people dial today to a list of those people.

Their keys stay theirs. Names come from the remarks beside the sections.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from typing import Final

from inventory.errors import Fault, IntentError, Location
from vpn.key_text import PublicKey
from vpn.wireguard.server_file import ServerPeer, read_server_file

COLUMNS: Final = (
    "name",
    "title",
    "role",
    "site",
    "licence",
    "licence_until",
    "until",
    "device",
    "public_key",
)
_LONGEST: Final = 60
_STRANGE: Final = re.compile(r"[^a-z0-9]+")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class ServersPeople:
    """The people who dial some servers, the peers that those dial, and what was skipped."""

    people: tuple[ServerPeer, ...]
    dialled: tuple[ServerPeer, ...]
    notices: tuple[Fault, ...]

    @property
    def unnamed(self) -> int:
        """Return of how many people no remark gives a name."""
        return sum(not one.name for one in self.people)


def people_of_servers(files: Iterable[tuple[str, bytes]]) -> ServersPeople:
    """Return the people who dial the servers that have some files; each key once.

    Raises IntentError when a file is that of no server, and when no peer could be read.
    """
    found: dict[PublicKey, tuple[str, ServerPeer]] = {}
    notices, sections = list[Fault](), 0
    for file, octets in files:
        server = read_server_file(file_text(octets), file)
        notices += server.notices
        sections += server.sections
        for peer in server.peers:
            where, _ = found.setdefault(peer.public_key, (file, peer))
            if where != file:
                what = f"the key is that of a peer in {where}"
                notices.append(Fault(Location(file, peer.line, 1), what, "listed once"))
    if sections and not found:
        raise IntentError(notices)
    peers = [peer for _, peer in found.values()]
    people = tuple(peer for peer in peers if not peer.dialled)
    return ServersPeople(people, tuple(p for p in peers if p.dialled), tuple(notices))


def file_text(octets: bytes) -> str:
    """Return the text of a file as Linux, Windows and old editors write it."""
    if octets.startswith(_UTF16):
        return octets.decode("utf-16", errors="replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", errors="replace")


def listed_devices(devices: Iterable[ServerPeer], role: str, site: str) -> str:
    """Return a list of people as CSV, all of one role at one site until somebody corrects it."""
    stream, taken = StringIO(), set[str]()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for number, one in enumerate(devices, 1):
        name = _free(_slug(one.name) or f"person-{number}", taken)
        title = "".join(c if c.isprintable() else " " for c in one.name).strip() or name
        table.writerow([name, title, role, site, "", "", "", "tablet", one.public_key])
    return stream.getvalue()


def _slug(title: str) -> str:
    """Return a title as a name; an address of mail without its domain."""
    said = title.partition("@")[0] or title
    plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode().lower()
    return _STRANGE.sub("-", plain).strip("-")[:_LONGEST].strip("-")


def _free(name: str, taken: set[str]) -> str:
    """Return a name that nobody has yet, with a number behind it where somebody has."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    taken.add(free)
    return free
