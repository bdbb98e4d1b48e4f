"""What a device in the field and a gateway say to each other in datagrams, and what binds them.

A request is MAGIC, the invitation's name in 8 octets, a JSON object and a tag; an answer is MAGIC,
a JSON object and a tag, which also covers the request's. Tags are HMAC-SHA-256 (RFC 2104) with the
invitation's mailbox key, cut to 16 octets; what bears no right one is not looked at.
"""

import hmac
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Json: TypeAlias = Mapping[str, Any]

MAGIC: Final = b"SNGJ1"
NAME: Final = 8
TAG: Final = 16
# A text that one end leaves for the other, as JSON writes it; with all else it fits into every
# packet of IPv6.
LONGEST: Final = 900
LARGEST: Final = 1_232
_HEAD: Final = len(MAGIC) + NAME


def fits_message(text: str) -> bool:
    """Return whether one end can leave a text for the other."""
    return bool(text) and len(text) <= LONGEST and len(json.dumps(text)) <= LONGEST + 2


def seal_request(name: str, key: bytes, body: Json) -> bytes:
    """Return a request of a device about the invitation of a name."""
    covered = MAGIC + bytes.fromhex(name) + _written(body)
    return covered + _tag(key, b"request\n" + covered)


def invitation_name(datagram: bytes) -> str:
    """Return which invitation a request is about; nothing if it is not a request."""
    fits = datagram.startswith(MAGIC) and _HEAD + TAG <= len(datagram) <= LARGEST
    return datagram[len(MAGIC) : _HEAD].hex() if fits else ""


def open_request(datagram: bytes, key: bytes) -> Json | None:
    """Return what a named() request asks, if it bears the right tag."""
    covered, tag = datagram[:-TAG], datagram[-TAG:]
    if not hmac.compare_digest(tag, _tag(key, b"request\n" + covered)):
        return None
    return _read(covered[_HEAD:])


def seal_answer(asking: bytes, key: bytes, body: Json) -> bytes:
    """Return the answer to a request."""
    covered = MAGIC + _written(body)
    return covered + _tag(key, b"answer\n" + asking[-TAG:] + covered)


def open_answer(datagram: bytes, asking: bytes, key: bytes) -> Json | None:
    """Return what an answer to a request says, if it is one."""
    covered, tag = datagram[:-TAG], datagram[-TAG:]
    expected = _tag(key, b"answer\n" + asking[-TAG:] + covered)
    if not covered.startswith(MAGIC) or not hmac.compare_digest(tag, expected):
        return None
    return _read(covered[len(MAGIC) :])


def _tag(key: bytes, covered: bytes) -> bytes:
    return hmac.digest(key, covered, "sha256")[:TAG]


def _written(body: Json) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def _read(written: bytes) -> Json | None:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
