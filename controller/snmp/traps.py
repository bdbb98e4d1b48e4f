"""Traps and informs of SNMPv2c (RFC 3416): decoded here, since a burst must not be lost."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from controller.snmp import ber, oids
from controller.snmp.ber import BerError
from controller.snmp.model import Value

VERSION_2C: Final = 1
TRAP: Final = 0xA7
INFORM: Final = 0xA6
RESPONSE: Final = 0xA2
Sender: TypeAlias = tuple[str, int]


class TrapError(ValueError):
    """A datagram that is no notification of SNMPv2c."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A trap or an inform: which one, the agent's uptime, and its values by name.

    answer is the datagram that an inform waits for, empty for a trap.
    """

    kind: str
    uptime_s: float
    values: Mapping[str, Value]
    answer: bytes = b""


def decode_notification(datagram: bytes, communities: Sequence[str]) -> Notification:
    """Return the notification in a datagram.

    Raises TrapError when it is none, or has none of the communities.
    """
    try:
        return _decoded(datagram, communities)
    except BerError as error:
        raise TrapError(f"no notification of SNMPv2c: {error}") from None


def _decoded(datagram: bytes, communities: Sequence[str]) -> Notification:
    message = list(ber.items(ber.only(datagram, ber.SEQUENCE)))
    tags = [tag for tag, _ in message]
    if tags[:2] != [ber.INTEGER, ber.OCTET_STRING] or len(tags) != 3:
        raise BerError("not a version, a community and a message")
    if ber.number(message[0][1]) != VERSION_2C:
        raise TrapError("another version of SNMP than 2c")
    if tags[2] not in {TRAP, INFORM}:
        raise TrapError("neither a trap nor an inform")
    if not _known(bytes(message[1][1]), communities):
        raise TrapError("the community is wrong")
    values = _bindings(message[2][1])
    kind = values.get(oids.TRAP_OID)
    uptime = values.get(oids.SYS_UP_TIME)
    if not isinstance(kind, str) or not isinstance(uptime, int):
        raise BerError("neither snmpTrapOID nor sysUpTime")
    answer = _answer(datagram, message[2][1]) if tags[2] == INFORM else b""
    return Notification(kind, uptime / 100, values, answer)


def _bindings(content: memoryview) -> Mapping[str, Value]:
    """Return the variable bindings of a message."""
    parts = list(ber.items(content))
    if [tag for tag, _ in parts] != [ber.INTEGER, ber.INTEGER, ber.INTEGER, ber.SEQUENCE]:
        raise BerError("not a request number, an error and bindings")
    values: dict[str, Value] = {}
    for tag, binding in ber.items(parts[3][1]):
        pair = list(ber.items(binding))
        if tag != ber.SEQUENCE or len(pair) != 2 or pair[0][0] != ber.OID:
            raise BerError("a binding that is no pair")
        values[ber.name(pair[0][1])] = ber.value(*pair[1])
    return values


def _answer(datagram: bytes, content: memoryview) -> bytes:
    """Return the answer to an inform: the same message with another tag (RFC 3416, 4.2.7)."""
    body = bytes(content)
    start = len(datagram) - len(body)
    # The tag stands before the length, whose first octet says how many there are.
    for back in (2, 3, 4, 5):
        if datagram[start - back] == INFORM and datagram[start - back + 1] in {
            len(body),
            0x80 | back - 2,
        }:
            return b"".join(
                (datagram[: start - back], bytes((RESPONSE,)), datagram[start - back + 1 :])
            )
    raise BerError("the message does not end where it should")


def _known(community: bytes, communities: Sequence[str]) -> bool:
    """Return whether a community is among those that agents have, in a time that says nothing."""
    matches = [hmac.compare_digest(community, one.encode()) for one in communities]
    return any(matches)
