"""The bookkeeping of probes on clocks that tests turn: patience, directions, stalls, suspicion."""

import pytest

from edge.probes.burst import AT_ONE_GO, ProbeBurst
from edge.probes.delays import OneWay, Patience
from edge.probes.loss_direction import LossDirection
from edge.probes.outstanding import AnswerKind, OutstandingPackets
from edge.probes.receiver import PeerReceiver
from edge.probes.stall_clock import StallClock


class Hands:
    """A monotonic clock and a time of day, each turned by hand."""

    def __init__(self):
        self.monotonic_s = 1_000.0
        self.day_s = 1_800_000_000.0

    def pass_s(self, seconds):
        self.monotonic_s += seconds
        self.day_s += seconds

    def keeper(self):
        return StallClock(lambda: self.monotonic_s, lambda: self.day_s)


def never(_start, _end):
    return 0.0


def blame_out(_sent_s):
    return LossDirection.OUT


# When a packet really came


def test_a_packet_came_when_the_kernel_received_it():
    hands = Hands()
    keeper = hands.keeper()
    received_s = hands.day_s
    hands.pass_s(0.2)
    assert keeper.arrived_s(received_s, 999.0) == pytest.approx(1_000.0)


def test_a_packet_cannot_have_waited_since_before_the_socket_was_empty():
    hands = Hands()
    keeper = hands.keeper()
    hands.pass_s(0.2)
    assert keeper.arrived_s(hands.day_s - 3600, 1_000.15) == pytest.approx(1_000.15)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.08])
def test_a_step_of_the_time_of_day_makes_stamps_from_before_it_worthless(step_s):
    hands = Hands()
    keeper = hands.keeper()
    received_s = hands.day_s
    hands.day_s += step_s
    hands.pass_s(0.01)
    assert keeper.arrived_s(received_s, 999.0) == pytest.approx(1_000.01)


def test_stamps_from_after_a_step_count_again():
    hands = Hands()
    keeper = hands.keeper()
    hands.day_s += 3600
    keeper.arrived_s(hands.day_s, 999.0)
    empty_s, received_s = hands.monotonic_s, hands.day_s
    hands.pass_s(0.1)
    assert keeper.arrived_s(received_s, empty_s) == pytest.approx(1_000.0)


def test_a_slew_of_the_time_of_day_is_no_step():
    hands = Hands()
    keeper = hands.keeper()
    hands.pass_s(10.0)
    hands.day_s += 0.005
    received_s = hands.day_s
    hands.pass_s(0.1)
    assert keeper.arrived_s(received_s, 999.0) == pytest.approx(1_010.0)


def test_a_step_of_the_time_of_day_does_not_move_what_is_written_on_the_wire():
    hands = Hands()
    keeper = hands.keeper()
    before = keeper.stamp(1_000.0)
    hands.day_s += 3600
    keeper.arrived_s(hands.day_s, 999.0)
    assert keeper.stamp(1_000.0) == before


# Stalls


def test_a_late_wake_up_is_a_stall_and_a_slightly_late_one_is_none():
    keeper = Hands().keeper()
    assert keeper.late(10.0, 10.2)
    assert not keeper.late(11.0, 11.02)
    assert keeper.stalled_s(9.0, 12.0) == pytest.approx(0.2)


def test_a_stall_that_several_timers_notice_counts_once():
    keeper = Hands().keeper()
    keeper.late(10.0, 10.2)
    keeper.late(10.1, 10.201)
    keeper.late(9.95, 10.15)
    assert keeper.stalled_s(0.0, 20.0) == pytest.approx(0.201)


def test_only_the_part_of_a_stall_within_a_period_counts():
    keeper = Hands().keeper()
    keeper.late(10.0, 10.2)
    assert keeper.stalled_s(10.1, 30.0) == pytest.approx(0.1)
    assert keeper.stalled_s(10.3, 30.0) == 0


def test_a_packet_under_way_during_a_stall_is_waited_for_longer():
    ledger = OutstandingPackets(lambda start, end: 0.2 if start < 1.0 < end else 0.0)
    ledger.send(0.9)
    ledger.settle(1.25, 0.3, blame_out)
    assert ledger.answer(0, 0)[0] is AnswerKind.FIRST


