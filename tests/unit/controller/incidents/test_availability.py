import pytest

from controller.incidents.availability import Availability, availability
from controller.incidents.model import Health, HealthChange
from tests.rigs.incidents.story import site

MORA = site("mora")


def turn(at_s, before, after):
    return HealthChange(MORA, at_s, before, after)


TURNS = (
    turn(100.0, Health.OK, Health.DEGRADED),
    turn(200.0, Health.DEGRADED, Health.DOWN),
    turn(250.0, Health.DOWN, Health.UNREACHABLE),
    turn(300.0, Health.UNREACHABLE, Health.UNKNOWN),
    turn(600.0, Health.UNKNOWN, Health.MAINTENANCE),
    turn(800.0, Health.MAINTENANCE, Health.OK),
)


def test_33_unknown_and_maintenance_are_shares_of_their_own():
    found = availability(TURNS, Health.OK, 0.0, 1_000.0)
    assert found == Availability(0.4, 0.1, 0.3, 0.2)
    assert found.of_known == pytest.approx(0.8)


def test_33_turns_before_the_time_tell_how_it_began():
    found = availability(TURNS, Health.OK, 400.0, 500.0)
    assert found == Availability(0.0, 0.0, 1.0, 0.0)
    assert found.of_known is None


def test_33_nothing_after_the_time_counts():
    assert availability(TURNS, Health.OK, 0.0, 100.0) == Availability(1.0, 0.0, 0.0, 0.0)
    assert availability((), Health.DOWN, 0.0, 50.0) == Availability(0.0, 1.0, 0.0, 0.0)
