"""Scenarios that tell one cause from another, and what is said of it."""

from itertools import permutations

import pytest

from controller.incidents.model import (
    Cause,
    Consultation,
    Health,
    NoticeKind,
    Source,
    Subject,
    SubjectKind,
)
from controller.incidents.policy import Policy
from inventory.model import Medium
from tests.factories import Draft
from tests.rigs.incidents.networks import north, north_draft, view_of
from tests.rigs.incidents.story import Story, circuit, device, site

OPENED, ENDED = NoticeKind.OPENED, NoticeKind.ENDED


@pytest.fixture
def story():
    told = Story(north())
    told.all_well()
    told.wait(5)
    return told


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


NO_BGP = "BGP of mora-r1 with kolofata-r1 is Active, not established"
LOGGED = "mora-r1 logged that BGP with kolofata-r1 went down (BFD down received)"


def logged(story):
    """Return what a line of a router's log says of a session that ended."""
    subject = circuit("mora-kolofata-fibre")
    return story.word(subject, Health.DEGRADED, "mora-r1", source=Source.SYSLOG, reason=LOGGED)


def test_what_a_router_logged_of_a_session_is_evidence_of_a_cut(story):
    story.hear(*story.dead("mora-kolofata-fibre"), logged(story))
    story.wait(5)
    assert story.only().cause is Cause.FIBRE_CUT
    assert LOGGED in story.only().evidence


def test_it_decides_nothing_alone_since_anybody_can_send_a_line(story):
    story.hear(logged(story))
    story.wait(60)
    assert story.roots() == []


def test_it_is_evidence_of_a_session_that_is_found_lost(story):
    subject = circuit("mora-kolofata-fibre")
    lost = story.word(subject, Health.DEGRADED, "mora-r1", source=Source.BGP, reason=NO_BGP)
    story.hear(logged(story), lost)
    story.wait(60)
    assert story.only().cause is Cause.ROUTING_LOST
    assert story.only().evidence == (NO_BGP, LOGGED)
