"""Policy sections are laid over the built-in policies; faults name file, line and column."""

from dataclasses import replace
from pathlib import Path

import pytest

from inventory.documents import entries
from inventory.errors import Fault
from inventory.model import Intent, Medium, Segment
from policies import clinical
from policies.documents import check_policies
from policies.model import ORDINARY_CLASS, PathPolicy, Policies, ServiceClass, Slo, ZoneRule
from policies.schema import CODE_POINTS, code_point_name
from tests.factories import hierarchy


def checked(
    folder: Path, text: str, intent: Intent | None = None
) -> tuple[Policies | None, tuple[Fault, ...]]:
    (folder / "policies.yaml").write_text(text, encoding="utf-8")
    return check_policies(entries.read_documents(folder), intent)


def accepted(folder: Path, text: str, intent: Intent | None = None) -> Policies:
    policies, faults = checked(folder, text, intent)
    assert not faults
    assert policies is not None
    return policies


def whats(folder: Path, text: str, intent: Intent | None = None) -> list[str]:
    return [fault.what for fault in checked(folder, text, intent)[1]]


def test_empty_folder_has_the_built_in_policies(tmp_path: Path):
    assert accepted(tmp_path, "sites: []") == clinical.read_catalogue()


def test_class_that_exists_changes_only_in_what_is_written(tmp_path: Path):
    policies = accepted(
        tmp_path,
        "classes: [{name: consultation-video, rate_mbps: 2, slo: {delay_ms: 200, mos: null}}]",
    )
    built_in = clinical.read_catalogue().classes["consultation-video"]
    assert policies.classes["consultation-video"] == replace(
        built_in, rate_mbps=2, slo=replace(built_in.slo, delay_ms=200, mos=None)
    )
    assert policies.classes["records"] == clinical.read_catalogue().classes["records"]


def test_new_class_is_added_and_moves_like_ordinary_traffic(tmp_path: Path):
    policies = accepted(
        tmp_path,
        """
classes:
  - name: telepathology
    title: Slides
    slo: {delay_ms: 400, jitter_ms: 100, loss: 0.01}
    dscp: cs4
    rate_mbps: 8
    share: 0.01
rules: [{source: clinical, target: telepathology, because: slides are read in rooms}]
expect: ["clinical reaches telepathology"]
""",
    )
    slo = Slo(400, 100, 0.01)
    assert policies.classes["telepathology"] == ServiceClass(
        "telepathology", "Slides", slo, 32, 8, 0.01
    )
    assert policies.paths["telepathology"] == replace(
        policies.paths[ORDINARY_CLASS], service="telepathology"
    )
    assert policies.rules[-1].target == "telepathology"
    assert [e.where for e in policies.expectations] == ["policies.yaml:10:10"]


def test_path_policy_changes_only_in_what_is_written(tmp_path: Path):
    policies = accepted(tmp_path, "paths: [{service: imaging, media: [leo], metered_cost: 0}]")
    assert policies.paths["imaging"] == replace(
        clinical.read_catalogue().paths["imaging"], media=(Medium.LEO,), metered_cost=0
    )


def test_code_point_may_be_a_number(tmp_path: Path):
    assert accepted(tmp_path, "classes: [{name: portal, dscp: 4}]").classes["portal"].dscp == 4
    assert "dscp is 64, out of range" in whats(tmp_path, "classes: [{name: portal, dscp: 64}]")


def test_rule_of_the_catalogue_may_be_given_another_reason(tmp_path: Path):
    text = "rules: [{source: management, target: management, because: we say so}]"
    rules = accepted(tmp_path, text).rules
    assert len(rules) == len(clinical.read_catalogue().rules)
    assert ZoneRule(Segment.MANAGEMENT, Segment.MANAGEMENT, "we say so") in rules


def test_rule_that_opens_management_to_patients_is_refused(tmp_path: Path):
    text = "rules: [{source: patients, target: management, because: printers}]"
    assert whats(tmp_path, text) == ["this rule would let patients reach management"]


def test_shares_of_exactly_one_are_a_whole_circuit(tmp_path: Path):
    rest = sum(c.share for c in clinical.read_catalogue().classes.values() if c.name != "portal")
    accepted(tmp_path, f"classes: [{{name: portal, share: {1 - rest}}}]")
    assert whats(tmp_path, f"classes: [{{name: portal, share: {1.001 - rest}}}]")


