"""Scenarios of persons, renamings, floods, restarts, and of quality."""

from dataclasses import replace
from random import Random

import pytest

from controller.decisions.decide import started
from controller.incidents.model import (
    ActKind,
    Cause,
    Effect,
    Health,
    Recurrence,
    Severity,
    Source,
    WindowRemoved,
)
from tests.factories import Draft
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
from tests.rigs.incidents.networks import north, north_draft, view_of
from tests.rigs.incidents.story import Story, circuit, device


def test_23_a_wrong_first_root_is_merged_into_the_oldest_number_with_acks_kept(story):
    story.hear(*story.silent("bogo-r1"))
    story.wait(15)
    story.act(ActKind.ACKNOWLEDGE, 1)
    story.hear(*story.dead(CHAIN, "kolofata-r1"))
    story.wait(5)
    incident = story.only()
    assert (incident.number, incident.root.name, incident.acknowledged_by) == (1, CHAIN, "amina")
    assert kinds(story).count(OPENED) == 1


def test_23_merging_by_hand_links_the_younger_to_the_older_and_tells_one_end(story):
    cut(story)
    story.wait(5)
    story.hear(*story.dead("yaounde-leo"))
    story.wait(5)
    story.act(ActKind.ACKNOWLEDGE, 2)
    story.act(ActKind.MERGE, 2, other=1)
    story.wait(5)
    incident = story.only()
    assert (incident.number, incident.acknowledged_by) == (1, "amina")
    assert story.state.incidents[2].merged_into == 1
    story.act(ActKind.COMMENT, 2, text="the digger")
    assert story.changes[-1].incident == 1
    mend(story)
    story.wait(60)
    assert story.only().root.name == "yaounde-leo"
    story.hear(*story.dead("yaounde-leo", state=Health.OK))
    story.wait(60)
    assert kinds(story).count(ENDED) == 1
    assert story.roots() == []


@pytest.mark.parametrize(("kept", "gone"), [(1, 2), (2, 1)])
def test_23_what_was_merged_is_as_bad_as_its_worst_part(story, kept, gone):
    story.hear(*story.silent("bogo-r1"))
    story.wait(15)
    story.hear(*story.dead("yaounde-leo"))
    story.wait(5)
    worse, milder = story.state.incidents[1], story.state.incidents[2]
    assert (worse.severity, milder.severity) == (Severity.CRITICAL, Severity.WARNING)
    story.act(ActKind.MERGE, gone, other=kept)
    story.wait(5)
    incident = story.only()
    assert (incident.severity, incident.effect) == (Severity.CRITICAL, Effect.CUT_OFF)
    assert incident.cut_off == ("bogo",)


def test_24_a_split_keeps_history_on_both_and_only_the_new_part_pages(story):
    cut(story)
    story.wait(5)
    story.hear(*story.dead("yaounde-leo"))
    story.wait(5)
    story.act(ActKind.MERGE, 1, other=2)
    before = len(story.notices)
    story.act(ActKind.SPLIT, 1, subjects=(circuit("yaounde-leo"),))
    story.wait(5)
    assert story.roots() == [FIBRE, "yaounde-leo"]
    assert [n.incident.split_from for n in story.notices[before:]] == [1]
    story.act(ActKind.SPLIT, 1, subjects=(circuit("yaounde-leo"),))
    assert "only what was merged" in story.refusals[-1].sentence


def test_24_a_power_cut_that_was_two_cuts_is_split_by_what_the_site_says_itself():
    draft = north_draft()
    draft.circuit("maroua-kolofata-fibre", "maroua-r1", "kolofata-r1")
    story = Story(view_of(draft.intent()))
    story.all_well()
    story.wait(5)
    ends = {FIBRE: "mora-r1", "maroua-kolofata-fibre": "maroua-r1"}
    story.hear(*(word for name, end in ends.items() for word in story.dead(name, end)))
    story.wait(3)
    assert story.roots() == ["kolofata"]
    story.hear(*(word for name in ends for word in story.dead(name, "kolofata-r1")))
    story.wait(5)
    assert story.roots() == sorted(ends)
    assert kinds(story) == [OPENED, CHANGED, OPENED]


