"""Scenarios in which the question is what the one cause of many symptoms is."""

from dataclasses import replace

import pytest

from controller.incidents.model import (
    ActKind,
    Cause,
    Effect,
    Health,
    NoticeKind,
    Severity,
    Source,
    SubjectKind,
)
from tests.factories import Draft
from tests.rigs.incidents.networks import north, north_draft, view_of
from tests.rigs.incidents.story import COLLECTOR, Story, circuit, collector, device, site

OPENED, ENDED = NoticeKind.OPENED, NoticeKind.ENDED


@pytest.fixture
def story():
    told = Story(north())
    told.all_well()
    told.wait(5)
    return told


def test_01_a_child_heard_first_moves_into_its_parents_incident_without_a_notice(story):
    story.hear(*story.silent("waza-r1"))
    story.wait(4)
    story.hear(*story.dead("kolofata-waza-fibre", "kolofata-r1"))
    story.wait(30)
    assert story.roots() == ["kolofata-waza-fibre"]
    assert story.sent() == ["kolofata-waza-fibre"]
    assert {device("waza-r1"), site("waza"), site("bogo")} <= set(story.only().members)


def test_01_a_child_that_was_noticed_first_keeps_its_number_under_the_parent(story):
    story.hear(*story.silent("waza-r1"))
    story.wait(15)
    (first,) = story.notices
    story.hear(*story.dead("kolofata-waza-fibre", "kolofata-r1"))
    story.wait(30)
    assert story.only().number == first.incident.number
    assert story.sent(OPENED) == ["waza"]
    assert story.sent(NoticeKind.CHANGED) == ["kolofata-waza-fibre"]


def test_02_the_whole_chain_moves_up_when_the_grandparent_is_heard_last(story):
    for name in ("bogo-r1", "waza-r1"):
        story.hear(*story.silent(name))
        story.wait(3)
    story.hear(*story.dead("kolofata-waza-fibre", "kolofata-r1"))
    story.wait(30)
    assert story.roots() == ["kolofata-waza-fibre"]
    assert story.sent() == ["kolofata-waza-fibre"]
    assert story.only().cut_off == ("bogo", "waza")
    assert story.health(device("bogo-r1")) is Health.UNREACHABLE


def test_03_one_of_two_ways_lost_is_lost_redundancy_at_the_circuit(story):
    story.hear(*story.dead("maroua-mora-fibre"))
    story.wait(2)
    incident = story.only()
    assert (incident.cause, incident.effect) == (Cause.FIBRE_CUT, Effect.REDUNDANCY_LOST)
    assert incident.severity is Severity.WARNING
    assert incident.cut_off == ()
    assert story.health(site("mora")) is Health.DEGRADED
    assert story.health(site("maroua")) is Health.OK


def test_04_two_parents_lost_are_two_incidents_and_either_repair_frees_the_child():
    draft = north_draft()
    draft.site("tokombere", "mora")
    draft.circuit("mora-tokombere-fibre", "mora-r1", "tokombere-r1")
    draft.circuit("kolofata-tokombere-fibre", "kolofata-r1", "tokombere-r1")
    story = Story(view_of(draft.intent()))
    story.all_well()
    story.wait(5)
    story.hear(*story.dead("mora-tokombere-fibre"))
    story.wait(300)
    story.hear(
        *story.dead("kolofata-tokombere-fibre", "kolofata-r1"), *story.silent("tokombere-r1")
    )
    story.wait(30)
    assert story.roots() == ["kolofata-tokombere-fibre", "mora-tokombere-fibre"]
    assert [i.cut_off for i in story.state.open_incidents()] == [("tokombere",)] * 2
    assert story.health(site("tokombere")) is Health.UNREACHABLE
    story.hear(
        *story.dead("mora-tokombere-fibre", state=Health.OK),
        *story.silent("tokombere-r1", state=Health.OK),
        *story.dead("kolofata-tokombere-fibre"),
    )
    story.wait(5)
    assert story.roots() == ["kolofata-tokombere-fibre"]
    assert story.only().cut_off == ()
    assert story.health(site("tokombere")) is Health.OK


def test_05_a_pair_carries_on_while_one_of_it_is_cut_off_and_fails_when_none_is_reached():
    draft = north_draft()
    del draft.circuits["mora-leo"], draft.circuits["kolofata-leo"]
    story = Story(view_of(draft.intent()))
    story.all_well()
    story.wait(5)
    story.hear(*story.dead("yaounde-maroua-fibre-2"))
    story.wait(30)
    assert story.only().effect is Effect.REDUNDANCY_LOST
    assert story.health(site("maroua")) is Health.OK
    story.wait(300)
    story.hear(
        *story.dead("yaounde-maroua-fibre-1", "yaounde-r1"),
        *story.silent("maroua-r1", "maroua-r2"),
    )
    story.wait(30)
    assert "yaounde-maroua-fibre-2" in story.roots()
    assert len(story.roots()) == 2
    assert story.health(site("maroua")) in (Health.UNREACHABLE, Health.DOWN)


def test_07_a_child_still_silent_after_its_parents_return_pages_once_after_a_new_measurement(story):
    story.hear(
        *story.dead("kolofata-waza-fibre", "kolofata-r1"), *story.silent("waza-r1", "bogo-r1")
    )
    story.wait(600)
    story.hear(
        *story.dead("kolofata-waza-fibre", state=Health.OK),
        *story.silent("waza-r1", state=Health.OK),
    )
    story.wait(60)
    assert story.sent() == ["kolofata-waza-fibre"] * 2
    assert story.roots() == []
    story.hear(*story.silent("bogo-r1"))
    story.wait(60)
    story.hear(*story.silent("bogo-r1"))
    story.wait(60)
    assert story.sent()[2:] == ["bogo"]