def test_a_packet_lost_during_a_long_stall_says_nothing():
    ledger = OutstandingPackets(lambda start, end: 0.2 if start < 1.0 < end else 0.0)
    ledger.send(0.9)
    assert ledger.settle(9.0, 0.3, blame_out) == 0
    settled = ledger.take()
    assert (settled.out, settled.back, settled.voided) == (0, 0, 1)
    assert ledger.waiting(9.0, 0.1).overdue == 0


@pytest.mark.parametrize("stalled_s", [0.0, 0.05])
def test_without_a_long_stall_the_same_packet_is_lost(stalled_s):
    ledger = OutstandingPackets(lambda start, end: stalled_s if start < 1.0 < end else 0.0)
    ledger.send(0.9)
    assert ledger.settle(9.0, 0.3, blame_out) == 1
    assert ledger.take().out == 1


def test_what_was_under_way_when_the_socket_dropped_packets_says_nothing():
    ledger = OutstandingPackets(never)
    ledger.send(0.9)
    ledger.excuse()
    ledger.send(1.0)
    assert ledger.settle(9.0, 0.3, blame_out) == 1
    settled = ledger.take()
    assert (settled.out, settled.voided) == (1, 1)


# Answers


def test_an_answer_after_its_time_is_late_and_a_second_one_a_copy():
    ledger = OutstandingPackets(never)
    ledger.send(0.0)
    ledger.settle(1.0, 0.3, blame_out)
    verdicts = [ledger.answer(0, 0)[0] for _ in range(2)]
    assert verdicts == [AnswerKind.LATE, AnswerKind.DUPLICATE]
    assert ledger.take().answered == 0


def test_an_answer_to_nothing_is_unasked():
    assert OutstandingPackets(never).answer(5, 0)[0] is AnswerKind.UNASKED


def test_overdue_are_the_newest_in_a_row_and_not_those_too_young():
    ledger = OutstandingPackets(never)
    for sequence in range(6):
        ledger.send(sequence * 0.1)
    ledger.answer(1, 1)
    assert ledger.waiting(0.56, 0.1).overdue == 3
    assert ledger.waiting(0.56, 0.1).next_s == pytest.approx(0.6)


def test_overdue_counts_on_when_packets_were_settled_as_lost():
    ledger = OutstandingPackets(never)
    for sequence in range(4):
        ledger.send(sequence * 0.1)
    ledger.settle(5.0, 0.3, blame_out)
    assert ledger.waiting(5.0, 0.1).overdue == 4


def test_one_answer_ends_what_is_overdue():
    ledger = OutstandingPackets(never)
    for sequence in range(4):
        ledger.send(sequence * 0.1)
    ledger.answer(3, 0)
    assert ledger.waiting(5.0, 0.1).overdue == 0


def test_a_far_end_that_counts_anew_is_blamed_for_nothing():
    ledger = OutstandingPackets(never)
    for sequence in range(10):
        ledger.send(float(sequence))
        ledger.answer(sequence, sequence)
    for sequence, number in ((10, None), (11, 0), (12, 1), (13, None), (14, 2)):
        ledger.send(float(sequence))
        if number is not None:
            ledger.answer(sequence, number)
    ledger.settle(99.0, 0.3, blame_out)
    settled = ledger.take()
    assert (settled.out, settled.back) == (2, 0)


def test_without_any_later_answer_the_session_says_which_way():
    ledger = OutstandingPackets(never)
    ledger.send(0.0)
    ledger.settle(9.0, 0.3, lambda _sent: LossDirection.IN)
    assert ledger.take().back == 1


# Delays


def test_patience_follows_the_round_trip():
    patience = Patience()
    assert patience.expected_s == 1.0
    for _ in range(60):
        patience.learn(0.6)
    assert patience.expected_s == pytest.approx(0.615, abs=0.01)
    assert patience.settled_s(0.02) == pytest.approx(0.675, abs=0.01)