def test_places_are_not_judged_while_the_inventory_has_faults(tmp_path: Path):
    text = """
expect:
  - if circuit nowhere fails, records from atlantis at eldorado reachable
  - if site atlantis fails, every site reaches central
  - from atlantis, recods reachable
"""
    assert whats(tmp_path, text) == ["unknown service 'recods'"]
    assert len(whats(tmp_path, text, hierarchy())) == 6


def test_name_that_a_torn_file_may_declare_is_not_called_unknown(tmp_path: Path):
    text = "expect: ['from mora, records reachable']"
    assert whats(tmp_path, text, hierarchy()) == ["unknown site 'mora'"]
    (tmp_path / "sites.yaml").write_text("sites:\n  - name: mora\n   title: [", encoding="utf-8")
    assert whats(tmp_path, text, hierarchy()) == []


def test_zone_that_offers_no_known_service_is_a_fault_of_the_policies(tmp_path: Path):
    text = "zones: [{name: a, site: b, services: [records, telepathy]}]"
    _, (fault,) = checked(tmp_path, text)
    assert fault.what == "unknown service 'telepathy'"
    assert (fault.where.line, fault.where.column) == (1, text.index("telepathy") + 1)


def test_zone_is_named_where_there_is_none(tmp_path: Path):
    intent = replace(hierarchy(), zones={})
    _, (fault,) = checked(tmp_path, "expect: ['from yaounde, records at a reachable']", intent)
    assert fault.hint == "no zones are declared"


def test_wrong_name_among_many_gets_a_short_hint(tmp_path: Path):
    intent = hierarchy(regions=4, departments=4)
    _, faults = checked(
        tmp_path,
        "expect: ['from region-11, portal reachable', 'from xyz, portal reachable']",
        intent,
    )
    assert faults[0].hint.startswith("did you mean 'region-")
    assert faults[1].hint == f"write one of the {len(intent.sites)} sites declared"


@pytest.mark.parametrize("section", ["classes", "paths", "rules", "expect"])
def test_entry_that_is_no_mapping_or_sentence_is_one_fault(tmp_path: Path, section: str):
    assert len(whats(tmp_path, f"{section}: [7]")) == 1


def test_built_in_services_are_these_nine():
    catalogue = clinical.read_catalogue()
    assert tuple(catalogue.classes) == (
        "consultation-audio",
        "consultation-video",
        "messaging",
        "records",
        "imaging",
        "laboratory",
        "portal",
        "administration",
        "backup",
    )
    assert tuple(catalogue.paths) == tuple(catalogue.classes)


def test_built_in_policies_are_sound():
    catalogue = clinical.read_catalogue()
    classes = catalogue.classes.values()
    assert sum(c.share for c in classes) <= 1
    assert len({c.dscp for c in classes}) == len(classes)
    assert {c.name for c in classes if c.slo.mos} == {"consultation-audio", "consultation-video"}
    assert all(returns_later_than_it_leaves(policy) for policy in catalogue.paths.values())
    targets = {*Segment, *catalogue.classes}
    assert all(rule.target in targets for rule in catalogue.rules)
    assert len({(r.source, r.target) for r in catalogue.rules}) == len(catalogue.rules)


def returns_later_than_it_leaves(policy: PathPolicy) -> bool:
    return policy.return_after_s * 1000 > policy.leave_after_ms


def test_baseline_gives_each_segment_what_it_needs():
    reached = {
        segment: {r.target for r in clinical.read_catalogue().rules if r.source == segment}
        for segment in Segment
    }
    assert reached[Segment.PATIENTS] == {"portal", "consultation-audio", "consultation-video"}
    assert reached[Segment.DEVICES] == {"imaging", "laboratory"}
    assert {"records", "imaging", "laboratory"} <= reached[Segment.CLINICAL]
    assert {s for s in Segment if Segment.MANAGEMENT in reached[s]} == {Segment.MANAGEMENT}


def test_code_points_have_the_names_of_diffserv():
    assert (CODE_POINTS["EF"], CODE_POINTS["AF41"], CODE_POINTS["CS1"]) == (46, 34, 8)
    assert [code_point_name(dscp) for dscp in (0, 10, 38, 56, 63)] == [
        "DF",
        "AF11",
        "AF43",
        "CS7",
        "63",
    ]
