"""How the failover benchmark reads what it measured."""

from tests.failover.cells import spread
from tests.failover.flows import _displaced, _longest_gap
from tests.failover.run import Plan
from tests.failover.trials import OFFERED, SAMPLE_S, off_after

BUSY = round(OFFERED * SAMPLE_S)


def samples(busy_up: int, busy_down: int, count: int) -> list[tuple[float, int, int]]:
    """Return counters that grow for so many samples and then stand still."""
    return [(i * SAMPLE_S, min(i, busy_up) * BUSY, min(i, busy_down) * BUSY) for i in range(count)]


def test_a_line_is_left_when_neither_direction_carries_the_flows_any_more() -> None:
    left = off_after(samples(20, 30, 100))
    assert left is not None
    assert abs(left - 30 * SAMPLE_S) <= 0.2


def test_a_line_that_carries_one_direction_to_the_end_is_not_left() -> None:
    assert off_after(samples(10, 100, 100)) is None


def test_probes_alone_do_not_count_as_carrying() -> None:
    quiet = [(i * SAMPLE_S, i * BUSY // 10, i * BUSY // 10) for i in range(100)]
    assert off_after(quiet) == 0.0


def test_packets_in_order_are_not_displaced() -> None:
    assert _displaced({0: 10, 1: 20, 3: 30}) == []


def test_a_packet_is_displaced_by_the_time_since_the_first_later_one() -> None:
    assert _displaced({0: 10, 1: 50, 2: 30, 3: 40}) == [20]


def test_silence_counts_until_the_end_of_the_call() -> None:
    assert _longest_gap(0, [20, 40], 1000) == (960, 40)


def test_a_call_of_which_nothing_came_was_silent_throughout() -> None:
    assert _longest_gap(5, [], 1000) == (995, 0)


def test_a_series_of_equal_values_is_written_once() -> None:
    assert str(spread([0, 0, 0])) == "0"
    assert str(spread([1, 2, 30])) == "2 [1–30]"


def test_every_cell_of_a_plan_is_tried_as_often_as_it_says() -> None:
    trials = Plan(repeats=3, slots=1, seed=1, mechanisms=("care", "ospf")).trials()
    count = [(t.mechanism.name, t.fault.name) for t in trials].count
    assert count(("care", "hole")) == 3
    assert count(("ospf", "hole")) == 2
    assert count(("ospf", "brown")) == 0


def test_a_seed_gives_the_same_order_again_and_another_gives_another() -> None:
    one, two = Plan(2, 1, seed=1), Plan(2, 1, seed=2)
    assert one.trials() == one.trials()
    assert one.trials() != two.trials()
