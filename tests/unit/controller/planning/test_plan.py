from dataclasses import replace

import pytest

from controller.model import DeviceConfig, Impact
from controller.planning.baseline import infer_baseline
from controller.planning.plan import Overrides, explain, plan, unmanaged
from controller.planning.waves import change_graph
from inventory.errors import PlanError, UnknownNameError, UnreachableError, UnsafePlanError
from inventory.model import CircuitEnd, Intent, Role, Thresholds
from policies.model import Expectation, Finding
from tests.factories import Draft, hierarchy, synthetic
from tests.rigs.controller.plan_views import AT, BLANK, blank, configs, view
from topology.build import build_topology
from topology.model import Topology

ALL = Overrides(thresholds=Thresholds(1, 1))


def circuit(intent: Intent, name: str, **changes) -> Intent:
    return replace(
        intent,
        circuits={**intent.circuits, name: replace(intent.circuits[name], **changes)},
    )


@pytest.fixture(scope="module")
def country() -> Intent:
    return hierarchy()


def waves(made) -> list[list[str]]:
    return [[change.device for change in wave] for wave in made.waves]


def test_devices_that_are_as_intended_need_no_plan(country):
    made = plan(view(country, configs(country)), AT)
    assert made.changes == ()
    assert made.waves == ()
    assert explain(made) == ("Nothing to change: all 15 devices are as intended.",)


def test_blank_network_is_planned_without_asking_since_nothing_can_be_cut_off(country):
    made = plan(view(country, blank(country)), AT)
    assert {change.device for change in made.changes} == set(country.devices)
    assert made.worst_wave == 0
    assert made.blast_radius.disconnected == ()
    assert all(change.impact is Impact.NONE for change in made.changes)
    assert made.changes[0].diff.startswith("blank router: ")


def test_plan_is_the_same_whatever_the_order_of_what_was_read(country):
    running = blank(country)
    shuffled = dict(reversed(running.items()))
    one, two = plan(view(country, running), AT), plan(view(country, shuffled), AT)
    assert one == two
    assert one.id == two.id


def test_other_plan_has_another_identity(country):
    one = plan(view(country, blank(country)), AT)
    two = plan(view(country, blank(country) | {"yaounde-r1": DeviceConfig("hostname y\n")}), AT)
    assert one.id != two.id


def timed_otherwise(intent: Intent) -> dict[str, DeviceConfig]:
    """Return routers that all work, and all of which change."""
    return {
        name: DeviceConfig(config.text.replace("timers 10 30", "timers 3 9"))
        for name, config in configs(intent).items()
    }


@pytest.mark.parametrize(
    "intent",
    [hierarchy(), hierarchy(3, 3, 4), synthetic(120)],
    ids=["15 sites", "49 sites", "120 sites"],
)
def test_order_holds_what_it_promises(intent):
    made = plan(view(intent, timed_otherwise(intent)), AT, ALL)
    form, order = change_graph(build_topology(intent)), waves(made)
    number = {name: n for n, wave in enumerate(order) for name in wave}
    assert sorted(number) == sorted(intent.devices)
    assert len(order[0]) == 1
    for a, b in made.adjacent:
        assert number[a] != number[b]
        if form.depth[a] != form.depth[b]:
            far, near = (a, b) if form.depth[a] > form.depth[b] else (b, a)
            assert number[far] < number[near]


def test_blank_routers_need_a_canary_and_no_order(country):
    order = waves(plan(view(country, blank(country)), AT))
    assert [len(wave) for wave in order] == [1, 14]


def test_blank_routers_come_as_many_at_once_as_any_wave_may_hold():
    intent = synthetic(120)
    order = waves(plan(view(intent, blank(intent)), AT))
    assert [len(wave) for wave in order] == [1, 50, 50, 19]


def test_blank_routers_come_first_and_working_ones_have_a_canary_of_their_own(country):
    fresh = {"arrondissement-1-1-1-r1", "arrondissement-2-2-2-r1", "region-2-r1"}
    running = timed_otherwise(country) | {name: DeviceConfig("") for name in fresh}
    order = waves(plan(view(country, running), AT, ALL))
    assert set(order[0]) | set(order[1]) == fresh
    assert [len(wave) for wave in order[:3]] == [1, 2, 1]
    number = {name: n for n, wave in enumerate(order) for name in wave}
    assert number["department-1-1-r1"] < number["region-1-r1"] < number["yaounde-r1"]


