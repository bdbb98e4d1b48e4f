"""Scenarios in which the question is when an incident opens, ends and speaks."""

from dataclasses import replace

import pytest

from controller.incidents.model import (
    ActKind,
    Cause,
    ChangeKind,
    Health,
    Source,
)
from tests.rigs.incidents.monday import (
    CHAIN,
    CHANGED,
    ENDED,
    FIBRE,
    OPENED,
    cut,
    kinds,
    mend,
    window,
)
from tests.rigs.incidents.story import circuit, device, site


def test_06_an_old_acknowledged_incident_keeps_its_age_and_ack_when_its_parent_blinks(story):
    story.hear(*story.silent("bogo-r1"), *story.dead("waza-bogo-microwave", "waza-r1"))
    story.wait(60)
    story.act(ActKind.ACKNOWLEDGE, 1)
    opened_s = story.only().opened_s
    story.wait(7 * 86_400)
    story.hear(*story.dead(CHAIN, "kolofata-r1"), *story.silent("waza-r1", "bogo-r1"))
    story.wait(30)
    assert len(story.state.open_incidents()) == 2
    assert story.state.incidents[1].hidden
    story.hear(
        *story.dead(CHAIN, state=Health.OK),
        *story.silent("waza-r1", state=Health.OK),
        *story.dead("waza-bogo-microwave", "waza-r1"),
    )
    story.wait(60)
    incident = story.only()
    assert (incident.number, incident.opened_s, incident.acknowledged_by) == (1, opened_s, "amina")
    assert story.sent() == ["waza-bogo-microwave", CHAIN, CHAIN]


def test_09_children_of_a_parent_in_maintenance_are_under_maintenance_and_still_measured(story):
    story.hear(window(circuit(CHAIN), "11:00", "14:00"))
    story.hear(*story.dead(CHAIN, "kolofata-r1"), *story.silent("waza-r1", "bogo-r1"))
    story.wait(600)
    assert story.notices == []
    assert story.roots() == []
    for subject in (circuit(CHAIN), device("waza-r1"), site("bogo")):
        assert story.health(subject) is Health.MAINTENANCE
    story.hear(
        *story.dead(CHAIN, state=Health.OK), *story.silent("waza-r1", "bogo-r1", state=Health.OK)
    )
    story.wait(60)
    assert story.health(site("bogo")) is Health.OK
    assert story.notices == []


def test_10_a_window_over_an_open_incident_mutes_it_and_its_end_pages_once(story):
    cut(story)
    story.wait(5)
    story.act(ActKind.ACKNOWLEDGE, 1)
    story.hear(window(site("kolofata"), "12:00", "13:00"))
    story.wait(1800)
    assert story.only().maintained
    assert kinds(story) == [OPENED]
    story.wait(3600)
    assert kinds(story) == [OPENED, CHANGED]
    assert story.only().acknowledged_by == "amina"
    story.wait(3600)
    assert kinds(story) == [OPENED, CHANGED]


def test_10_a_fault_that_outlasts_the_window_it_began_in_pages_once_at_its_end(story):
    story.hear(window(site("kolofata"), "12:00", "13:00"))
    cut(story)
    story.wait(3300)
    assert story.notices == []
    story.wait(600)
    assert kinds(story) == [OPENED]


def test_10_a_fault_mended_within_its_window_never_pages(story):
    story.hear(window(site("kolofata"), "12:00", "13:00"))
    cut(story)
    story.wait(1800)
    mend(story)
    story.wait(7200)
    assert story.notices == []


def test_11_an_end_during_a_mute_goes_out_and_an_opening_does_not(story):
    cut(story)
    story.wait(5)
    story.act(ActKind.MUTE, 1, until_s=story.now_s + 600)
    mend(story)
    story.wait(5)
    assert kinds(story) == [OPENED, ENDED]
    assert story.notices[-1].incident.muted_until_s is not None


def test_11_what_nobody_was_told_of_has_no_end_to_tell(story):
    cut(story)
    story.wait(0.3)
    mend(story)
    story.wait(60)
    assert story.notices == []


def test_11_the_end_of_a_mute_over_a_lasting_incident_pages_once(story):
    cut(story)
    story.wait(5)
    story.act(ActKind.MUTE, 1, until_s=story.now_s + 600)
    story.wait(1200)
    assert kinds(story) == [OPENED, CHANGED]


def test_14_flapping_that_ends_in_down_pages_at_the_end(story):
    for _ in range(50):
        cut(story)
        story.wait(0.3)
        mend(story)
        story.wait(0.3)
    assert story.notices == []
    cut(story)
    story.wait(60)
    assert kinds(story) == [OPENED]


def test_14_slow_flapping_stays_one_incident_with_few_notices(story):
    for _ in range(100):
        cut(story)
        story.wait(5)
        mend(story)
        story.wait(15)
    assert len(story.state.incidents) == 1
    assert len(story.notices) <= 6
    assert story.only().number == 1


