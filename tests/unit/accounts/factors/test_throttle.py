"""Throttling: waits that rise, that nobody can make longer for another, and that end."""

import pytest
from sqlalchemy import select

from accounts.errors import SignInRefusedError, WaitError
from accounts.factors.throttle import (
    Tier,
    Visitor,
    failures_of,
    forgive,
    password_counters,
    take_attempt,
)
from accounts.schema import attempts
from accounts.signing_in.sign_in import check_password_step
from tests.rigs.accounts.service import PASSWORD, at_once


def counters(name="a.ngono", address="192.0.2.1"):
    return password_counters(name, Visitor(address), None)


def take(service, found):
    return service.in_transaction(take_attempt, found, service.now_s)


def attempt(service, name, password, visitor):
    return check_password_step(service.realm, name, password, visitor, service.now_s)


def failed(service, name, visitor):
    """Return whether an attempt was judged and failed; False when it had to wait."""
    try:
        attempt(service, name, "a wrong password", visitor)
    except SignInRefusedError:
        return True
    except WaitError:
        return False
    raise AssertionError


def test_waits_double_up_to_a_quarter_of_an_hour(service):
    pair = counters()[:1]
    waits = []
    for _ in range(18):
        assert take(service, pair) == 0
        until_s = service.read(lambda c: c.execute(select(attempts.c.wait_until_s)).scalar_one())
        waits.append(until_s - service.now_s)
        service.now_s = until_s
    assert waits == [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]


def test_attempts_during_a_wait_do_not_make_it_longer(service):
    for _ in range(8):
        take(service, counters())
    before = take(service, counters())
    for _ in range(50):
        take(service, counters())
    assert 0 < take(service, counters()) == before


def test_the_right_password_is_refused_during_a_wait_and_taken_after_it(service, chief):
    place = Visitor("192.0.2.99")
    while failed(service, chief.name, place):
        pass
    with pytest.raises(WaitError) as waits:
        attempt(service, chief.name, PASSWORD, place)
    service.now_s += waits.value.wait_s
    assert attempt(service, chief.name, PASSWORD, place)


def test_a_flood_from_elsewhere_does_not_reach_the_browser_of_the_person(service, chief):
    for number in range(200):
        failed(service, chief.name, Visitor(f"203.0.113.{number}"))
        failed(service, chief.name, Visitor(chief.visitor.address))
    assert attempt(service, chief.name, PASSWORD, chief.visitor)


def test_a_flood_from_elsewhere_delays_another_browser_by_seconds_alone(service, chief):
    for number in range(250):
        failed(service, chief.name, Visitor(f"203.0.113.{number}"))
        service.now_s += 10
    assert failed(service, chief.name, Visitor("203.0.113.254"))
    with pytest.raises(WaitError) as waits:
        attempt(service, chief.name, PASSWORD, Visitor("198.51.100.1"))
    assert waits.value.wait_s <= 10
    service.now_s += 10
    assert attempt(service, chief.name, PASSWORD, Visitor("198.51.100.1"))


def test_a_known_browser_of_another_account_is_no_pass(service, chief):
    other = service.invite(chief, "m.sali", "viewer")
    while failed(service, chief.name, other.visitor):
        pass
    assert failed(service, other.name, other.visitor)


def test_names_guessed_from_one_address_are_slowed(service, chief):
    judged = sum(failed(service, f"person{n}", Visitor("192.0.2.1")) for n in range(100))
    assert judged < 40


def test_addresses_of_one_ipv6_site_are_one(service):
    judged = sum(failed(service, "a.ngono", Visitor(f"2001:db8::{n:x}")) for n in range(1, 40))
    assert judged < 10
    assert failed(service, "a.ngono", Visitor("2001:db8:0:1::1"))


def test_a_hundred_at_once_do_not_all_find_a_free_place(service, chief):
    place = Visitor("192.0.2.55")
    answers = at_once(*[lambda: failed(service, chief.name, place)] * 20)
    assert answers.count(True) <= 6


def test_a_success_forgives_ones_own_failures_and_not_those_of_others(service, chief):
    place = Visitor("192.0.2.77")
    for _ in range(4):
        failed(service, chief.name, place)
    attempt(service, chief.name, PASSWORD, place)
    pair, address, account = counters(chief.name, place.address)
    assert service.read(failures_of, pair) == 0
    assert service.read(failures_of, address) == 4
    assert service.read(failures_of, account) == 4


def test_failures_are_forgotten_after_an_hour_and_removed_after_a_day(service):
    for _ in range(9):
        take(service, counters())
    service.now_s += 3601
    assert take(service, counters()) == 0
    service.now_s += 25 * 3600
    take(service, counters("other", "198.51.100.9"))
    keys = service.read(lambda c: c.execute(select(attempts.c.key)).scalars().all())
    assert len(keys) == 3


def test_a_clock_that_jumped_locks_nobody_out(service):
    service.now_s += 20 * 365 * 24 * 3600
    for _ in range(20):
        take(service, counters())
    service.now_s -= 20 * 365 * 24 * 3600
    assert take(service, counters()) == 0


def test_what_is_typed_as_a_name_is_not_kept(service, chief):
    failed(service, PASSWORD, Visitor("192.0.2.1"))
    keys = service.read(lambda c: c.execute(select(attempts.c.key)).scalars().all())
    assert keys
    assert PASSWORD not in " ".join(keys)


@pytest.mark.parametrize("failures", [0, 5, 6, 10, 100, 10**6])
def test_a_wait_is_never_longer_than_its_tier_says(failures):
    assert Tier(5, 60.0).wait_s(failures) <= 60.0


def test_forgiving_what_was_never_counted_does_nothing(service):
    service.in_transaction(forgive, counters())
    assert take(service, counters()) == 0
