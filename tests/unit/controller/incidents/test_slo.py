import pytest

from controller.incidents.model import Cause, Health
from controller.incidents.slo import Burn, Objective, Slice, burn_observation, find_burn
from tests.rigs.incidents.networks import north
from tests.rigs.incidents.story import Story, circuit

NOW_S = 100_000.0
OBJECTIVE = Objective(share=0.99, slice_s=10.0, lateness_s=60.0, least=6)


def slices(over_s, bad_every):
    """Return slices up to the lateness bound, of which every so many is bad."""
    numbers = range(1, int(over_s // 10) + 1)
    return [Slice(NOW_S - 60 - 10 * i, good=bool(i % bad_every)) for i in numbers]


@pytest.mark.parametrize(
    ("over_s", "bad_every", "burn"),
    [
        (21_600, 10**9, None),
        (21_600, 100, None),
        (3_600, 5, Burn(20.0, 3_600.0)),
        (21_600, 10, Burn(10.0, 21_600.0)),
        (21_600, 17, None),
    ],
)
def test_a_budget_burns_when_both_windows_say_so(over_s, bad_every, burn):
    found = find_burn(slices(over_s, bad_every), OBJECTIVE, NOW_S)
    assert (found is None) == (burn is None)
    if burn and found:
        assert found.times == pytest.approx(burn.times, rel=0.03)
        assert found.over_s == burn.over_s


def test_a_burn_that_is_over_is_no_alarm_any_more():
    old = [Slice(one.began_s - 2_000, one.good) for one in slices(1_500, 1)]
    fresh = slices(2_000, 10**9)
    assert find_burn([*old, *fresh], OBJECTIVE, NOW_S) is None


def test_32_missing_slices_do_not_make_one_bad_slice_a_disaster():
    few = [Slice(NOW_S - 60 - 10 * i, good=i != 3) for i in range(1, 9)]
    assert find_burn(few, OBJECTIVE, NOW_S) is None
    assert find_burn([Slice(one.began_s, good=False) for one in few], OBJECTIVE, NOW_S) is None


def test_32_fewer_slices_than_the_least_say_nothing():
    bad = slices(3_600, 1)
    assert find_burn(bad, OBJECTIVE, NOW_S) is not None
    assert find_burn(bad, Objective(0.99, 10.0, 60.0, 10_000), NOW_S) is None


def test_19_the_newest_slices_are_not_judged_before_they_may_all_have_come():
    good = slices(21_600, 10**9)
    half_filled = [Slice(NOW_S - 10 * i, good=False) for i in range(1, 6)]
    assert find_burn([*good, *half_filled], OBJECTIVE, NOW_S) is None
    whole = [Slice(NOW_S - 60 - 10 * i, good=i > 200) for i in range(1, 361)]
    assert find_burn(whole, OBJECTIVE, NOW_S) is not None


def test_a_burn_becomes_an_incident_of_quality_and_ends_with_it():
    story = Story(north())
    story.all_well()
    subject = circuit("mora-leo")
    story.hear(burn_observation(subject, Burn(20.0, 3_600.0), 1, story.now_s))
    story.wait(40)
    assert story.only().cause is Cause.POOR_QUALITY
    assert "its budget burns 20.0 times too fast over 1 h" in story.only().evidence[0]
    story.hear(burn_observation(subject, None, 2, story.now_s))
    story.wait(5)
    assert story.roots() == []
    assert story.health(subject) is Health.OK