def test_canary_is_a_device_with_the_fewest_facilities_behind_it(country):
    canary = plan(view(country, blank(country)), AT).waves[0][0].device
    assert canary.startswith("arrondissement")


def dual_homed() -> Intent:
    draft = Draft()
    for name in ("yaounde", "douala"):
        draft.site(name, None if name == "yaounde" else "yaounde")
    draft.device("yaounde", 2)
    draft.site("mora", "douala")
    draft.circuit("one", "yaounde-r1", "douala-r1")
    draft.circuit("two", "yaounde-r2", "douala-r1")
    draft.circuit("three", "yaounde-r1", "mora-r1")
    draft.circuit("four", "yaounde-r2", "mora-r1")
    draft.circuit("inner", "yaounde-r1", "yaounde-r2")
    return draft.intent()


def test_both_ways_out_of_a_site_are_never_in_one_wave():
    intent = dual_homed()
    running = configs(intent)
    for name in ("yaounde-r1", "yaounde-r2"):
        running[name] = DeviceConfig(running[name].text.replace("timers 10 30", "timers 3 9"))
    assert waves(plan(view(intent, running), AT, ALL)) == [["yaounde-r2"], ["yaounde-r1"]]


def test_description_alone_touches_no_traffic(country):
    renamed = circuit(country, "region-1-fibre", description="a new name")
    made = plan(view(renamed, configs(country)), AT)
    assert {change.impact for change in made.changes} == {Impact.NONE}
    assert made.worst_wave == 0


def test_maintenance_moves_traffic_without_interrupting_it(country):
    drained = circuit(country, "region-1-ring", maintenance=True)
    made = plan(view(drained, configs(country)), AT)
    assert {change.device for change in made.changes} == {"region-1-r1", "region-2-r1"}
    assert {change.impact for change in made.changes} == {Impact.REROUTE}
    assert made.blast_radius.disconnected == ()


def rehomed(country: Intent) -> Intent:
    """Return the country with an arrondissement's only fibre leading to another department."""
    fibre = country.circuits["arrondissement-1-1-1-fibre"]
    b = CircuitEnd("arrondissement-1-1-1-r1", "eth9")
    moved = replace(fibre, name="moved", number=90, a=CircuitEnd("department-1-2-r1", "eth9"), b=b)
    circuits = {n: c for n, c in country.circuits.items() if n != fibre.name}
    return replace(country, circuits={**circuits, "moved": moved})


def test_moving_the_only_circuit_of_a_site_is_refused_with_numbers_and_the_way_out(country):
    with pytest.raises(UnsafePlanError) as caught:
        plan(
            view(
                rehomed(country), configs(country), before=build_topology(country), previous=country
            ),
            AT,
        )
    text = str(caught.value)
    assert "1 of 15 devices (6.7%)" in text
    assert "1 of 15 facilities" in text
    assert "arrondissement-1-1-1" in text
    assert "--allow-devices-cut 0.067 --allow-facilities-cut 0.067" in text


def moved_port(country: Intent) -> Intent:
    """Return the country with the only circuit of a department on another interface above."""
    circuits = {n: c for n, c in country.circuits.items() if not n.endswith("-leo")}
    lonely = replace(country, circuits=circuits)
    return circuit(lonely, "department-1-1-fibre", a=CircuitEnd("region-1-r1", "eth77"))


@pytest.mark.parametrize("known", [True, False], ids=["previous known", "previous unknown"])
def test_moving_the_only_circuit_to_another_interface_cuts_off_all_behind_it(country, known):
    moved = moved_port(country)
    was = circuit(moved, "department-1-1-fibre", a=country.circuits["department-1-1-fibre"].a)
    before = {"before": build_topology(was), "previous": was} if known else {}
    made = plan(view(moved, configs(was), **before), AT, ALL)
    assert [change.device for change in made.changes] == ["region-1-r1"]
    assert made.blast_radius.disconnected == (
        "arrondissement-1-1-1",
        "arrondissement-1-1-2",
        "department-1-1",
    )
    assert made.steady.disconnected == ()


