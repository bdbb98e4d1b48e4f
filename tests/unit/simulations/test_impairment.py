"""What a circuit does to packets."""

from itertools import count, repeat

import pytest

from inventory.model import Medium
from simulations.impairment import (
    BUFFER_S,
    MILD,
    Impairment,
    Pacer,
    netem_arguments,
    of_medium,
)


def never() -> float:
    return 1.0


def test_every_medium_has_a_healthy_shape():
    assert {medium.value for medium in Medium} == set(MILD)


def test_packet_leaves_after_the_delay():
    assert Pacer(Impairment(delay_ms=20)).due(100, 5.0, never) == pytest.approx(5.020)


def test_hole_swallows_everything_and_counts_it():
    pacer = Pacer(Impairment(hole=True))
    assert [pacer.due(100, now, never) for now in (1.0, 2.0)] == [None, None]
    assert pacer.counters.swallowed == 2


def test_loss_drops_the_share_that_the_dice_say():
    dice = iter([0.04, 0.06, 0.5])
    pacer = Pacer(Impairment(loss=0.05))
    due = [pacer.due(100, 1.0, lambda: next(dice)) for _ in range(3)]
    assert [when is None for when in due] == [True, False, False]
    assert pacer.counters.lost == 1


def test_rate_spaces_packets_by_their_size():
    pacer = Pacer(Impairment(rate_mbps=1))
    first, second = (pacer.due(1250, 0.0, never) for _ in range(2))
    assert first == pytest.approx(0.010)
    assert second == pytest.approx(0.020)


def test_full_buffer_drops_the_tail_and_drains_with_time():
    pacer = Pacer(Impairment(rate_mbps=10))
    due = [pacer.due(1250, 0.0, never) for _ in range(1000)]
    assert due[-1] is None
    assert pacer.counters.overflowed > 0
    assert max(when for when in due if when) == pytest.approx(BUFFER_S, abs=0.01)
    assert pacer.due(1250, 1.0, never) is not None


@pytest.mark.parametrize("reorder", [False, True])
def test_jitter_keeps_the_order_unless_reordering_is_asked_for(reorder):
    rolls = iter([0.9, 0.1])
    pacer = Pacer(Impairment(50, 40, reorder=reorder))
    first = pacer.due(100, 0.0, lambda: next(rolls))
    second = pacer.due(100, 0.001, lambda: next(rolls))
    assert first is not None
    assert second is not None
    assert (second < first) is reorder


def test_jitter_never_lets_a_packet_leave_before_it_came():
    rolls = repeat(0.0)
    pacer = Pacer(Impairment(delay_ms=1, jitter_ms=30))
    assert pacer.due(100, 7.0, lambda: next(rolls)) == 7.0


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (Impairment(delay_ms=-1), "delay"),
        (Impairment(jitter_ms=20_000), "jitter"),
        (Impairment(loss=5), "loss"),
        (Impairment(rate_mbps=0), "rate"),
    ],
)
def test_nonsense_is_named(wrong, word):
    assert [text for text in wrong.faults() if word in text]
    assert not Impairment(10, 1, 0.1, 5).faults()


def test_fast_circuits_are_not_shaped():
    assert of_medium("fibre", 2, 10_000).rate_mbps is None
    assert of_medium("leo", 30, 60).rate_mbps == 60


def test_netem_says_the_same_and_a_hole_is_total_loss():
    words = netem_arguments(Impairment(20, 5, 0.05, 10))
    assert words[:5] == ("delay", "20ms", "5ms", "loss", "5%")
    assert words[5:7] == ("rate", "10mbit")
    assert "100%" in netem_arguments(Impairment(hole=True))


def test_netem_has_a_rate_unless_reordering_is_asked_for_since_nothing_else_keeps_its_order():
    assert "rate" in netem_arguments(Impairment(20, 5))
    assert "rate" not in netem_arguments(Impairment(20, 5, reorder=True))


@pytest.mark.parametrize(
    ("shape", "packets"),
    [
        # 64,000 octets wait; 250 octets a millisecond are on their way for 300 ms.
        (Impairment(250, 50, rate_mbps=2), 93),
        # Two tenths of a second at 100 Mbit/s wait.
        (Impairment(rate_mbps=100), 1667),
        (Impairment(250, 50), 10_000),
    ],
)
def test_netem_drops_the_tail_of_a_full_buffer(shape, packets):
    assert netem_arguments(shape)[-2:] == ("limit", str(packets))


def test_counters_of_a_direction_start_at_nothing():
    pacer = Pacer(Impairment())
    instants = count(1.0)
    assert [pacer.due(9, next(instants), never) for _ in range(2)] == [1.0, 2.0]
    assert pacer.counters.lost == pacer.counters.overflowed == 0