def test_25_an_end_wins_over_an_acknowledgement_that_comes_later(story):
    cut(story)
    story.wait(5)
    mend(story)
    story.wait(5)
    story.act(ActKind.ACKNOWLEDGE, 1)
    assert "has ended" in story.refusals[-1].sentence
    assert story.state.incidents[1].acknowledged_by == ""


def test_26_resolving_what_still_fails_is_refused_and_a_mute_offered(story):
    cut(story)
    story.wait(5)
    story.act(ActKind.RESOLVE, 1)
    assert story.refusals[-1].sentence == (
        "mora-kolofata-fibre still fails, so incident 1 goes on; mute it instead"
    )
    assert story.roots() == [FIBRE]


def test_26_what_is_well_already_can_be_resolved_by_hand(story):
    for _ in range(3):
        cut(story)
        story.wait(5)
        mend(story)
        story.wait(8)
    cut(story)
    story.wait(5)
    mend(story)
    story.act(ActKind.RESOLVE, 1)
    assert story.roots() == []
    assert story.notices[-1].incident.end_reason == "amina resolved it"


def test_27_the_same_fault_within_ten_minutes_reopens_its_incident(story):
    cut(story)
    story.wait(5)
    mend(story)
    story.wait(300)
    cut(story)
    story.wait(5)
    assert (story.only().number, story.only().reopened) == (1, 1)
    assert kinds(story) == [OPENED, ENDED, OPENED]
    mend(story)
    story.wait(700)
    cut(story)
    story.wait(5)
    assert story.only().number == 2


def test_28_an_acknowledged_incident_keeps_its_owner_over_a_shift_and_can_be_given_back(story):
    """What hands it over is tested with its route (test_handover.py)."""
    cut(story)
    story.wait(5)
    story.act(ActKind.ACKNOWLEDGE, 1, text="a crew is under way")
    story.act(ActKind.ASSIGN, 1, text="bello")
    story.wait(8 * 3600)
    (left,) = story.state.open_incidents()
    assert (left.number, left.acknowledged_by, left.assigned_to) == (1, "amina", "bello")
    said = [change.sentence for change in story.changes]
    assert "amina acknowledged it: a crew is under way" in said
    story.act(ActKind.UNACKNOWLEDGE, 1)
    assert story.only().acknowledged_by == ""


def test_29_a_removed_site_closes_its_incident_and_a_renamed_one_keeps_it(story):
    story.hear(*story.silent("bogo-r1"), *story.dead("waza-bogo-microwave", "waza-r1"))
    story.wait(20)
    story.act(ActKind.ACKNOWLEDGE, 1)
    draft = north_draft()
    old = draft.circuits.pop("waza-bogo-microwave")
    draft.circuits["waza-bogo-radio"] = replace(old, name="waza-bogo-radio")
    story.network = view_of(draft.intent())
    story.wait(60)
    assert (story.only().root, story.only().acknowledged_by) == (
        circuit("waza-bogo-radio"),
        "amina",
    )
    del draft.circuits["waza-bogo-radio"]
    story.network = view_of(draft.intent())
    story.hear()
    assert story.ended[1].end_reason == "waza-bogo-radio was removed from the intent"
    assert kinds(story) == [OPENED, ENDED]


def test_30_five_thousand_events_in_a_minute_are_one_incident_per_cause(story):
    random = Random(30)  # noqa: S311 - an order, no secret
    cut(story)
    story.hear(*story.dead(CHAIN, "kolofata-r1"))
    for _ in range(50):
        news = []
        for _ in range(20):
            news += [
                *story.dead(FIBRE),
                *story.dead(CHAIN, "kolofata-r1"),
                *story.silent("waza-r1", "bogo-r1"),
            ]
        random.shuffle(news)
        story.hear(*news)
        story.wait(1)
    assert sorted(story.sent(OPENED)) == [CHAIN, FIBRE]


def test_31_a_change_while_the_server_was_off_pages_at_its_start_and_acks_survive(story):
    cut(story)
    story.wait(5)
    story.act(ActKind.ACKNOWLEDGE, 1)
    story.now_s += 3600
    story.state = started(story.state, story.now_s)
    story.hear(*story.dead(CHAIN, "kolofata-r1"), *story.dead(FIBRE))
    story.wait(5)
    assert story.roots() == [CHAIN, FIBRE]
    assert story.state.incidents[1].acknowledged_by == "amina"
    assert story.sent() == [FIBRE, CHAIN]


