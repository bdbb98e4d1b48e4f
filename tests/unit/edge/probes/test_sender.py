"""Sessions and reflectors over this host's own addresses."""

import time
from ipaddress import IPv4Address

import pytest

from edge.probes.delays import LEAST_PATIENCE_S
from edge.probes.reflector import Listening, SessionReflector
from edge.probes.sender import SessionSender, Target
from edge.probes.stall_clock import StallClock
from edge.probes.udp_socket import StampSocket
from inventory.errors import EdgeError
from simulations.netns.waiting import eventually
from tests.rigs.probes.probe_rig import (
    PORT,
    End,
    addresses,
    end,
    far_end,
    probed,
    run,
    stall,
    until,
)

KEY = b"a key of both ends"
FIVE_STALLS_S = 5 * LEAST_PATIENCE_S


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
        unsampled = one.total("sent") - len(one.all("round_trips_ms"))
        assert 0 <= unsampled <= one.session.counters.late_loops
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


def test_a_quicker_pace_takes_effect_at_once():
    async def test():
        here, there = addresses()
        with far_end(there, serving=True):
            session = SessionSender(Target("path", here, there, "", PORT))
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
            session = SessionSender(Target("path", here, there, "", PORT))
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
            session = SessionSender(Target("path", here, there, "", PORT))
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
            session = SessionSender(Target("path", here, there, "", PORT))
            session.pace_s = 0.05
            await session.open()
            probing = End(session, SessionReflector(Listening(here), {}))
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
            session = SessionSender(Target("path", here, there, "", PORT))
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


class HeldUp(SessionSender):
    """A session whose process is stopped once between a packet's stamp and its departure."""

    def _transmit(self, octets):
        if self.counters.sent == 10:
            stall(0.4)
        super()._transmit(octets)


def test_a_stop_in_the_midst_of_sending_is_no_delay_of_the_path():
    async def test():
        here, there = addresses()
        with far_end(there, serving=True):
            session = HeldUp(Target("path", here, there, "", PORT))
            session.pace_s = 0.02
            await session.open()
            await until(lambda: session.counters.answered >= 20, "answers")
            session.close()
            return session, session.measure()

    session, measured = run(test)
    assert measured.sent == session.counters.answered > len(measured.round_trips_ms) >= 15
    assert max(measured.round_trips_ms) < 200
    assert measured.stalled


def test_packets_dropped_in_our_own_socket_are_no_loss_of_the_path():
    async def test():
        here, there = addresses()
        with far_end(there) as far:
            session = SessionSender(Target("path", here, there, "", PORT))
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


@pytest.mark.parametrize("flooded", [True, False])
def test_what_was_under_way_when_our_socket_overflowed_says_nothing(flooded):
    async def test():
        here, there = addresses()
        with far_end(there) as far:
            session = SessionSender(Target("path", here, there, "", PORT), quicken=False)
            session.pace_s = 0.02
            await session.open()
            await until(lambda: session.counters.sent >= 3, "three requests")
            session.pace_s = 3600.0
            asked = [far.take() for _ in range(3)]
            for _ in range(3000 if flooded else 1):
                far.answer(*asked[0])
            await until(lambda: session.counters.answered >= 1, "the flood")
            far.answer(*asked[2])
            await until(lambda: session.counters.answered >= 2, "what came after the flood")
            settled = session.counters
            await until(lambda: session.measure() and settled.voided + settled.lost_out, "its end")
            session.close()
            return settled

    counters = run(test)
    assert (counters.socket_drops > 0) is flooded
    assert (counters.voided, counters.lost_out) == ((1, 0) if flooded else (0, 1))


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_step_of_the_time_of_day_harms_no_measurement(step_s):
    async def test():
        here, there = addresses()
        moved = [0.0]
        clocks = [StallClock(), StallClock(realtime=lambda: time.time() + moved[0])]
        ends = [
            end(here, there, stall_clock=clocks[0]),
            end(there, here, stall_clock=clocks[1]),
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
        await SessionSender(Target("path", elsewhere, elsewhere)).open()

    with pytest.raises(EdgeError, match=r"cannot probe from 192\.0\.2\.1 port 0: .*tunnel up"):
        run(test)


def test_a_packet_stamped_by_the_kernel_is_as_old_as_it_is():
    here, there = addresses()
    keeper = StallClock()
    port = StampSocket((here, PORT), "", keeper)
    with far_end(there) as far:

        def stamped() -> bool:
            far.socket.sendto(b"x", (str(here), PORT))
            stall(0.02)
            (arrival,) = port.arrivals()
            return arrival.waited_s >= 0.01

        # Linux begins to stamp some time after the first socket of the machine asked for it.
        eventually(stamped, within_s=60, what="stamps of the kernel")
        before = keeper.now()
        far.socket.sendto(b"x", (str(here), PORT))
        after = keeper.now()
        stall(0.1)
        (arrival,) = port.arrivals()
    port.close()
    assert before - 0.005 <= arrival.at_s <= after + 0.005
    assert arrival.waited_s >= 0.09
