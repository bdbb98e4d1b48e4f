"""The sky over low-orbit circuits, and what it adds to them."""

from itertools import islice, pairwise, takewhile

import pytest

from simulations.impairment import CALM, Impairment, Weather, with_weather
from simulations.weather import INTERVAL_S, USUAL, Climate, WeatherChange, leo_weather

HOURS = 50
SEED = 7


@pytest.fixture(scope="module")
def changes():
    return tuple(takewhile(lambda c: c.at_s < HOURS * 3600, leo_weather(SEED)))


def spikes(changes):
    return [c for c in changes if c.loss > USUAL.loss]


def test_same_seed_brings_the_same_weather_and_another_seed_another():
    one, same, other = (tuple(islice(leo_weather(seed), 200)) for seed in (SEED, SEED, SEED + 1))
    assert one == same
    assert one != other


def test_changes_come_in_order_and_one_at_every_change_of_satellites(changes):
    assert all(a.at_s < b.at_s for a, b in pairwise(changes))
    boundaries = {c.at_s for c in changes if c.at_s % INTERVAL_S == 0}
    assert boundaries == {i * INTERVAL_S for i in range(HOURS * 240)}


def test_delays_stay_within_the_climate(changes):
    low, high = USUAL.delay_ms
    calm = [c.delay_ms for c in changes if c.loss == USUAL.loss]
    assert low <= min(calm) < low + 1
    assert high - 1 < max(calm) <= high


def test_spikes_come_at_changes_of_satellites_only_and_as_often_as_they_should(changes):
    found = spikes(changes)
    assert all(c.at_s % INTERVAL_S == 0 for c in found)
    # Binomial with n = 12,000: six standard deviations are 0.025.
    assert len(found) / (HOURS * 240) == pytest.approx(USUAL.spikes, abs=0.025)


def test_spikes_are_short_lossy_and_slower(changes):
    following = dict(pairwise(changes))
    for spike in spikes(changes):
        after = following[spike]
        assert 0.05 <= after.at_s - spike.at_s <= 0.3
        assert 30 <= spike.delay_ms - after.delay_ms <= 50
        assert 0.05 <= spike.loss <= 0.5


def test_outages_last_a_second_or_two_a_few_times_an_hour(changes):
    lengths = [b.at_s - a.at_s for a, b in pairwise(changes) if a.outage]
    assert all(1 <= length <= 2.001 for length in lengths)
    # Poisson with a mean of 200: six standard deviations are 85.
    assert 115 <= len(lengths) <= 285


def test_sky_without_spikes_and_outages_only_changes_its_delay():
    quiet = Climate(spikes=0, outages_per_hour=0)
    found = tuple(islice(leo_weather(SEED, quiet), 100))
    assert {(c.loss, c.outage, c.at_s % INTERVAL_S) for c in found} == {(0.01, False, 0.0)}


def test_what_was_done_on_purpose_remains_under_any_weather():
    done = Impairment(delay_ms=120, jitter_ms=5, loss=0.25, rate_mbps=3)
    made = with_weather(done, Weather(delay_ms=-7, jitter_ms=3, loss=0.5))
    assert made == Impairment(delay_ms=113, jitter_ms=8, loss=0.625, rate_mbps=3)
    assert with_weather(Impairment(hole=True), CALM).hole
    assert with_weather(Impairment(), Weather(outage=True)).hole


def test_calm_sky_adds_nothing():
    done = Impairment(delay_ms=27, jitter_ms=4, loss=0.002, rate_mbps=13)
    assert with_weather(done, CALM) == done


def test_weather_cannot_let_packets_arrive_before_they_are_sent():
    assert with_weather(Impairment(delay_ms=5), Weather(delay_ms=-20)).delay_ms == 0


def test_a_change_is_told_as_what_it_adds_to_a_healthy_circuit():
    change = WeatherChange(15, delay_ms=44, jitter_ms=7, loss=0.01)
    added = change.added_to(delay_ms=27, jitter_ms=4)
    healthy = Impairment(delay_ms=27, jitter_ms=4)
    assert with_weather(healthy, added) == Impairment(delay_ms=44, jitter_ms=7, loss=0.01)