def test_31_no_silence_from_before_a_start_is_judged(story):
    story.hear(*story.silent("mora-r1"))
    story.now_s += 3600
    story.state = started(story.state, story.now_s)
    story.hear()
    story.wait(300)
    assert story.notices == []
    story.hear(*story.silent("mora-r1"))
    story.wait(20)
    assert story.sent() == ["mora"]


def test_a_window_by_hand_can_be_taken_away_again(story):
    story.hear(window(circuit(FIBRE), "11:00", "14:00"))
    cut(story)
    story.wait(60)
    assert story.notices == []
    story.hear(WindowRemoved("works"))
    story.wait(15)
    assert kinds(story) == [OPENED]


def test_a_weekly_window_of_the_intent_holds_next_week_too(story):
    weekly = window(circuit(FIBRE), "12:00", "12:30", Recurrence.WEEKLY, "2026-11-02").window
    story.network = replace(north(), windows=(weekly,))
    story.hear()
    cut(story)
    story.wait(1200)
    assert story.notices == []
    story.wait(1200)
    assert kinds(story) == [OPENED]


def test_a_full_circuit_is_congestion_and_not_poor_quality(story):
    full = story.dead("mora-leo", "mora-r1", state=Health.OK)[0]
    story.hear(replace(full, delay_ms=900.0, loss=0.2, mos=2.2, load=0.97))
    story.wait(40)
    incident = story.only()
    assert (incident.cause, incident.effect) == (Cause.CONGESTION, Effect.QUALITY)
    assert "mora-leo is 97% full" in incident.evidence
    assert any("freezes" in words or "hardly" in words for words in incident.evidence)


def test_congestion_by_traffic_that_a_cut_moved_is_a_part_of_the_cut(story):
    cut(story, "maroua-mora-fibre")
    story.wait(5)
    full = story.dead("mora-leo", "mora-r1", state=Health.OK)[0]
    story.hear(replace(full, delay_ms=900.0, loss=0.2, load=0.97))
    story.wait(60)
    assert story.roots() == ["maroua-mora-fibre"]


@pytest.mark.parametrize(
    ("name", "delay_ms", "bad"),
    [
        (FIBRE, 5.0, False),
        (FIBRE, 300.0, True),
        ("mora-leo", 90.0, False),
        ("mora-leo", 600.0, True),
    ],
)
def test_delay_is_judged_by_what_the_medium_usually_does(story, name, delay_ms, bad):
    story.hear(replace(story.dead(name, "mora-r1", state=Health.OK)[0], delay_ms=delay_ms))
    story.wait(60)
    assert story.roots() == ([name] if bad else [])


def test_a_satellite_that_changes_is_no_fault_until_it_does_so_for_a_minute(story):
    shaken = story.dead("mora-leo", "mora-r1", state=Health.DEGRADED)[0]
    story.hear(replace(shaken, reason="handover of the satellite"))
    story.wait(50)
    assert story.notices == []
    story.wait(20)
    assert story.only().cause is Cause.SATELLITE_HANDOVER


def test_a_subscriber_circuit_that_dies_is_lost_access():
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.circuit("maroua-fibre", "yaounde-r1", "maroua-r1")
    draft.circuit("maroua-lte", "maroua-r1", "provider:lte-operator")
    story = Story(view_of(draft.intent()))
    story.all_well()
    story.hear(*story.dead("maroua-lte"))
    story.wait(5)
    assert story.only().cause is Cause.ACCESS_LOST
    assert "maroua-r1 answers, so it has power" in story.only().evidence


def test_an_ailing_device_is_a_warning(story):
    story.say(device("mora-r1"), Health.DEGRADED, reason="81 °C")
    story.wait(40)
    assert story.only().cause is Cause.DEVICE_AILING
    assert story.health(device("mora-r1")) is Health.DEGRADED


def test_gasp_of_a_device_that_is_back_counts_no_more(story):
    gasp = story.word(device("bogo-r1"), Health.DOWN, "bogo-r1", source=Source.LAST_GASP)
    story.hear(gasp)
    story.wait(3)
    assert story.roots() == ["bogo"]
    story.hear(*story.silent("bogo-r1", state=Health.OK))
    story.hear(gasp)
    story.wait(5)
    assert story.roots() == []
