"""Reflectors over this host's own addresses: whom they answer, how often, and what they count."""

import asyncio
import socket
from ipaddress import IPv4Address

import pytest

from edge.probes.packet import StampRequest, read_answer, write_request
from edge.probes.reflector import RATE, Listening, SessionReflector
from edge.probes.stall_clock import StallClock
from inventory.errors import EdgeError
from tests.rigs.probes.probe_rig import PORT, addresses, run, stall, until


def ask(reflector_address, source, packets):
    """Send packets to a reflector from an address; return what is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.bind((str(source), 0))
        asker.settimeout(0)
        for packet in packets:
            asker.sendto(packet, (str(reflector_address), PORT))
        yield
        answers = []
        while True:
            try:
                answers.append(asker.recv(2048))
            except BlockingIOError:
                break
        yield answers


async def answers_of(reflector, address, source, packets):
    asking = ask(address, source, packets)
    next(asking)
    reflector.heard(source)
    while reflector.heard(source).count:
        await asyncio.sleep(0)
    answers = next(asking)
    asking.close()
    return answers


def reflected(packets, *, source=None, allowed=None):
    """Return a reflector's answers to packets, and its counters."""

    async def test():
        here, there = addresses()
        reflector = SessionReflector(Listening(here, "", PORT), {allowed or there: None})
        await reflector.open()
        answers = await answers_of(reflector, here, source or there, packets)
        reflector.close()
        return answers, reflector.counters

    return run(test)


def requests(count):
    return [write_request(StampRequest(number, number)) for number in range(count)]


def test_a_reflector_numbers_its_answers_and_returns_the_ttl():
    answers, _ = reflected(requests(3))
    read = [answer for answer in map(read_answer, answers) if answer]
    assert [(answer.sequence, answer.request.sequence) for answer in read] == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    assert {answer.ttl for answer in read} == {64}


def test_a_stranger_is_not_answered():
    answers, counters = reflected(requests(3), allowed=IPv4Address("192.0.2.1"))
    assert answers == []
    assert (counters.strangers, counters.answered) == (3, 0)


@pytest.mark.parametrize(
    ("allowed", "packet", "late"),
    [
        (True, write_request(StampRequest(0, 0)), 1),
        (True, b"garbage", 0),
        (False, write_request(StampRequest(0, 0)), 0),
    ],
    ids=["of a peer", "malformed", "of a stranger"],
)
def test_only_requests_of_peers_show_that_this_process_was_late(allowed, packet, late):
    async def test():
        here, there = addresses()
        reflector = SessionReflector(Listening(here, "", PORT), {there: None} if allowed else {})
        await reflector.open()
        asking = ask(here, there, [packet])
        next(asking)
        stall(0.2)
        reflector.heard(there)
        asking.close()
        reflector.close()
        return reflector.counters

    counters = run(test)
    assert counters.late_loops == late
    assert counters.answered + counters.malformed + counters.strangers == 1


def test_malformed_packets_are_counted_and_not_answered():
    answers, counters = reflected([b"", b"x" * 43, bytes(44), *requests(1)])
    assert len(answers) == 1
    assert counters.malformed == 3


def test_a_long_request_gets_no_longer_answer_than_a_short_one():
    answers, _ = reflected([requests(1)[0] + bytes(1400)])
    assert [len(answer) for answer in answers] == [44]


def test_a_copy_of_a_request_is_not_answered():
    answers, counters = reflected(requests(2) + requests(2))
    assert len(answers) == counters.duplicated == 2


def test_a_peer_is_answered_at_a_bounded_rate():
    async def test():
        here, there = addresses()
        still = StallClock(lambda: 1000.0)
        reflector = SessionReflector(Listening(here, "", PORT), {there: None}, stall_clock=still)
        await reflector.open()
        for _ in range(10):
            await answers_of(reflector, here, there, requests(100))
        reflector.close()
        return reflector.counters

    counters = run(test)
    assert counters.answered + counters.duplicated == RATE
    assert counters.excess == 1000 - RATE


def test_a_peer_that_is_no_longer_allowed_becomes_a_stranger():
    async def test():
        here, there = addresses()
        reflector = SessionReflector(Listening(here, "", PORT), {there: None})
        await reflector.open()
        before = await answers_of(reflector, here, there, requests(1))
        reflector.allow({})
        after = await answers_of(reflector, here, there, requests(1))
        await until(lambda: reflector.counters.strangers == 1, "the stranger")
        reflector.close()
        return before, after

    before, after = run(test)
    assert (len(before), len(after)) == (1, 0)


def test_two_reflectors_on_one_address_are_refused_in_words():
    async def test():
        here, there = addresses()
        first, second = (
            SessionReflector(Listening(here, "", PORT), {there: None}) for _ in range(2)
        )
        await first.open()
        try:
            await second.open()
        finally:
            first.close()

    with pytest.raises(EdgeError, match=r"port 8862: .*hold the port"):
        run(test)
