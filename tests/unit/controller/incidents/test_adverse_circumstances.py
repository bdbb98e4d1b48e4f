"""Scenarios in which the controller itself, its clocks, windows or names change at a bad moment."""

from dataclasses import replace

from controller.decisions.decide import started
from controller.incidents.model import ActKind, Health, Source, WindowRemoved
from tests.rigs.incidents.monday import CHAIN, CHANGED, ENDED, FIBRE, OPENED, kinds, window
from tests.rigs.incidents.networks import north_draft, view_of
from tests.rigs.incidents.story import circuit, collector, device, site


def test_10_a_window_that_opens_while_the_cause_is_corrected_keeps_number_and_ack(story):
    story.hear(*story.dead(FIBRE, "mora-r1"))
    story.wait(5)
    story.act(ActKind.ACKNOWLEDGE, 1)
    story.hear(window(site("kolofata"), "12:00", "13:00"))
    story.hear(*story.dead(CHAIN, "waza-r1"), *story.silent("kolofata-r1", "waza-r1", "bogo-r1"))
    story.wait(1800)
    incident = story.only()
    assert (incident.number, incident.root, incident.acknowledged_by) == (
        1,
        site("kolofata"),
        "amina",
    )
    assert kinds(story) == [OPENED]
    story.wait(3600)
    assert kinds(story) == [OPENED, CHANGED]
    assert story.only().acknowledged_by == "amina"


def test_10_a_window_that_is_closed_together_with_the_repair_pages_nobody(story):
    story.hear(window(site("kolofata"), "11:00", "14:00"), *story.dead(FIBRE))
    story.wait(600)
    story.hear(WindowRemoved("works"))
    story.wait(3)
    story.hear(*story.dead(FIBRE, state=Health.OK))
    story.wait(600)
    assert story.notices == []


def test_07_a_child_still_silent_when_parent_and_collector_return_pages_once(story):
    story.hear(*story.dead(CHAIN, "kolofata-r1"), *story.silent("waza-r1", "bogo-r1"))
    story.wait(600)
    story.say(collector(), Health.DOWN, "controller", source=Source.COLLECTOR)
    story.wait(600)
    told = len(story.notices)
    story.say(collector(), Health.OK, "controller", source=Source.COLLECTOR)
    story.hear(*story.dead(CHAIN, state=Health.OK), *story.silent("waza-r1", state=Health.OK))
    story.wait(40)
    assert [n.kind for n in story.notices[told:]] == [ENDED, ENDED]
    for _ in range(6):
        story.hear(*story.silent("bogo-r1"))
        story.wait(10)
    assert [n.incident.root.name for n in story.notices[told + 2 :]] == ["bogo"]


def test_31_a_restart_between_child_and_parent_sends_no_notice_of_the_child(story):
    story.hear(*story.silent("waza-r1", "bogo-r1"))
    story.wait(4)
    story.state = started(story.state, story.now_s + 30)
    story.now_s += 30
    story.hear()
    story.wait(8)
    assert story.notices == []
    story.hear(*story.dead(CHAIN, "kolofata-r1"), *story.silent("waza-r1", "bogo-r1"))
    story.wait(60)
    assert story.sent() == [CHAIN]


def test_31_a_restart_during_an_incident_keeps_it_and_tells_its_end_once(story):
    story.hear(*story.dead(CHAIN, "kolofata-r1"), *story.silent("waza-r1", "bogo-r1"))
    story.wait(30)
    story.act(ActKind.ACKNOWLEDGE, 1)
    story.state = started(story.state, story.now_s + 600)
    story.now_s += 600
    story.hear()
    story.wait(60)
    assert (story.only().acknowledged_by, kinds(story)) == ("amina", [OPENED])
    story.hear(
        *story.dead(CHAIN, state=Health.OK), *story.silent("waza-r1", "bogo-r1", state=Health.OK)
    )
    story.wait(60)
    assert kinds(story) == [OPENED, ENDED]


def test_29_a_circuit_renamed_while_its_incident_has_another_cause_is_known_again(story):
    story.hear(*story.dead(FIBRE, "mora-r1"))
    story.wait(2)
    story.hear(*story.dead(CHAIN, "waza-r1"), *story.silent("kolofata-r1"))
    story.wait(300)
    assert story.roots() == ["kolofata"]
    assert story.only().former == (circuit(FIBRE),)
    draft = north_draft()
    renamed = [
        replace(c, name="north" if c.name == FIBRE else c.name) for c in draft.circuits.values()
    ]
    draft.circuits.clear()
    draft.circuits.update({one.name: one for one in renamed})
    story.network = view_of(draft.intent())
    story.hear(
        *story.silent("kolofata-r1", "waza-r1", "bogo-r1", state=Health.OK),
        *story.dead("north", "mora-r1", "kolofata-r1"),
        *story.dead(CHAIN, state=Health.OK),
    )
    story.wait(20)
    assert (story.roots(), story.only().number) == (["north"], 1)


def test_16_a_failure_known_before_a_collector_was_lost_is_unknown_meanwhile(story):
    story.hear(*story.dead(CHAIN, "waza-r1"), *story.dead(FIBRE, "mora-r1"))
    story.hear(*story.silent("kolofata-r1", "waza-r1", "bogo-r1"))
    story.wait(30)
    assert story.health(device("kolofata-r1")) is Health.DOWN
    story.say(collector(), Health.DOWN, "controller", source=Source.COLLECTOR)
    story.wait(60)
    assert story.health(device("kolofata-r1")) is Health.UNKNOWN
    told = len(story.notices)
    story.say(collector(), Health.OK, "controller", source=Source.COLLECTOR)
    story.wait(5)
    story.hear(*story.silent("kolofata-r1", "waza-r1", "bogo-r1"))
    story.wait(60)
    assert "kolofata" in story.roots()
    assert [n.kind for n in story.notices[told:]] == [ENDED]