def test_15_a_flapping_parent_does_not_feed_its_childs_count(story):
    story.hear(*story.silent("bogo-r1"), *story.dead("waza-bogo-microwave", "waza-r1"))
    story.wait(300)
    for _ in range(4):
        story.hear(*story.dead(CHAIN, "kolofata-r1"), *story.silent("waza-r1"))
        story.wait(5)
        story.hear(*story.dead(CHAIN, state=Health.OK), *story.silent("waza-r1", state=Health.OK))
        story.wait(60)
    assert story.state.incidents[1].reopened == 0
    assert story.sent().count("waza-bogo-microwave") == 1


def test_18_a_replayed_spool_draws_past_incidents_and_sends_nothing(story):
    began_s = story.now_s - 20 * 86_400
    for number, state in enumerate((Health.DOWN, Health.DOWN, Health.OK)):
        said = story.word(circuit("kolofata-leo"), state, "kolofata-r1")
        past = replace(said, replayed=True, at_s=began_s + 600 * number, sequence=number)
        story.hear(past, past)
    story.wait(60)
    (past,) = [i for i in story.ended.values() if i.replayed]
    assert (past.opened_s, past.ended_s) == (began_s, began_s + 1200)
    assert story.notices == []
    assert story.health(circuit("kolofata-leo")) is Health.OK
    assert [c.kind for c in story.changes] == [ChangeKind.HISTORY]


@pytest.mark.parametrize("ahead_s", [7200.0, -50 * 365 * 86_400.0])
def test_20_a_wrong_clock_changes_neither_order_nor_times(story, ahead_s):
    down = [replace(o, at_s=o.at_s + ahead_s) for o in story.dead(FIBRE)]
    story.hear(*down)
    story.wait(5)
    assert story.only().opened_s == pytest.approx(story.now_s, abs=10)
    assert story.state.since_s[circuit(FIBRE)] == pytest.approx(story.now_s, abs=10)
    story.hear(*[replace(o, at_s=o.at_s - ahead_s) for o in story.dead(FIBRE, state=Health.OK)])
    story.wait(5)
    assert story.roots() == []


def test_20_an_untrusted_clock_is_not_believed(story):
    down = [replace(o, at_s=o.at_s - 3600, clock_trusted=False) for o in story.dead(FIBRE)]
    story.hear(*down)
    assert story.state.since_s[circuit(FIBRE)] == story.now_s


def test_21_a_lost_up_is_made_good_by_the_next_word_and_an_old_number_never_reopens(story):
    down, lost_up, again = (story.dead(FIBRE, state=s) for s in (Health.DOWN, Health.OK, Health.OK))
    story.hear(*down)
    story.wait(5)
    story.hear(*again)
    story.wait(5)
    assert story.roots() == []
    story.hear(*lost_up, *down)
    story.wait(60)
    assert story.roots() == []
    assert kinds(story) == [OPENED, ENDED]


def test_21_up_and_down_swapped_end_in_the_newer(story):
    down, up = story.dead(FIBRE), story.dead(FIBRE, state=Health.OK)
    story.hear(*up)
    story.hear(*down)
    story.wait(60)
    assert story.notices == []


def test_a_fibre_whose_sessions_are_not_up_again_ends_as_the_cut_that_it_was(story):
    story.hear(*story.dead(FIBRE, source=Source.BGP))
    story.wait(5)
    assert story.only().cause is Cause.FIBRE_CUT
    story.hear(*story.dead(FIBRE, state=Health.DEGRADED, source=Source.BGP))
    story.wait(1)
    assert story.only().cause is Cause.FIBRE_CUT
    story.wait(1)
    assert story.roots() == []
    story.hear(*story.dead(FIBRE, state=Health.OK, source=Source.BGP))
    story.wait(600)
    assert [ended.cause for ended in story.ended.values()] == [Cause.FIBRE_CUT]
    assert kinds(story) == [OPENED, ENDED]


def test_what_stays_poor_after_its_repair_becomes_an_incident_of_its_own(story):
    story.hear(*story.dead(FIBRE, source=Source.BGP))
    story.wait(5)
    story.hear(*story.dead(FIBRE, state=Health.DEGRADED, source=Source.BGP))
    story.wait(60)
    poor = story.only()
    assert (poor.number, poor.root, poor.cause) == (2, circuit(FIBRE), Cause.ROUTING_LOST)
    assert kinds(story) == [OPENED, ENDED, OPENED]


def test_what_dies_while_it_is_poor_is_the_same_incident_with_another_cause(story):
    story.hear(*story.dead(FIBRE, state=Health.DEGRADED, source=Source.BGP))
    story.wait(60)
    assert story.only().cause is Cause.ROUTING_LOST
    story.hear(*story.dead(FIBRE, source=Source.BGP))
    story.wait(5)
    assert (story.only().number, story.only().cause) == (1, Cause.FIBRE_CUT)
    assert kinds(story) == [OPENED, CHANGED]
