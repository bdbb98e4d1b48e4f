"""A call judged second by second."""

import pytest

from simulations.traffic import GRACE_S, VIDEO, VOICE, PacketCounts, percentile_of


def ledger_of(packets, delay_s=0.02):
    ledger = PacketCounts(start=100.0)
    for sequence in packets:
        sent_at = 100.0 + sequence / VOICE.packets_per_s
        ledger.heard(sequence, sent_at, sent_at + delay_s)
    return ledger


def test_whole_second_loses_nothing():
    second = ledger_of(range(50)).second(0)
    assert (second.sent, second.received, second.lost) == (50, 50, 0)
    assert second.delay_p50_ms == pytest.approx(20)
    assert second.jitter_ms == pytest.approx(0, abs=0.001)


def test_loss_counts_in_the_second_in_which_the_packet_was_sent():
    ledger = ledger_of(s for s in range(150) if not 60 <= s < 70)
    assert [ledger.second(n).lost for n in range(3)] == [0, 10, 0]


def test_silence_is_the_gap_between_arrivals():
    ledger = ledger_of(s for s in range(150) if not 60 <= s < 70)
    assert ledger.second(1).silence_ms == pytest.approx(220)
    assert ledger.second(2).silence_ms < 50


def test_long_silence_is_seen_in_every_second_it_reaches_into():
    ledger = ledger_of(s for s in range(250) if not 75 <= s < 200)
    assert [ledger.second(n).silence_ms > 2000 for n in range(5)] == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_silence_that_has_not_ended_counts_up_to_the_end_of_the_second():
    assert ledger_of(range(50)).second(2).silence_ms == pytest.approx(2000, abs=30)


def test_second_in_which_nothing_came_has_no_delay():
    second = ledger_of(()).second(0)
    assert (second.lost, second.delay_p50_ms, second.jitter_ms) == (50, None, None)


def test_copies_and_packets_too_late_change_nothing():
    ledger = ledger_of(range(50))
    ledger.heard(3, 100.06, 100.5)
    ledger.heard(60, 101.2, 101.2 + GRACE_S + 0.1)
    assert ledger.second(0).received == 50
    assert ledger.second(1).received == 0


def test_jitter_is_the_mean_step_between_delays():
    ledger = PacketCounts(start=0.0)
    for sequence, delay in enumerate((0.010, 0.030, 0.010)):
        ledger.heard(
            sequence, sequence / VOICE.packets_per_s, sequence / VOICE.packets_per_s + delay
        )
    assert ledger.second(0).jitter_ms == pytest.approx(20)


def test_percentile_is_a_value_that_was_seen():
    assert percentile_of([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert percentile_of([4.0, 1.0, 3.0, 2.0], 0.95) == 4.0
    assert percentile_of([], 0.5) is None


def test_copies_are_counted_where_their_packet_was_sent():
    ledger = ledger_of(range(100))
    for sequence in (3, 3, 60):
        ledger.heard(sequence, 100 + sequence / VOICE.packets_per_s, 101.9)
    assert [ledger.second(n).duplicates for n in range(2)] == [2, 1]
    assert [ledger.second(n).received for n in range(2)] == [50, 50]


def test_packets_that_come_after_a_later_one_are_reordered_and_the_later_one_is_not():
    ledger = PacketCounts(start=0.0)
    for place, sequence in enumerate((0, 1, 4, 2, 3, 5)):
        ledger.heard(sequence, sequence / 50, 0.1 + place / 1000)
    second = ledger.second(0)
    assert (second.received, second.reordered, second.duplicates) == (6, 2, 0)


def test_whole_call_is_told_as_one():
    ledger = ledger_of(s for s in range(150) if not 60 <= s < 70)
    total = ledger.total(3)
    assert (total.second, total.sent, total.lost) == (3, 150, 10)
    assert total.silence_ms == pytest.approx(220)
    assert total.delay_max_ms == pytest.approx(20)


def test_delay_of_the_slowest_packets_is_told_apart_from_the_usual():
    ledger = PacketCounts(start=0.0)
    for sequence in range(50):
        ledger.heard(sequence, sequence / 50, sequence / 50 + (0.5 if sequence == 30 else 0.02))
    second = ledger.second(0)
    assert (second.delay_p95_ms, second.delay_p99_ms) == pytest.approx((20, 500))


def test_video_is_a_megabit_a_second():
    assert VIDEO.packets_per_s * VIDEO.payload * 8 == pytest.approx(1e6, rel=0.01)
    second = PacketCounts(start=0.0, profile=VIDEO).second(1)
    assert (second.sent, second.lost) == (104, 104)


def test_a_sender_that_is_late_makes_no_silence_and_a_network_that_loses_does():
    ledger = PacketCounts(start=100.0)
    for sequence in range(50):
        # From the tenth packet on the sender has no processor for 200 ms, and then catches up.
        due = 100.0 + sequence / 50
        sent_at = max(due, 100.4) if 10 <= sequence < 20 else due
        ledger.heard(sequence, sent_at, sent_at + 0.01)
    assert ledger.second(0).silence_ms < 40
    lossy = PacketCounts(start=100.0)
    for sequence in (*range(10), *range(20, 50)):
        sent_at = 100.0 + sequence / 50
        lossy.heard(sequence, sent_at, sent_at + 0.01)
    assert lossy.second(0).silence_ms > 200
