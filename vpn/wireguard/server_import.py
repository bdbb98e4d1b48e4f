"""From a wg-quick file of a server that people dial today to a list of those people.

Their keys stay theirs. Names come from the remarks beside the sections.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from io import StringIO
from typing import Final

from vpn.wireguard.config import PeerSection

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


def listed_devices(devices: Iterable[PeerSection], role: str, site: str) -> str:
    """Return a list of people as CSV, all of one role at one site until somebody corrects it."""
    stream, taken = StringIO(), set[str]()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for number, one in enumerate(devices, 1):
        name = _free(_slug(one.remark) or f"person-{number}", taken)
        title = "".join(c if c.isprintable() else " " for c in one.remark).strip()
        said = title[:_LONGEST] or name
        table.writerow([name, said, role, site, "", "", "", "tablet", one.public_key])
    return stream.getvalue()


def _slug(remark: str) -> str:
    plain = unicodedata.normalize("NFKD", remark).encode("ascii", "ignore").decode().lower()
    return _STRANGE.sub("-", plain).strip("-")[:_LONGEST].strip("-")


def _free(name: str, taken: set[str]) -> str:
    """Return a name that nobody has yet, with a number behind it where somebody has."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    taken.add(free)
    return free
