"""Expectations are held against the model, and every finding says why in one sentence."""

from dataclasses import replace

import pytest

from inventory.model import DataCentreZone, Intent, Medium, Segment
from policies import clinical, expectations, quality
from policies.model import Expectation, Finding, Policies, ServiceClass, Slo, ZoneRule
from policies.routes import NOTHING, Routes
from policies.segmentation import allowed_flows
from policies.sentences import SentenceFailure, Thing
from tests.factories import Draft, hierarchy
from topology.build import build_topology, site_node
from topology.paths import best_path, without_failed

CATALOGUE = clinical.read_catalogue()


def spur() -> Intent:
    """Return Yaoundé and Maroua on a fibre ring of two, Mora with a second way by satellite.

    Kolofata hangs on Mora by a microwave link; Waza on Maroua by a slow satellite circuit; Lagdo
    on nothing.
    """
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.site("mayo-sava", "maroua")
    draft.site("mora", "mayo-sava")
    draft.site("kolofata", "mayo-sava")
    draft.site("waza", "mayo-sava")
    draft.site("lagdo", "mayo-sava")
    draft.circuit("north", "yaounde-r1", "maroua-r1")
    draft.circuit("south", "yaounde-r1", "maroua-r1", delay_ms=9.0)
    draft.circuit("mayo-sava-fibre", "maroua-r1", "mayo-sava-r1")
    draft.circuit("mora-fibre", "mayo-sava-r1", "mora-r1")
    draft.circuit("mora-leo", "mora-r1", "provider:leo-operator", medium=Medium.LEO)
    draft.circuit("maroua-leo", "maroua-r1", "provider:leo-operator", medium=Medium.LEO)
    draft.circuit("kolofata-microwave", "mora-r1", "kolofata-r1", medium=Medium.MICROWAVE)
    draft.circuit("waza-vsat", "maroua-r1", "waza-r1", medium=Medium.VSAT, rate_up_mbps=0.6)
    draft.zones["yaounde"] = DataCentreZone("yaounde", "yaounde", ("records", "imaging"))
    draft.zones["maroua"] = DataCentreZone("maroua", "maroua", ("records",))
    return draft.intent()


def findings(*texts: str, intent: Intent | None = None, **changes: object) -> tuple[Finding, ...]:
    within = intent or spur()
    policies = replace(
        CATALOGUE,
        expectations=tuple(Expectation(text, "x.yaml:1:1") for text in texts),
        **changes,  # type: ignore[arg-type]
    )
    return expectations.check_expectations(policies, within, build_topology(within))


def finding(text: str, **changes: object) -> Finding:
    (found,) = findings(text, **changes)  # type: ignore[arg-type]
    return found


def test_findings_come_in_the_order_of_the_expectations():
    texts = ("patients never reach management", "nonsense", "every site reaches central")
    found = findings(*texts)
    assert [f.expectation.text for f in found] == list(texts)
    assert [f.expectation.where for f in found] == ["x.yaml:1:1"] * 3


def test_reachable_service_names_the_path_and_its_figures():
    found = finding("from mora, records at yaounde reachable")
    assert found.holds
    assert found.because == (
        "from mora over mora-r1, mayo-sava-r1, maroua-r1, yaounde-r1 to yaounde: "
        "26 ms (hosts 20 ms), jitter 1.5 ms, loss 0.03 %, 1000 Mbit/s"
    )


def test_site_behind_a_provider_alone_reaches_the_centre_once_tunnels_run():
    text = "if circuit mayo-sava-fibre fails, every departmental site reaches central"
    found = finding(text)
    assert found.holds
    assert found.because.endswith("; once tunnels run over providers' networks: mayo-sava")
    assert "tunnels" not in finding("every regional site reaches central").because


def test_nearest_zone_that_offers_the_service_is_meant():
    assert "to maroua: 24 ms" in finding("from mora, records meets its SLO").because
    assert "to yaounde: 26 ms" in finding("from mora, imaging meets its SLO").because
    assert finding("from maroua, records reachable").because.startswith("within maroua: 20 ms")


def test_service_in_the_own_site_stays_within_it():
    found = finding("from yaounde, imaging meets its SLO")
    assert found.because == (
        "within yaounde: 20 ms (hosts 20 ms), jitter 0 ms, loss 0 %, 1000 Mbit/s; "
        "within the SLO of imaging"
    )