def test_removed_circuit_that_nobody_remembers_is_found_on_the_routers(country):
    moved = moved_port(country)
    circuits = {n: c for n, c in moved.circuits.items() if n != "department-1-1-fibre"}
    was = circuit(moved, "department-1-1-fibre", a=country.circuits["department-1-1-fibre"].a)
    made = plan(view(replace(moved, circuits=circuits), configs(was)), AT, ALL)
    assert len(made.blast_radius.disconnected) == len(made.steady.disconnected) == 3


def test_engineer_may_allow_what_the_refusal_named(country):
    allowed = Overrides(thresholds=Thresholds(0.067, 0.067))
    made = plan(
        view(rehomed(country), configs(country), before=build_topology(country), previous=country),
        AT,
        allowed,
    )
    assert made.blast_radius.disconnected == ("arrondissement-1-1-1",)
    assert made.worst_wave > 0
    assert made.steady.disconnected == ()
    told = explain(made)
    assert any("1 sites are cut off" in sentence for sentence in told)


def test_second_circuit_may_be_added_without_hurting_anyone(country):
    extra = replace(
        country.circuits["arrondissement-1-1-1-fibre"],
        name="extra",
        number=91,
        a=CircuitEnd("department-1-2-r1", "eth9"),
        b=CircuitEnd("arrondissement-1-1-1-r1", "eth9"),
    )
    richer = replace(country, circuits={**country.circuits, "extra": extra})
    made = plan(view(richer, configs(country)), AT)
    assert made.blast_radius.disconnected == ()
    assert {change.impact for change in made.changes} <= {Impact.REROUTE, Impact.NONE}


def test_change_that_leaves_a_site_cut_off_for_good_is_refused(country):
    circuits = {n: c for n, c in country.circuits.items() if n != "department-1-1-fibre"}
    lonelier = replace(
        country,
        circuits={n: c for n, c in circuits.items() if n != "department-1-1-leo"},
    )
    seen = view(lonelier, configs(country), before=build_topology(country), previous=country)
    with pytest.raises(UnsafePlanError, match=r"department-1-1"):
        plan(seen, AT)
    made = plan(seen, AT, ALL)
    assert "department-1-1" in made.steady.disconnected
    islands = {frozenset(pair) for pair in made.reaches}
    assert frozenset({"yaounde-r1", "department-1-1-r1"}) not in islands
    assert frozenset({"arrondissement-1-1-1-r1", "department-1-1-r1"}) in islands


def test_unread_devices_are_all_named(country):
    running = configs(country)
    del running["yaounde-r1"], running["region-1-r1"]
    why = {"yaounde-r1": "yaounde-r1: no route", "region-1-r1": "region-1-r1: timed out"}
    with pytest.raises(UnreachableError, match=r"region-1-r1, yaounde-r1: .*timed out.*no route"):
        plan(view(country, running, unreachable=why), AT)


def test_plan_may_be_restricted_to_the_devices_that_answer(country):
    running = {"region-1-r1": BLANK}
    made = plan(view(country, running), AT, Overrides(only=frozenset(running)))
    assert waves(made) == [["region-1-r1"]]
    assert set(made.seen) == {"region-1-r1"}
    assert made.reaches == ()


def test_restriction_to_an_unknown_device_is_refused(country):
    with pytest.raises(UnknownNameError, match="nowhere-r1"):
        plan(view(country, blank(country)), AT, Overrides(only=frozenset({"nowhere-r1"})))


def test_device_that_is_no_router_is_skipped_and_not_planned_for(country):
    switch = replace(country.devices["region-1-r1"], name="sw", number=2, role=Role.SWITCH)
    mixed = replace(country, devices={**country.devices, "sw": replace(switch, lan=False)})
    made = plan(view(mixed, blank(country)), AT)
    assert "sw" not in made.seen
    assert unmanaged(mixed) == {"sw": "switches are not configured yet"}
    with pytest.raises(PlanError, match="not managed yet: sw"):
        plan(view(mixed, blank(country)), AT, Overrides(only=frozenset({"sw"})))


FAILING = Finding(
    Expectation("from mora, records reachable", "expect.yaml:3"), holds=False, because="no way"
)


