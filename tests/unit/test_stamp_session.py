"""Sessions and reflectors over this host's own addresses."""

import asyncio
import socket
import time
from ipaddress import IPv4Address
from threading import Event

import pytest

from edge.probes.delays import LEAST_PATIENCE_S
from edge.probes.port import Port
from edge.probes.reflector import RATE, Listening, Reflector
from edge.probes.session import Session, Target
from edge.probes.timekeeper import Timekeeper
from edge.probes.wire import Request, read_answer, write_request
from inventory.errors import EdgeError
from tests.probe_rig import PORT, End, addresses, end, far_end, probed, run, until

KEY = b"a key of both ends"
FIVE_STALLS_S = 5 * LEAST_PATIENCE_S


def stall(seconds):
    """Hold the whole loop up."""
    Event().wait(seconds)


async def opened(*things):
    for thing in things:
        await thing.open()


@pytest.mark.parametrize("key", [None, KEY])
def test_both_ends_answer_and_hear_each_other(key):
    async def test():
        here, there = addresses()
        ends = [end(here, there, key=key), end(there, here, key=key)]
        for one in ends:
            await opened(one.reflector, one.session)
            one.session.pace_s = 0.01
        await probed(ends, 30)
        for one in ends:
            one.close()
        return ends

    for one in run(test):
        assert one.total("lost_out") == one.total("lost_in") == one.session.counters.malformed == 0
        assert one.total("heard_in") >= 25
        assert one.total("sent") == len(one.all("round_trips_ms"))
        assert max(one.all("round_trips_ms")) < 1000
        pairs = zip(one.all("out_ms"), one.all("in_ms"), strict=True)
        assert [a + b for a, b in pairs] == pytest.approx(one.all("round_trips_ms"))


def test_ends_with_different_keys_do_not_hear_each_other():
    async def test():
        here, there = addresses()
        ends = [end(here, there, key=KEY), end(there, here, key=b"another")]
        for one in ends:
            await opened(one.reflector, one.session)
        await until(lambda: ends[0].reflector.counters.malformed > 1, "refused requests")
        for one in ends:
            one.close()
        return ends

    for one in run(test):
        assert one.reflector.counters.answered == one.measure().heard_in == 0


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
        reflector = Reflector(Listening(here, "", PORT), {allowed or there: None})
        await reflector.open()
        answers = await answers_of(reflector, here, source or there, packets)
        reflector.close()
        return answers, reflector.counters

    return run(test)


def requests(count):
    return [write_request(Request(number, number)) for number in range(count)]


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
        (True, write_request(Request(0, 0)), 1),
        (True, b"garbage", 0),
        (False, write_request(Request(0, 0)), 0),
    ],
    ids=["of a peer", "malformed", "of a stranger"],
)
def test_only_requests_of_peers_show_that_this_process_was_late(allowed, packet, late):
    async def test():
        here, there = addresses()
        reflector = Reflector(Listening(here, "", PORT), {there: None} if allowed else {})
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
        still = Timekeeper(lambda: 1000.0)
        reflector = Reflector(Listening(here, "", PORT), {there: None}, timekeeper=still)
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
        reflector = Reflector(Listening(here, "", PORT), {there: None})
        await reflector.open()
        before = await answers_of(reflector, here, there, requests(1))
        reflector.allow({})
        after = await answers_of(reflector, here, there, requests(1))
        await until(lambda: reflector.counters.strangers == 1, "the stranger")
        reflector.close()
        return before, after

    before, after = run(test)
    assert (len(before), len(after)) == (1, 0)


def test_a_quicker_pace_takes_effect_at_once():
    async def test():
        here, there = addresses()
        with far_end(there, serving=True):
            session = Session(Target("path", here, there, "", PORT))
            session.pace_s = 3600.0
            await session.open()
            await until(lambda: session.counters.answered == 1, "the first answer")
            session.pace_s = 0.01
            await until(lambda: session.counters.answered >= 5, "more answers")
            session.close()

    run(test)


def test_garbage_for_answers_is_counted_and_ignored():
    async def test():
        here, there = addresses()
        with far_end(there) as far:
            session = Session(Target("path", here, there, "", PORT))
            await session.open()
            await until(lambda: session.counters.sent >= 1, "a request")
            octets, asker = far.take()
            for garbage in (b"", b"\x00" * 44, b"\xff" * 44, octets[:20]):
                far.socket.sendto(garbage, asker)
            far.answer(octets, asker)
            await until(lambda: session.counters.answered == 1, "the answer")
            session.close()
            return session

    assert run(test).counters.malformed == 4


def test_a_copy_of_an_answer_is_counted_once_as_answered():
    async def test():
        here, there = addresses()
        with far_end(there) as far:
            session = Session(Target("path", here, there, "", PORT))
            await session.open()
            await until(lambda: session.counters.sent >= 1, "a request")
            octets, asker = far.take()
            for _ in range(3):
                far.answer(octets, asker)
            await until(lambda: session.counters.duplicated == 2, "the copies")
            session.close()
            return session.measure()

    measurement = run(test)
    assert (measurement.sent, measurement.duplicated, measurement.lost_out) == (1, 2, 0)