def test_conversation_without_a_zone_is_held_with_the_central_site():
    found = finding("from mora, consultation-video meets its SLO")
    assert found.holds
    assert "to yaounde: 26 ms" in found.because
    assert "; within the SLO of consultation-video, MOS 4." in found.because
    assert finding("from mora, consultation-audio at maroua reachable").holds


def test_failure_of_a_circuit_moves_the_path():
    text = "if circuit mora-fibre fails, consultation-video from mora still meets its SLO"
    found = finding(text)
    assert found.holds
    assert found.because.startswith(
        "without circuit mora-fibre: from mora over mora-r1, leo-operator, maroua-r1, yaounde-r1 "
        "to yaounde, once tunnels run over leo-operator: 72 ms (hosts 20 ms), jitter 20.5 ms, "
        "loss 2 %, 20 Mbit/s; "
    )


@pytest.mark.parametrize(
    ("failing", "missed"),
    [
        ("circuits mora-fibre and mora-leo", "mora"),
        ("circuit mora-fibre and device maroua-r1", "mora"),
        ("site maroua", "mora"),
        ("site mora", "mora"),
        ("device mora-r1", "mora"),
    ],
)
def test_failure_of_every_way_leaves_the_service_out_of_reach(failing: str, missed: str):
    found = finding(f"if {failing} fail, records from {missed} at yaounde still reachable")
    assert not found.holds
    assert found.because.endswith(f"no way leads from {missed} to yaounde")


def test_failure_elsewhere_changes_nothing():
    usual = finding("from mora, records meets its SLO").because
    found = finding("if circuit waza-vsat fails, records from mora still meets its SLO")
    assert found.because == f"without circuit waza-vsat: {usual}"


def test_circuit_that_is_switched_off_is_out_of_the_model_already():
    intent = spur()
    off = replace(intent.circuits["mora-leo"], enabled=False)
    intent = replace(intent, circuits={**intent.circuits, "mora-leo": off})
    text = "if circuits mora-leo and mora-fibre fail, records from mora still reachable"
    assert not finding(text, intent=intent).holds
    assert finding("if circuit mora-leo fails, records from mora reachable", intent=intent).holds


def test_missed_slo_names_every_figure_that_misses():
    owed = ServiceClass("records", "Records", Slo(50, 5, 0.0001, 4.3), 18, 5, 0.1)
    classes = {**CATALOGUE.classes, "records": owed}
    found = finding("from waza, records meets its SLO", classes=classes)
    assert not found.holds
    because = found.because
    assert because.startswith("from waza over waza-r1, maroua-r1 to maroua: 310 ms (hosts 20 ms)")
    missed = because.split("; ")[1].split(", ")
    assert missed[:4] == [
        "delay 310 ms > 50 ms",
        "jitter 10 ms > 5 ms",
        "loss 0.7 % > 0.01 %",
        "rate 0.6 Mbit/s < 5 Mbit/s",
    ]
    assert missed[4].startswith("MOS ")
    assert missed[4].endswith(" < 4.3")


def test_satellite_in_high_orbit_is_too_slow_to_talk_over():
    found = finding("from waza, consultation-audio meets its SLO")
    assert not found.holds
    assert "delay 312 ms > 150 ms" in found.because


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("from mora, telepathy reachable", "there is no service telepathy"),
        ("from atlantis, records reachable", "there is no site atlantis"),
        ("from mora, records at atlantis reachable", "there is no zone atlantis"),
        ("from mora, imaging at maroua reachable", "zone maroua does not offer imaging"),
        ("from mora, portal reachable", "no zone offers portal"),
        ("from lagdo, records reachable", "no way leads from lagdo to yaounde or maroua"),
        ("if circuit x fails, every site reaches central", "there is no circuit x"),
        ("if device mora fails, from mora, records reachable", "there is no device mora"),
        ("if site mora-r1 fails, from mora, records reachable", "there is no site mora-r1"),
        ("mora is nice", "cannot read 'mora is nice'; write "),
    ],
)
def test_what_cannot_be_judged_does_not_hold(text: str, because: str):
    found = finding(text)
    assert not found.holds
    assert found.because.startswith(because)


def test_service_that_nobody_may_reach_is_not_reachable():
    found = finding("from mora, records reachable", rules=())
    assert (found.holds, found.because) == (False, "no rule lets any segment reach records")


def test_level_reaches_the_centre_or_the_lost_sites_are_named():
    assert finding("every departmental site reaches central").because == (
        "each departmental site (1) reaches the central site"
    )
    found = finding("every arrondissement site reaches central")
    assert (found.holds, found.because) == (False, "no way leads to the central site from lagdo")


