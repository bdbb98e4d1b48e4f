"""Scenarios in which the question is what the one cause of many symptoms is."""

from dataclasses import replace
from itertools import permutations

import pytest

from controller.incidents.model import (
    ActKind,
    Cause,
    Consultation,
    Effect,
    Health,
    NoticeKind,
    Policy,
    Severity,
    Source,
    Subject,
    SubjectKind,
)
from inventory.model import Medium
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
    words = "mora-r1 eth2 should meet kolofata-r1, meets maroua-r2"
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
        reason="meets mora-r2",
    )
    story.wait(40)
    assert (story.only().cause, story.only().effect) == (Cause.WRONG_CABLE, Effect.NONE)


def test_power_is_cut_where_all_neighbours_lose_a_site_at_once_before_silence_is_confirmed(story):
    story.hear(*story.dead("mora-kolofata-fibre", "mora-r1"))
    story.wait(0.3)
    story.hear(*story.dead("kolofata-waza-fibre", "waza-r1"))
    story.wait(3)
    assert story.roots() == ["kolofata"]
    assert story.only().cause is Cause.POWER_CUT
    story.hear(*story.silent("kolofata-r1", "waza-r1", "bogo-r1"))
    story.wait(60)
    assert story.sent() == ["kolofata"]
    assert story.only().cut_off == ("bogo", "kolofata", "waza")


def test_a_last_gasp_tells_a_power_cut_from_a_fibre_cut(story):
    story.hear(
        story.word(
            device("bogo-r1"), Health.DOWN, "bogo-r1", source=Source.LAST_GASP, reason="dying gasp"
        ),
        *story.dead("waza-bogo-microwave", "waza-r1"),
        *story.silent("bogo-r1"),
    )
    story.wait(3)
    assert (story.roots(), story.only().cause) == (["bogo"], Cause.POWER_CUT)
    assert "last words" in story.only().evidence[0]


def test_without_it_the_single_circuit_is_named_and_the_doubt_is_told(story):
    story.hear(*story.dead("waza-bogo-microwave", "waza-r1"), *story.silent("bogo-r1"))
    story.wait(3)
    assert story.only().cause is Cause.RADIO_LOST
    assert "no other circuit could tell whether it has power" in " ".join(story.only().evidence)


def test_a_site_on_battery_is_a_warning_that_becomes_the_power_cut(story):
    story.say(device("bogo-r1"), Health.DEGRADED, source=Source.UPS, reason="38 minutes left")
    story.wait(60)
    assert (story.roots(), story.only().cause) == (["bogo"], Cause.ON_BATTERY)
    story.hear(*story.dead("waza-bogo-microwave", "waza-r1"), *story.silent("bogo-r1"))
    story.wait(10)
    assert story.only().cause is Cause.POWER_CUT
    assert [n.kind for n in story.notices] == [OPENED, NoticeKind.ESCALATED]


def test_a_device_whose_circuits_are_up_at_its_neighbours_has_a_fault_of_its_own(story):
    story.hear(*story.silent("mora-r1"))
    story.wait(5)
    story.hear(*story.dead("maroua-mora-fibre", "maroua-r1", state=Health.OK))
    story.wait(10)
    assert (story.roots(), story.only().cause) == (["mora-r1"], Cause.DEVICE_FAULT)
    assert "has power and does not answer" in " ".join(story.only().evidence)


def test_one_router_of_a_pair_silent_is_the_router_not_the_site(story):
    story.hear(
        *story.dead("yaounde-maroua-fibre-2", "yaounde-r1"),
        *story.dead("maroua-r1-r2", "maroua-r1"),
        *story.silent("maroua-r2"),
    )
    story.wait(15)
    assert story.roots() == ["maroua-r2"]
    assert story.sent() == ["maroua-r2"]


def test_an_operators_outage_is_one_incident():
    draft = Draft()
    draft.site("yaounde")
    for i in range(6):
        draft.site(f"s{i}", "yaounde")
        draft.circuit(f"s{i}-fibre", "yaounde-r1", f"s{i}-r1")
        draft.circuit(f"s{i}-leo", f"s{i}-r1", "provider:leo-operator", medium=Medium.LEO)
    draft.circuit("yaounde-leo", "yaounde-r1", "provider:leo-operator", medium=Medium.LEO)
    story = Story(view_of(draft.intent()))
    story.all_well()
    for i in range(6):
        story.hear(*story.dead(f"s{i}-leo"))
        story.wait(0.2)
    story.wait(10)
    assert story.roots() == ["leo-operator"]
    assert story.sent() == ["leo-operator"]
    assert story.only().cause is Cause.OPERATOR_FAULT


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_news_ends_in_the_same_one_incident(order):
    story = Story(north())
    story.all_well()
    story.wait(5)
    news = [
        *story.dead("maroua-mora-fibre", "maroua-r1"),
        *story.dead("mora-kolofata-fibre", "kolofata-r1"),
        *story.silent("mora-r1"),
        story.word(device("mora-r1"), Health.DOWN, "mora-r1", source=Source.LAST_GASP),
    ]
    for i in order:
        story.hear(news[i])
        story.wait(0.4)
    story.wait(60)
    assert story.roots() == ["mora"]
    assert story.sent(OPENED) in (["mora"], ["maroua-mora-fibre"], ["mora-kolofata-fibre"])
    assert story.only().cause is Cause.POWER_CUT


def test_the_title_names_cause_place_and_whom_it_hurts():
    draft = north_draft()
    del draft.circuits["waza-bogo-microwave"], draft.circuits["kolofata-waza-fibre"]
    story = Story(view_of(draft.intent()))
    story.all_well()
    story.wait(5)
    for i in (1, 2):
        story.hear(
            Consultation(
                f"c{i}", ("kolofata", "yaounde"), running=True, sequence=1, at_s=story.now_s
            )
        )
    story.hear(*story.dead("mora-kolofata-fibre"))
    story.wait(1)
    (notice,) = story.notices
    assert notice.title == (
        "Fibre mora-kolofata-fibre is cut near Kolofata: 1 site on LEO, 2 consultations protected"
    )
    assert notice.title_fr == (
        "La fibre mora-kolofata-fibre est coupée près de Kolofata : "
        "1 site sur LEO, 2 consultations protégées"
    )
    assert notice.sentence.endswith("Served there: 1 facility, 1,004 people.")


def test_a_cut_is_reported_within_two_seconds_and_its_end_too(story):
    began_s = story.now_s
    story.hear(*story.dead("mora-kolofata-fibre"))
    story.wait(2)
    story.wait(100)
    well_s = story.now_s
    story.hear(*story.dead("mora-kolofata-fibre", state=Health.OK))
    story.wait(2)
    opened, ended = story.notices
    assert opened.created_s - began_s <= 2
    assert (ended.kind, ended.created_s - well_s <= 2) == (ENDED, True)


def test_subjects_that_nobody_ever_spoke_of_are_unknown():
    story = Story(north())
    assert story.health(site("mora")) is Health.UNKNOWN
    assert story.health(Subject(SubjectKind.PROVIDER, "leo-operator")) is Health.OK


def test_policy_delays_can_be_set():
    story = Story(north(), Policy(both_ends_s=20.0))
    story.all_well()
    story.hear(*story.dead("mora-kolofata-fibre"))
    story.wait(19)
    assert story.notices == []
    story.wait(2)
    assert story.sent() == ["mora-kolofata-fibre"]
