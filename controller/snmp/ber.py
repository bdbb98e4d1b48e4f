"""The few rules of ASN.1's basic encoding (X.690) that notifications of SNMP need, bounded."""

from collections.abc import Iterator
from typing import Final, TypeAlias

Octets: TypeAlias = bytes | memoryview

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
NUMBERS: Final = frozenset({INTEGER, 0x41, 0x42, 0x43, 0x46, 0x47})
TEXTS: Final = frozenset({OCTET_STRING, 0x44, 0x45})
MOST_ITEMS: Final = 256
LONGEST_NUMBER: Final = 9
LONGEST_OID: Final = 128


class BerError(ValueError):
    """Octets that are not what they should be."""


def items(data: Octets) -> Iterator[tuple[int, memoryview]]:
    """Yield the tag and content of the items that follow each other in some octets.

    Raises BerError where there is no whole item.
    """
    left = memoryview(data)
    for _ in range(MOST_ITEMS):
        if not left:
            return
        size, start = _length(left)
        if start + size > len(left):
            raise BerError("an item is cut short")
        yield left[0], left[start : start + size]
        left = left[start + size :]
    raise BerError("too many items")


def only(data: Octets, tag: int) -> memoryview:
    """Return the content of the first item, which must have a tag. Raises BerError."""
    found = next(items(data), None)
    if found is None or found[0] != tag:
        raise BerError(f"no item of type {tag:#x}")
    return found[1]


def number(content: memoryview) -> int:
    """Return an integer, a counter or a time. Raises BerError."""
    if not 0 < len(content) <= LONGEST_NUMBER:
        raise BerError("a number without or with too many octets")
    return int.from_bytes(content, "big", signed=True)


def name(content: memoryview) -> str:
    """Return an object identifier in dots. Raises BerError."""
    if not 0 < len(content) <= LONGEST_OID or content[-1] & 0x80:
        raise BerError("an object identifier is cut short")
    parts, part = list[int](), 0
    for octet in content:
        part = part << 7 | octet & 0x7F
        if not octet & 0x80:
            parts.append(part)
            part = 0
    first = min(parts[0] // 40, 2)
    return ".".join(map(str, (first, parts[0] - 40 * first, *parts[1:])))


def value(tag: int, content: memoryview) -> str | bytes | int | None:
    """Return what an item says; None for what is empty or of a type that nobody needs."""
    if tag in NUMBERS:
        return number(content)
    if tag in TEXTS:
        return bytes(content)
    if tag == OID:
        return name(content)
    return ".".join(map(str, content)) if tag == IP_ADDRESS and len(content) == 4 else None


def _length(data: memoryview) -> tuple[int, int]:
    """Return how long the first item's content is, and where it begins."""
    if len(data) < 2:
        raise BerError("an item without length")
    short = data[1]
    if short < 0x80:
        return short, 2
    octets = short & 0x7F
    if not 0 < octets <= 3 or len(data) < 2 + octets:
        raise BerError("a length that SNMP does not use")
    return int.from_bytes(data[2 : 2 + octets], "big"), 2 + octets