def test_a_far_end_that_never_answers_is_overdue_and_then_lost():
    async def test():
        here, there = addresses()
        with far_end(there):
            session = Session(Target("path", here, there, "", PORT))
            session.pace_s = 0.05
            await session.open()
            probing = End(session, Reflector(Listening(here), {}))
            await until(lambda: probing.measure().overdue > 0, "overdue")
            lost_before = probing.total("lost_out")
            await until(lambda: probing.measure().lost_out > 0, "loss")
            session.close()
            return probing, lost_before

    probing, lost_before = run(test)
    assert lost_before == 0
    assert probing.total("sent") == probing.total("lost_out") > 0


@pytest.mark.parametrize("seconds", [0.2, FIVE_STALLS_S])
def test_answers_that_waited_for_a_stalled_process_are_neither_late_nor_lost(seconds):
    async def test():
        here, there = addresses()
        with far_end(there, serving=True, delay_s=0.02):
            session = Session(Target("path", here, there, "", PORT))
            session.pace_s = 0.04
            await session.open()
            await until(lambda: session.counters.answered >= 20, "answers")
            session.measure()
            sent = session.counters.sent
            await until(lambda: session.counters.sent > sent, "one more request")
            stall(seconds)
            stalled = session.measure()
            await until(lambda: session.counters.sent > sent + 10, "life after it")
            session.close()
            return session, stalled, session.measure()

    session, stalled, after = run(test)
    assert stalled.stalled
    assert stalled.overdue == 0
    assert session.counters.lost_out + session.counters.lost_in + session.counters.late == 0
    assert session.counters.late_loops >= 1
    # A busy machine delays answers, too, but not by half of the longer stall.
    assert max((*stalled.round_trips_ms, *after.round_trips_ms)) < FIVE_STALLS_S * 1e3 / 2
    # What reading time alone would have made of the longer one.
    assert session.counters.waited >= (seconds > LEAST_PATIENCE_S + 0.1)


def test_packets_dropped_in_our_own_socket_are_no_loss_of_the_path():
    async def test():
        here, there = addresses()
        with far_end(there) as far:
            session = Session(Target("path", here, there, "", PORT))
            session.pace_s = 0.05
            await session.open()
            await until(lambda: session.counters.sent >= 1, "a request")
            octets, asker = far.take()
            for _ in range(3000):
                far.answer(octets, asker)
            await until(lambda: session.counters.sent >= 4, "requests after the flood")
            for _ in range(3):
                far.answer(*far.take())
            await until(lambda: session.counters.answered >= 4, "answers after the flood")
            session.close()
            return session, session.measure()

    session, measurement = run(test)
    assert session.counters.socket_drops > 0
    assert measurement.stalled
    assert measurement.lost_out + measurement.lost_in == 0


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_step_of_the_time_of_day_harms_no_measurement(step_s):
    async def test():
        here, there = addresses()
        moved = [0.0]
        clocks = [Timekeeper(), Timekeeper(realtime=lambda: time.time() + moved[0])]
        ends = [
            end(here, there, timekeeper=clocks[0]),
            end(there, here, timekeeper=clocks[1]),
        ]
        for one in ends:
            await opened(one.reflector, one.session)
            one.session.pace_s = 0.01
        await probed(ends, 30)
        moved[0] = step_s
        await probed(ends, 60)
        for one in ends:
            one.close()
        return ends

    for one in run(test):
        assert one.total("lost_out") + one.total("lost_in") == 0
        assert max(one.all("round_trips_ms")) < 500
        assert max(one.all("out_ms")) < 500
        assert max(one.all("in_ms")) < 500


def test_an_address_of_another_host_is_refused_in_words():
    elsewhere = IPv4Address("192.0.2.1")

    async def test():
        await Session(Target("path", elsewhere, elsewhere)).open()

    with pytest.raises(EdgeError, match=r"cannot probe from 192\.0\.2\.1 port 0: .*tunnel up"):
        run(test)


def test_two_reflectors_on_one_address_are_refused_in_words():
    async def test():
        here, there = addresses()
        first, second = (Reflector(Listening(here, "", PORT), {there: None}) for _ in range(2))
        await first.open()
        try:
            await second.open()
        finally:
            first.close()

    with pytest.raises(EdgeError, match=r"port 8862: .*hold the port"):
        run(test)


def test_a_packet_stamped_by_the_kernel_is_as_old_as_it_is():
    here, there = addresses()
    keeper = Timekeeper()
    port = Port((here, PORT), "", keeper)
    with far_end(there) as far:
        before = keeper.now()
        far.socket.sendto(b"x", (str(here), PORT))
        after = keeper.now()
        stall(0.1)
        (arrival,) = port.arrivals()
    port.close()
    assert before - 0.005 <= arrival.at_s <= after + 0.005
    assert arrival.waited_s >= 0.09
