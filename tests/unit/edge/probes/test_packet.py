"""The octets of STAMP, against the figures of RFC 8762 and against another implementation."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.probes.packet import (
    StampAnswer,
    StampRequest,
    between_s,
    later_stamp,
    ntp_stamp,
    read_answer,
    read_request,
    unwrapped,
    write_answer,
    write_request,
)

KEY = bytes(range(32))
REQUEST = StampRequest(0x01020304, 0x1112131415161718, 0x8A0B)
ANSWER = StampAnswer(0x21222324, 0x3132333435363738, 0x4142434445464748, REQUEST, 0x40, 0x0C0D)
OTHER = Path(__file__).parents[3] / "rigs" / "probes" / "scapy_stamp.py"
SYSTEM_PYTHON = "/usr/bin/python3"

# Computed by openssl from the 96 octets before it.
REQUEST_MAC = "de66bb71426667eca2b0d582f8ff8cbd"
ANSWER_MAC = "879511dbfb8c7cc47ef08ddfe2a0a1d1"


def scapy(order: str, *values: str) -> dict[str, Any]:
    """Return what scapy, a program of its own under another licence, makes of octets."""
    done = subprocess.run(
        [SYSTEM_PYTHON, "-W", "ignore", str(OTHER), order, *values],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_an_unauthenticated_request_is_laid_out_as_in_section_4_2_1():
    assert write_request(REQUEST).hex() == "0102030411121314151617188a0b" + "00" * 30


def test_an_authenticated_request_is_laid_out_as_in_section_4_2_1():
    head = "01020304" + "00" * 12 + "11121314151617188a0b" + "00" * 70
    assert write_request(REQUEST, KEY).hex() == head + REQUEST_MAC


def test_an_unauthenticated_answer_is_laid_out_as_in_section_4_3_1():
    assert write_answer(ANSWER).hex() == (
        "21222324" "3132333435363738" "0c0d" "0000" "4142434445464748"
        "01020304" "1112131415161718" "8a0b" "0000" "40" "000000"
    )  # fmt: skip


def test_an_authenticated_answer_is_laid_out_as_in_section_4_3_1():
    zero = {length: "00" * length for length in (6, 8, 12, 15)}
    head = (
        f"21222324{zero[12]}31323334353637380c0d{zero[6]}4142434445464748{zero[8]}"
        f"01020304{zero[12]}11121314151617188a0b{zero[6]}40{zero[15]}"
    )
    assert write_answer(ANSWER, KEY).hex() == head + ANSWER_MAC


@pytest.mark.parametrize("key", [None, KEY])
def test_an_answer_is_as_long_as_its_request(key):
    assert len(write_answer(ANSWER, key)) == len(write_request(REQUEST, key))


def test_scapy_reads_our_request():
    told = scapy("read-request", write_request(StampRequest(7, 0xE5F1A2B3_80000000, 0x9605)).hex())
    assert told == {
        "sequence": 7,
        "seconds": 0xE5F1A2B3,
        "fraction": 0.5,
        "error": [1, 0, 22, 5],
        "rest": 0,
    }


def test_scapy_reads_our_answer():
    asked = StampRequest(7, 0xE5F1A2B3_80000000, 0x9605)
    ours = StampAnswer(3, 0xE5F1A2B5_40000000, 0xE5F1A2B4_C0000000, asked, 61, 0x1601)
    assert scapy("read-answer", write_answer(ours).hex()) == {
        "sequence": 3,
        "seconds": 0xE5F1A2B5,
        "fraction": 0.25,
        "error": [0, 0, 22, 1],
        "received": 0xE5F1A2B4 + 0.75,
        "asked": 7,
        "asked_at": 0xE5F1A2B3 + 0.5,
        "asked_error": [1, 0, 22, 5],
        "ttl": 61,
        "rest": 0,
    }


def test_we_read_a_request_of_scapy():
    octets = bytes.fromhex(scapy("write-request")["octets"])
    assert read_request(octets) == StampRequest(9, 0xE5F1A2B3_80000000, 0x8305)


def test_we_read_an_answer_of_scapy():
    octets = bytes.fromhex(scapy("write-answer")["octets"])
    asked = StampRequest(9, 0xE5F1A2B3_80000000, 0x8305)
    assert read_answer(octets) == StampAnswer(
        4, 0xE5F1A2B5_40000000, 0xE5F1A2B4_C0000000, asked, 58, 0x0402
    )


def test_a_request_with_extensions_is_read_without_them():
    octets = write_request(REQUEST)
    assert read_request(octets + b"\x80\x01\x00\x04abcd") == REQUEST


def test_what_must_be_zero_is_not_looked_at():
    assert read_request(write_request(REQUEST)[:14] + b"\xff" * 30) == REQUEST


def test_a_request_that_estimates_no_error_is_refused():
    assert read_request(write_request(StampRequest(1, 2, 0x0500))) is None


@pytest.mark.parametrize("length", [0, 1, 43])
def test_a_short_packet_is_refused(length):
    octets = write_request(REQUEST)[:length]
    assert (read_request(octets), read_answer(octets)) == (None, None)


def test_another_key_is_refused():
    octets = write_request(REQUEST, KEY)
    assert read_request(octets, b"another") is None
    assert read_request(octets, KEY) == REQUEST


def test_an_unauthenticated_packet_is_refused_where_a_key_is_asked_for():
    assert read_request(write_request(REQUEST) + bytes(68), KEY) is None


def test_stamps_are_ntp_times():
    assert ntp_stamp(0.5) == 2_208_988_800 << 32 | 1 << 31


def test_seconds_between_stamps_outlive_the_era_that_ends_in_2036():
    before = ntp_stamp(2_085_978_495.5)
    assert between_s(before, later_stamp(before, 1.25)) == 1.25
    assert between_s(later_stamp(before, 1.25), before) == -1.25


def test_numbers_outlive_their_32_bits():
    assert unwrapped(1, near=(1 << 32) - 1) == (1 << 32) + 1
    assert unwrapped((1 << 32) - 1, near=1 << 32) == (1 << 32) - 1