def test_one_way_delays_vary_as_the_path_does():
    one_way = OneWay()
    split = [one_way.split(500 + out_s, out_s + 0.02) for out_s in (0.02, 0.05, 0.03)]
    outs = [out_s for out_s, _ in split]
    assert [round(out_s - outs[0], 6) for out_s in outs] == [0, 0.03, 0.01]
    assert {round(in_s, 6) for _, in_s in split} == {0.02}


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_step_of_the_far_clock_is_no_delay(step_s):
    one_way = OneWay()
    before = one_way.split(500.02, 0.04)
    after = one_way.split(500.02 + step_s, 0.04)
    assert after == pytest.approx(before)


# What is heard of a peer


def heard(*arrivals):
    hearing = PeerReceiver(40_000)
    for sequence, at_s in arrivals:
        hearing.hear(sequence, at_s, 0.5)
    return hearing


def test_a_copy_of_a_request_is_counted_and_not_heard_twice():
    passive = heard((0, 0.0), (1, 0.1), (1, 0.11)).take(9.0)
    assert (passive.count, passive.duplicated, passive.lost) == (2, 1, 0)


def test_an_overtaken_request_is_no_loss():
    passive = heard((0, 0.0), (2, 0.2), (1, 0.21)).take(9.0)
    assert (passive.count, passive.reordered, passive.lost) == (3, 1, 0)


def test_a_request_overtaken_by_the_first_to_arrive_is_heard_and_not_lost():
    hearing = heard((1, 0.1))
    assert hearing.hear(0, 0.11, 0.5)
    assert not hearing.hear(0, 0.12, 0.5)
    assert hearing.take(9.0).lost == 0


def test_a_missing_request_is_lost_once_it_had_its_time():
    hearing = heard((0, 0.0), (2, 0.2))
    assert hearing.take(0.3).lost == 0
    assert hearing.take(0.6).lost == 1
    assert hearing.take(9.0).lost == 0


def test_a_request_after_its_time_is_answered_all_the_same():
    hearing = heard((0, 0.0), (2, 0.2))
    hearing.take(0.6)
    assert hearing.hear(1, 0.7, 0.5)
    assert not hearing.hear(1, 0.8, 0.5)


def test_a_long_silence_is_not_told_again_as_loss_when_it_ends():
    assert heard((0, 0.0), (1, 0.1), (500, 50.0)).take(99.0).lost == 0


def test_what_this_host_dropped_is_not_lost():
    hearing = heard((0, 0.0), (1, 0.1))
    hearing.excuse(3)
    hearing.hear(5, 0.5, 0.5)
    passive = hearing.take(9.0)
    assert (passive.lost, passive.dropped) == (0, 3)


def test_a_peer_is_silent_after_two_intervals_and_a_margin():
    hearing = heard((0, 0.0), (1, 0.1), (2, 0.2))
    assert not hearing.silent(0.41)
    assert hearing.silent(0.43)


# Suspicion


def sent_within(seconds, pace_s, *, allowed=True):
    """Packets sent in a time during which a path is suspected all along."""
    suspicion, now, packets = ProbeBurst(allowed), 0.0, 0
    while now < seconds:
        suspicion.arise(now)
        step = suspicion.pace_s(now, pace_s)
        suspicion.spend(step, pace_s)
        now, packets = now + step, packets + 1
    return packets


def test_suspicion_probes_four_times_as_often_for_a_while():
    suspicion = ProbeBurst()
    suspicion.arise(10.0)
    assert suspicion.pace_s(10.5, 0.1) == 0.025
    assert suspicion.pace_s(11.5, 0.1) == 0.1


def test_suspicion_never_probes_more_often_than_its_floor():
    suspicion = ProbeBurst()
    suspicion.arise(10.0)
    assert suspicion.pace_s(10.5, 0.012) == 0.005


def test_a_path_suspected_all_day_is_probed_a_tenth_more():
    day_s, pace_s = 86_400.0, 15.0
    assert sent_within(day_s, pace_s) <= day_s / pace_s * 1.1 + AT_ONE_GO + 1


def test_a_path_that_must_not_be_suspected_is_probed_as_ever():
    assert sent_within(60.0, 1.0, allowed=False) == 60