def test_failing_expectation_stops_the_plan_unless_named(country):
    seen = view(country, blank(country), findings=(FAILING,))
    with pytest.raises(PlanError, match=r"expect.yaml:3: from mora, records reachable: no way"):
        plan(seen, AT)
    made = plan(seen, AT, Overrides(failing=frozenset({FAILING.expectation.text})))
    assert made.forced == (FAILING.expectation.text,)
    assert any("Accepted although it fails" in sentence for sentence in explain(made))
    with pytest.raises(UnknownNameError, match="no expectation reads"):
        plan(seen, AT, Overrides(failing=frozenset({"something else"})))


def test_what_does_not_revert_by_itself_is_told(country):
    device = country.devices["region-1-r1"]
    assert device.management
    management = replace(device.management, port=2222, credential="env:OTHER")
    changed = replace(
        circuit(country, "region-2-fibre", a=CircuitEnd("yaounde-r1", "eth8")),
        devices={
            **{n: d for n, d in country.devices.items() if n != "arrondissement-1-1-1-r1"},
            "region-1-r1": replace(device, management=management),
        },
        circuits={
            n: c
            for n, c in circuit(
                country, "region-2-fibre", a=CircuitEnd("yaounde-r1", "eth8")
            ).circuits.items()
            if n != "arrondissement-1-1-1-fibre"
        },
    )
    running = {n: c for n, c in configs(country).items() if n in changed.devices}
    made = plan(view(changed, running, before=build_topology(country), previous=country), AT, ALL)
    told = "\n".join(made.cannot_revert)
    assert "arrondissement-1-1-1-r1 leaves the intent" in told
    assert "region-1-r1: the management port" in told
    assert "region-1-r1: the management credential" in told
    assert "circuit region-2-fibre lands on other interfaces" in told
    own = "\n".join(t for c in made.changes for t in c.cannot_revert)
    assert "the BGP session with" in own
    assert "eth8" in own
    assert "env:OTHER" not in told


def test_every_device_is_checked_against_every_other_in_a_small_network(country):
    made = plan(view(country, blank(country)), AT)
    assert len(made.reaches) == 15 * 14 // 2


def test_large_network_is_checked_sensibly():
    intent = synthetic(120)
    made = plan(view(intent, blank(intent)), AT)
    sources_and_targets = {end for pair in made.reaches for end in pair}
    assert sources_and_targets == set(intent.devices)
    assert all((n, "yaounde-r1") in made.reaches for n in intent.devices if n != "yaounde-r1")
    assert len(made.reaches) < 4 * len(intent.devices)


def test_routers_that_only_a_switch_connects_are_not_to_reach_each_other():
    draft = Draft()
    draft.site("yaounde")
    draft.site("region-1", "yaounde")
    draft.device("region-1", 2, role=Role.SWITCH)
    draft.circuit("fibre", "yaounde-r1", "region-1-r2")
    draft.circuit("patch", "region-1-r2", "region-1-r1")
    intent = draft.intent()
    assert plan(view(intent, blank(intent)), AT).reaches == ()


def test_unconnected_devices_are_planned_too():
    draft = Draft()
    draft.site("yaounde")
    draft.site("island", "yaounde")
    intent = draft.intent()
    assert len(plan(view(intent, blank(intent)), AT).changes) == 2


def test_topology_of_before_is_optional(country):
    topology: Topology = build_topology(country)
    known = plan(view(country, configs(country), before=topology, previous=country), AT)
    assert known.steady.disconnected == ()


def test_router_planned_for_alone_is_checked_against_those_it_must_not_lose(country):
    alone = Overrides(only=frozenset({"arrondissement-1-1-1-r1"}))
    made = plan(view(country, blank(country)), AT, alone)
    others = {"department-1-1-r1", "region-1-r1", "yaounde-r1"}
    assert made.reaches == ()
    assert set(made.beyond) == {("arrondissement-1-1-1-r1", other) for other in others}
    assert made.loopbacks.keys() == {"arrondissement-1-1-1-r1", *others}
    assert plan(view(country, blank(country)), AT).beyond == ()


def test_circuit_found_on_many_routers_is_traced_the_same_way_each_time(country):
    copied = "interface eth77\n ip address 172.20.0.2/31\n"
    running = {name: DeviceConfig(copied) for name in country.devices}
    running["region-1-r1"] = configs(country)["region-1-r1"]
    was = infer_baseline(country, running).circuits["region-1-fibre"]
    assert was.a == CircuitEnd(min(country.devices), "eth77")
