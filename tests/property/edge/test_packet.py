"""Laws of STAMP packets, of the book of test packets, and of what foreign octets can do."""

from hypothesis import given
from hypothesis import strategies as st

from edge.probes.delays import OneWay, Patience
from edge.probes.loss_direction import LossDirection
from edge.probes.outstanding import OutstandingPackets
from edge.probes.packet import (
    StampAnswer,
    StampRequest,
    between_s,
    later_stamp,
    read_answer,
    read_request,
    unwrapped,
    write_answer,
    write_request,
)
from edge.probes.receiver import PeerReceiver

numbers = st.integers(0, (1 << 32) - 1)
stamps = st.integers(0, (1 << 64) - 1)
errors = st.integers(0, 0xFFFF).filter(lambda error: error & 0xFF)
keys = st.none() | st.binary(min_size=1, max_size=80)
requests = st.builds(StampRequest, numbers, stamps, errors)
answers = st.builds(StampAnswer, numbers, stamps, stamps, requests, st.integers(0, 255), errors)
fates = st.sampled_from(["answered", "lost out", "lost in"])


@given(requests, keys)
def test_a_request_is_read_as_it_was_written(request, key):
    assert read_request(write_request(request, key), key) == request


@given(answers, keys)
def test_an_answer_is_read_as_it_was_written(answer, key):
    assert read_answer(write_answer(answer, key), key) == answer


@given(st.binary(max_size=300), keys)
def test_foreign_octets_are_read_or_refused_and_never_raise(octets, key):
    for packet in (read_request(octets, key), read_answer(octets, key)):
        assert packet is None or len(octets) >= (112 if key else 44)


@given(requests, st.binary(min_size=1, max_size=64), st.integers(0, 112 * 8 - 1))
def test_one_flipped_bit_is_refused_where_there_is_a_key(request, key, bit):
    octets = int.from_bytes(write_request(request, key)) ^ (1 << bit)
    assert read_request(octets.to_bytes(112), key) is None


@given(requests, keys, st.binary(max_size=64), stamps)
def test_an_answer_is_never_longer_than_its_request(request, key, extension, stamp):
    octets = write_request(request, key) + extension
    asked = read_request(octets, key)
    assert asked
    assert len(write_answer(StampAnswer(0, stamp, stamp, asked, 255), key)) <= len(octets)


@given(stamps, st.floats(-1e9, 1e9))
def test_seconds_between_stamps_are_what_was_added(stamp, seconds):
    assert abs(between_s(stamp, later_stamp(stamp, seconds)) - seconds) < 1e-6


@given(st.integers(0, 1 << 40), st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_number_is_known_again_half_a_turn_away(near, away):
    assert unwrapped((near + away) % (1 << 32), near) == near + away


@given(st.lists(fates, min_size=1, max_size=80))
def test_every_packet_is_settled_once_and_the_way_of_each_loss_is_told(sequence):
    """The last packet is answered, so that the numbers tell of all before it; the first anchors."""
    ledger, number = OutstandingPackets(lambda _start, _end: 0.0), 0
    asked = ["answered", *sequence, "answered"]
    for now, fate in enumerate(asked):
        wire = ledger.send(float(now))
        if fate == "answered":
            ledger.answer(wire, number)
        number += fate != "lost out"
    ledger.settle(1e6, 1.0, lambda _sent: LossDirection.OUT)
    settled = ledger.take()
    assert settled.answered == asked.count("answered")
    assert settled.out == asked.count("lost out")
    assert settled.back == asked.count("lost in")


@given(st.permutations(range(12)), st.data())
def test_reordering_by_the_way_back_is_no_loss(order, data):
    ledger = OutstandingPackets(lambda _start, _end: 0.0)
    wires = [ledger.send(0.0) for _ in order]
    copies = data.draw(st.lists(st.sampled_from(order), max_size=5))
    for arrived in (*order, *copies):
        ledger.answer(wires[arrived], arrived)
    ledger.settle(1e6, 1.0, lambda _sent: LossDirection.OUT)
    settled = ledger.take()
    assert (settled.answered, settled.out, settled.back) == (12, 0, 0)
    assert settled.duplicated == len(copies)


@given(st.lists(st.tuples(numbers, numbers), max_size=60), st.integers(0, 20))
def test_invented_answers_never_make_more_losses_than_packets(answers, sent):
    ledger = OutstandingPackets(lambda _start, _end: 0.0)
    for now in range(sent):
        ledger.send(float(now))
    for sequence, number in answers:
        ledger.answer(sequence % 40, number)
    ledger.settle(1e6, 1.0, lambda _sent: LossDirection.OUT)
    settled = ledger.take()
    assert settled.answered + settled.out + settled.back == sent


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 10)), max_size=50))
def test_one_way_delays_add_up_and_are_never_negative(stamps_and_trips):
    one_way = OneWay()
    for outward_s, round_trip_s in stamps_and_trips:
        out_s, in_s = one_way.split(outward_s, round_trip_s)
        assert out_s >= 0
        assert in_s >= 0
        assert abs(out_s + in_s - round_trip_s) < 1e-9


@given(st.lists(st.floats(0, 1e6), max_size=50), st.floats(1e-3, 60))
def test_patience_stays_within_its_bounds(round_trips, pace_s):
    patience = Patience()
    for round_trip_s in round_trips:
        patience.learn(round_trip_s)
    assert 0.015 <= patience.expected_s <= 3.0
    assert patience.expected_s <= patience.settled_s(pace_s) <= 3.0


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_what_a_peer_sent_is_heard_or_lost(arrives):
    hearing = PeerReceiver(40_000)
    fates = [True, *arrives, True]
    for sequence, heard in enumerate(fates):
        if heard:
            hearing.hear(sequence, sequence * 0.01, 0.0)
    passive = hearing.take(1e6)
    assert (passive.count, passive.lost) == (fates.count(True), fates.count(False))