def test_12_devices_that_only_depend_on_each_other_are_not_hidden():
    draft = Draft()
    draft.site("yaounde")
    for name in ("a", "b"):
        draft.site(name, "yaounde")
    draft.circuit("ring-1", "a-r1", "b-r1")
    draft.circuit("ring-2", "b-r1", "a-r1")
    story = Story(view_of(draft.intent()))
    story.all_well()
    story.hear(*story.silent("a-r1", "b-r1"))
    story.wait(30)
    assert story.roots() == ["a-r1", "b-r1"]
    assert "no way from it to the centre" in story.state.open_incidents()[0].evidence[-1]


def test_13_a_site_without_a_way_in_the_intent_is_down_and_not_hidden():
    draft = north_draft()
    draft.site("mindif", "mora")
    story = Story(view_of(draft.intent()))
    story.all_well()
    story.hear(*story.silent("mindif-r1"))
    story.wait(30)
    assert story.roots() == ["mindif-r1"]
    assert story.health(site("mindif")) is Health.DOWN


def test_16_a_lost_collector_makes_all_unknown_and_nothing_down(story):
    story.hear(*story.silent(*north().devices))
    story.wait(2)
    story.say(collector(), Health.DOWN, "controller", source=Source.COLLECTOR)
    story.wait(3600)
    assert story.sent() == [COLLECTOR]
    assert story.only().cause is Cause.COLLECTOR_LOST
    for name in ("mora", "bogo", "yaounde"):
        assert story.health(site(name)) is Health.UNKNOWN
    assert not [
        t
        for t in story.turns
        if t.after in (Health.DOWN, Health.UNREACHABLE)
        and t.subject.kind is SubjectKind.SITE
        and t.at_s > 1_000_010
    ]
    story.say(collector(), Health.OK, "controller", source=Source.COLLECTOR)
    story.wait(5)
    assert story.roots() == []
    story.all_well()
    assert story.health(site("mora")) is Health.OK
    assert story.sent() == [COLLECTOR] * 2


def test_16_a_collector_that_hears_nothing_at_the_centre_is_lost_itself(story):
    story.hear(*story.silent(*north().devices))
    story.wait(60)
    assert story.sent() == [COLLECTOR]


def test_17_with_one_of_two_gateways_lost_its_sites_are_unknown_unless_others_speak(story):
    story.hear(
        story.word(device("mora-r1"), Health.OK, "gateway-2", source=Source.EDGE_SESSION),
        story.word(collector(), Health.DOWN, "controller", source=Source.COLLECTOR),
    )
    story.wait(60)
    assert story.health(device("mora-r1")) is Health.OK
    assert story.health(device("kolofata-r1")) is Health.UNKNOWN
    assert story.roots() == [COLLECTOR]


def test_an_edges_lost_session_alone_is_unknown_and_other_edges_tunnels_decide(story):
    lost = story.word(device("kolofata-r1"), Health.DOWN, COLLECTOR, source=Source.EDGE_SESSION)
    story.hear(*story.silent("kolofata-r1", state=Health.OK))
    fresh = Story(north())
    fresh.hear(replace(lost, sequence=fresh.sequence + 1))
    fresh.wait(60)
    assert fresh.health(device("kolofata-r1")) is Health.UNKNOWN
    assert fresh.roots() == []
    fresh.sequence = 10
    fresh.say(device("kolofata-r1"), Health.DOWN, "yaounde-r1", source=Source.EDGE_PATH)
    fresh.wait(60)
    assert fresh.roots() == ["kolofata"]


def test_a_lost_session_that_nothing_explains_is_told_after_ten_minutes():
    story = Story(north())
    story.say(device("kolofata-r1"), Health.DOWN, source=Source.EDGE_SESSION)
    story.wait(590)
    assert story.notices == []
    story.wait(20)
    assert story.only().cause is Cause.UNKNOWN


def test_22_a_recabled_circuit_keeps_its_incident_and_members_follow_the_new_graph(story):
    story.hear(
        *story.dead("kolofata-waza-fibre", "kolofata-r1"), *story.silent("waza-r1", "bogo-r1")
    )
    story.wait(10)
    story.act(ActKind.ACKNOWLEDGE, 1)
    draft = north_draft()
    draft.circuits["waza-bogo-microwave"] = replace(
        draft.circuits["waza-bogo-microwave"], a=draft.circuits["maroua-mora-fibre"].a
    )
    story.network = view_of(draft.intent())
    story.hear(*story.silent("bogo-r1", state=Health.OK))
    story.wait(5)
    incident = story.only()
    assert (incident.number, incident.acknowledged_by) == (1, "amina")
    assert incident.cut_off == ("waza",)


def test_22_a_neighbour_seen_elsewhere_has_moved_and_its_port_is_not_cut(story):
    words = "wrong cable: mora-r1 eth2 should meet kolofata-r1, meets maroua-r2"
    story.hear(
        *story.dead("mora-kolofata-fibre"),
        story.word(
            circuit("mora-kolofata-fibre"),
            Health.DEGRADED,
            "mora-r1",
            source=Source.LLDP,
            reason=words,
        ),
    )
    story.wait(5)
    assert story.only().cause is Cause.WRONG_CABLE
    assert words in story.only().evidence


def test_a_wrong_cable_on_a_live_circuit_is_told_without_cutting_anybody_off(story):
    story.say(
        circuit("mora-kolofata-fibre"),
        Health.DEGRADED,
        "mora-r1",
        source=Source.LLDP,
        reason="wrong cable: mora-r1 eth2 should meet kolofata-r1, meets mora-r2",
    )
    story.wait(40)
    assert (story.only().cause, story.only().effect) == (Cause.WRONG_CABLE, Effect.NONE)
