"""What carries traffic today: cables between routers, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from controller.load import Loaded
from controller.model import Operational
from controller.planning.from_folder import make_plan, router_configs
from controller.planning.plan import Overrides
from inventory.errors import UnsafePlanError
from inventory.model import Intent, Medium, Role, Thresholds
from policies.clinical import read_catalogue
from tests.factories import Draft
from tests.rigs.controller.plan_views import AT
from topology.build import build_topology, routed_topology
from topology.failures.resilience import single_way_out
from topology.paths import best_path


def _network() -> Intent:
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.circuit("fibre", "yaounde-r1", "maroua-r1")
    draft.circuit("yaounde-leo", "yaounde-r1", "provider:leo", medium=Medium.LEO)
    draft.circuit("maroua-leo", "maroua-r1", "provider:leo", medium=Medium.LEO)
    return draft.intent()


def _without_fibre(intent: Intent) -> Intent:
    off = replace(intent.circuits["fibre"], enabled=False)
    return replace(intent, circuits={**intent.circuits, "fibre": off})


def _planned(consent: Overrides):
    before = _network()
    loaded = Loaded(Path(), _without_fibre(before), read_catalogue())
    return make_plan(
        loaded,
        Operational(router_configs(Loaded(Path(), before, read_catalogue())), {}),
        AT,
        consent,
    )


def test_a_plan_that_takes_the_last_cable_is_refused_whatever_is_subscribed_to():
    with pytest.raises(UnsafePlanError, match="maroua"):
        _planned(Overrides(thresholds=Thresholds(0.0, 0.0)))


def test_a_plan_that_may_cut_off_says_whom():
    plan = _planned(Overrides(thresholds=Thresholds(1.0, 1.0)))
    assert plan.steady.disconnected == ("maroua",)


def test_subscriptions_count_as_ways_in_the_whole_graph_alone():
    intent = _network()
    assert single_way_out(build_topology(intent)) == ()
    assert "maroua" in single_way_out(routed_topology(intent))
    assert best_path(build_topology(_without_fibre(intent)), "site:maroua", "site:yaounde")
    assert best_path(routed_topology(_without_fibre(intent)), "site:maroua", "site:yaounde") is None


def test_a_switch_carries_nothing_in_the_model_since_it_does_not_route():
    intent = _network()
    switch = replace(intent.devices["maroua-r1"], role=Role.SWITCH)
    changed = replace(intent, devices={**intent.devices, "maroua-r1": switch})
    assert best_path(build_topology(changed), "site:maroua", "site:yaounde") is None


def test_of_two_ways_of_equal_cost_the_one_over_fewer_routers_is_taken_as_by_bgp():
    draft = Draft()
    draft.site("yaounde")
    draft.device("yaounde", 2)
    draft.site("maroua", "yaounde")
    draft.circuit("long-a", "maroua-r1", "yaounde-r2", cost=1, delay_ms=1.0)
    draft.circuit("long-b", "yaounde-r2", "yaounde-r1", cost=1, delay_ms=1.0)
    draft.circuit("short", "maroua-r1", "yaounde-r1", cost=2, delay_ms=9.0)
    path = best_path(build_topology(draft.intent()), "site:maroua", "site:yaounde")
    assert path is not None
    assert "short" in path.links