def test_long_list_of_sites_is_cut_short():
    found = finding("if device maroua-r1 fails, every site still reaches central")
    assert found.because == (
        "without device maroua-r1: no way leads to the central site from "
        "maroua, mayo-sava, mora, kolofata, waza and 1 more"
    )


def test_failed_site_is_not_asked_to_reach_anything():
    found = finding("if site mayo-sava fails, every departmental site still reaches central")
    assert found.holds
    assert found.because == "without site mayo-sava: there is no departmental site"


def test_two_ways_out_means_that_no_single_circuit_cuts_a_site_off():
    assert finding("every regional site has two ways out").because == (
        "no single circuit cuts off any regional site (1)"
    )
    found = finding("every departmental site has two ways out")
    assert found.holds
    assert found.because == (
        "no single circuit cuts off any departmental site (1); once tunnels run over providers' "
        "networks: mayo-sava"
    )
    found = finding("if circuit mora-leo fails, every departmental site has two ways out")
    assert (found.holds, found.because) == (
        False,
        "without circuit mora-leo: a single circuit carries mayo-sava (on mayo-sava-fibre)",
    )
    assert not finding("if circuit south fails, every regional site has two ways out").holds


def test_two_ways_out_of_a_site_with_none_do_not_hold():
    found = finding("every arrondissement site has two ways out")
    assert (found.holds, found.because) == (False, "no way leads to the central site from lagdo")


def test_site_below_a_single_circuit_hangs_on_the_one_nearest_to_it():
    found = finding("every arrondissement site has two ways out", intent=hierarchy(1, 1, 1))
    assert found.because == (
        "a single circuit carries arrondissement-1-1-1 (on arrondissement-1-1-1-fibre)"
    )


def test_same_failure_is_searched_once_for_many_sentences():
    text = "if circuit mora-leo fails, every departmental site has two ways out"
    first, second = findings(text, text)
    assert first == second


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("patients never reach management", True),
        ("patients never reach records", True),
        ("patients reach portal", True),
        ("patients reach records", False),
        ("clinical never reaches records", False),
        ("management reaches management", True),
    ],
)
def test_segments_are_judged_by_the_rules(text: str, *, holds: bool):
    found = finding(text)
    assert found.holds == holds
    assert (
        "a rule lets" in found.because or "no rule" in found.because or "any rule" in found.because
    )


def test_patients_reach_no_management_whatever_a_rule_says():
    rule = ZoneRule(Segment.PATIENTS, Segment.MANAGEMENT, "printers")
    assert not allowed_flows(Policies({}, {}, (rule,)), rule.source, rule.target).allowed


def test_failure_of_what_is_not_in_the_graph_takes_nothing_away():
    routes = Routes.of(build_topology(spur()))
    gone = [SentenceFailure(thing, "nowhere") for thing in Thing]
    assert routes.down(gone) == NOTHING


def test_searches_are_forgotten_before_they_fill_the_memory():
    intent = hierarchy(4, 4, 8)
    topology = build_topology(intent)
    routes = Routes.of(topology)
    goals = [site_node("yaounde")]
    for site in intent.sites.values():
        fibre = routes.down([SentenceFailure(Thing.CIRCUIT, f"{site.name}-fibre")])
        expected = best_path(without_failed(topology, fibre.links), site_node(site.name), goals[0])
        assert routes.best(site_node(site.name), goals, fibre) == expected
    assert len(routes.known) < len(intent.sites)


def test_model_counts_the_slower_direction():
    intent = spur()
    topology = build_topology(intent)
    (found,) = findings("from waza, consultation-video at yaounde meets its SLO")
    assert "rate 0.6 Mbit/s < 1.2 Mbit/s" in found.because
    assert topology.links["waza-vsat"].rate_down_mbps > 1.2
    assert quality.percent(0.0123) == "1.23 %"


def test_failure_of_a_circuit_that_is_off_is_told_to_mean_nothing():
    intent = spur()
    off = replace(intent.circuits["south"], enabled=False)
    without_south = replace(intent, circuits={**intent.circuits, "south": off})
    text = "if circuit south fails, records from mora at yaounde still reachable"
    found = finding(text, intent=without_south)
    assert found.holds
    assert found.because.endswith("(out of use anyway: south)")
    assert "out of use" not in finding(text).because
