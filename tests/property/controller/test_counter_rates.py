"""No reading of a counter, whatever it is, makes a spike, and a sound series gives its rates."""

from hypothesis import given
from hypothesis import strategies as st

from controller.snmp.counters import AGENT_CACHE_S, Counter, CounterSample, Gap, Rate, counter_rate

LINK_OCTETS_PER_S = 1e9 / 8
WIDE = st.integers(0, 2**64 - 1)
NARROW = st.integers(0, 2**32 - 1)
SECONDS = st.floats(0.5, 4000)


def sample(value, at_s, *, bits=64, uptime_s=None, discontinuity=0):
    return CounterSample(
        Counter(value, bits), at_s, at_s if uptime_s is None else uptime_s, discontinuity
    )


@given(WIDE, WIDE, SECONDS)
def test_no_two_readings_give_more_than_the_link_carries(before, after, seconds):
    rate = counter_rate(sample(before, 100), sample(after, 100 + seconds), LINK_OCTETS_PER_S)
    if isinstance(rate, Rate):
        assert 0 <= rate.per_s * seconds <= LINK_OCTETS_PER_S * (seconds + AGENT_CACHE_S) * 1.001


@given(NARROW, NARROW, SECONDS, st.floats(1, 1e12))
def test_nor_do_counters_that_wrap(before, after, seconds, ceiling):
    early, late = sample(before, 100, bits=32), sample(after, 100 + seconds, bits=32)
    rate = counter_rate(early, late, ceiling)
    if isinstance(rate, Rate):
        assert 0 <= rate.per_s * seconds <= ceiling * (seconds + AGENT_CACHE_S) * 1.001


@given(WIDE, WIDE, SECONDS)
def test_a_64_bit_counter_that_fell_gives_a_gap_even_without_a_known_speed(before, after, seconds):
    rate = counter_rate(sample(before, 100), sample(after, 100 + seconds), None)
    assert isinstance(rate, Gap if after < before else Rate)


@given(NARROW, st.integers(0, 2**30), st.floats(60, 600))
def test_a_32_bit_counter_that_wrapped_once_gives_its_rate(before, rise, seconds):
    late = sample((before + rise) % 2**32, 100 + seconds, bits=32)
    ceiling = 2**31 / (seconds + AGENT_CACHE_S)
    rate = counter_rate(sample(before, 100, bits=32), late, ceiling)
    assert isinstance(rate, Rate)
    assert abs(rate.per_s * seconds - rise) < 1


@given(NARROW, st.integers(1, 2**32 - 1), st.floats(60, 600))
def test_one_that_may_have_wrapped_twice_tells_nothing(before, fall, seconds):
    early = sample(before, 100, bits=32)
    late = sample(max(before - fall, 0), 100 + seconds, bits=32)
    rate = counter_rate(early, late, 2**32 / seconds)
    assert isinstance(rate, Gap) or late.counter.value >= before


@given(
    st.lists(
        st.tuples(st.floats(5, 60), st.integers(0, 10_000_000), st.sampled_from("  RDX")),
        min_size=2,
        max_size=40,
    )
)
def test_a_series_with_restarts_and_resets_gives_true_rates_or_gaps(steps):
    """R: the agent restarts. D: it sets its counter anew and says so. X: it does not say so."""
    value, at_s, booted_s, said = 5_000_000_000, 10_000.0, 0.0, 0
    before = sample(value, at_s, uptime_s=at_s - booted_s)
    for seconds, rise, event in steps:
        at_s += seconds
        if event == "R":
            value, booted_s = rise // 2, at_s - seconds / 2
        elif event == "D":
            value, said = rise // 2, said + 1
        elif event == "X":
            value //= 2
        else:
            value += rise
        after = sample(value, at_s, uptime_s=at_s - booted_s, discontinuity=said)
        rate = counter_rate(before, after, LINK_OCTETS_PER_S)
        if event == " " and rise <= LINK_OCTETS_PER_S * seconds:
            assert isinstance(rate, Rate)
            assert abs(rate.per_s * rate.seconds - rise) < 1
        elif event != " ":
            assert isinstance(rate, Gap) or rate.per_s == 0
        before = after
