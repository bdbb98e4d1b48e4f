"""Messages of SNMPv2c as octets, sound or not, for tests."""

from collections.abc import Iterable

INTEGER, OCTETS, OID, SEQUENCE, COUNTER32, TICKS, COUNTER64 = 2, 4, 6, 0x30, 0x41, 0x43, 0x46
TRAP, INFORM, RESPONSE = 0xA7, 0xA6, 0xA2


def item(tag, content):
    """Return an item: tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def number(value, tag=INTEGER):
    """Return an integer."""
    size = max((value.bit_length() // 8) + 1, 1)
    return item(tag, value.to_bytes(size, "big", signed=True))


def identifier(name):
    """Return an object identifier."""
    first, second, *rest = map(int, name.split("."))
    return item(OID, b"".join(_base128(part) for part in (40 * first + second, *rest)))


def _base128(part):
    octets = [part & 0x7F]
    while part := part >> 7:
        octets.insert(0, part & 0x7F | 0x80)
    return bytes(octets)


def text(value):
    """Return an octet string."""
    return item(OCTETS, value)


def message(
    kind, bindings: Iterable[tuple[str, bytes]], *, community=b"public", request=7, error=0
):
    """Return a message of version 2c."""
    pairs = b"".join(item(SEQUENCE, identifier(name) + value) for name, value in bindings)
    body = item(kind, number(request) + number(error) + number(0) + item(SEQUENCE, pairs))
    return item(SEQUENCE, number(1) + text(community) + body)


def notification(kind, trap, *bindings, community=b"public", uptime=12_345):
    """Return a trap or an inform."""
    first = ("1.3.6.1.2.1.1.3.0", number(uptime, TICKS))
    which = ("1.3.6.1.6.3.1.1.4.1.0", identifier(trap))
    return message(kind, (first, which, *bindings), community=community)
