"""Notifications of SNMPv2c: sound ones are read, informs answered, and all else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.snmp import oids
from controller.snmp.traps import Notification, TrapError, decode_notification
from tests.rigs.snmp import encoding
from tests.rigs.snmp.encoding import INFORM, RESPONSE, TRAP, notification

LINK = (f"{oids.IF_INDEX}.3", encoding.number(3))
DOWN = notification(TRAP, oids.LINK_DOWN, LINK)


def test_a_trap_is_read():
    assert decode_notification(DOWN, ["other", "public"]) == Notification(
        oids.LINK_DOWN,
        123.45,
        {
            oids.SYS_UP_TIME: 12_345,
            oids.TRAP_OID: oids.LINK_DOWN,
            f"{oids.IF_INDEX}.3": 3,
        },
    )


@pytest.mark.parametrize("size", [0, 100, 200, 40_000], ids=str)
def test_an_inform_is_answered_with_its_own_bindings(size):
    filler = ("1.3.6.1.4.1.1.1", encoding.text(b"x" * size))
    inform = notification(INFORM, oids.LINK_UP, filler)
    answer = decode_notification(inform, ["public"]).answer
    assert answer == notification(RESPONSE, oids.LINK_UP, filler)


def test_a_trap_has_no_answer():
    assert decode_notification(DOWN, ["public"]).answer == b""


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (notification(TRAP, oids.LINK_DOWN, community=b"guess"), "the community is wrong"),
        (DOWN.replace(b"\x02\x01\x01\x04", b"\x02\x01\x00\x04", 1), "another version"),
        (encoding.message(0xA0, ()), "neither a trap nor an inform"),
        (encoding.message(TRAP, ()), "neither snmpTrapOID nor sysUpTime"),
        (DOWN[:-1], "cut short"),
        (b"", "no item"),
        (b"\x30\x84\xff\xff\xff\xff", "a length that SNMP does not use"),
        (b"\x30\x80", "a length that SNMP does not use"),
    ],
    ids=["community", "version", "a question", "empty", "torn", "nothing", "long", "endless"],
)
def test_what_is_no_notification_is_refused_with_a_reason(datagram, why):
    with pytest.raises(TrapError, match=why):
        decode_notification(datagram, ["public"])


def test_without_a_community_nothing_is_taken():
    with pytest.raises(TrapError, match="community"):
        decode_notification(notification(TRAP, oids.LINK_DOWN, community=b""), [])


def test_so_many_bindings_are_refused():
    many = [("1.3.6.1.4.1.1.1", encoding.number(1))] * 300
    with pytest.raises(TrapError, match="too many items"):
        decode_notification(notification(TRAP, oids.LINK_DOWN, *many), ["public"])


def refused_or_read(datagram):
    try:
        return decode_notification(datagram, ["public"])
    except TrapError:
        return None


@given(st.binary(max_size=300))
def test_octets_of_chance_are_refused_or_read(datagram):
    refused_or_read(datagram)


@given(st.integers(0, len(DOWN) - 1), st.integers(0, 255), st.integers(0, len(DOWN)))
def test_a_trap_with_an_octet_changed_and_a_piece_cut_is_refused_or_read(place, octet, end):
    changed = bytearray(notification(INFORM, oids.LINK_DOWN, LINK))
    changed[place] = octet
    refused_or_read(bytes(changed[:end]))
    refused_or_read(bytes(changed))


@given(
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20), st.integers(-(2**63), 2**63 - 1)
)
def test_names_and_numbers_are_read_as_they_were_written(parts, number):
    name = ".".join(map(str, (1, 3, *parts)))
    found = decode_notification(
        notification(TRAP, oids.LINK_UP, (name, encoding.number(number))), ["public"]
    )
    assert found.values[name] == number
