"""Plans for networks with edges: who changes when, and who must reach whom."""

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from controller.apply.run import apply
from controller.apply.session import ApplyContext
from controller.drivers.memory import MemoryNetwork
from controller.load import Loaded
from controller.model import DeviceConfig, Impact, Operational, Outcome, Plan, PushResult
from controller.planning.from_folder import edge_configs, make_plan, router_configs, to_read
from controller.planning.plan import Overrides, managed, unmanaged
from controller.planning.waves import tunnel_waves
from controller.store.journal import Journal
from inventory.errors import PlanError
from inventory.model import Intent, Platform
from tests.rigs.controller.apply_rig import PACE
from tests.rigs.controller.plan_views import AT, BLANK, configs
from tests.rigs.edge.edge_networks import HUB, draft, duties, key
from tests.simulated_time import TestClock

EDGES = ("maroua-e1", "mora-e1", HUB)


@pytest.fixture
def intent() -> Intent:
    """Two edges and the hub that they dial."""
    return draft("mora", "maroua").intent()


def loaded(intent: Intent, tmp_path) -> Loaded:
    return Loaded(tmp_path, intent, duties())


def running(intent: Intent, tmp_path, **changes: DeviceConfig) -> Operational:
    """Return what all devices run when everything was applied, but for changes."""
    folder = loaded(intent, tmp_path)
    found = {**router_configs(folder), **edge_configs(folder)}
    return Operational({**found, **{n.replace("_", "-"): c for n, c in changes.items()}}, {})


def rekeyed(intent: Intent, name: str, public_key: str) -> Intent:
    device = replace(intent.devices[name], public_key=public_key)
    return replace(intent, devices={**intent.devices, name: device})


def waves(made: Plan) -> list[list[str]]:
    return [[change.device for change in wave] for wave in made.waves]


def test_applied_edges_are_planned_for_and_need_no_change(intent, tmp_path):
    made = make_plan(loaded(intent, tmp_path), running(intent, tmp_path), AT)
    assert not made.changes
    assert set(made.seen) == set(intent.devices)


def test_edges_change_after_all_routers_and_hubs_last_of_all(intent, tmp_path):
    blank = Operational(
        {**dict.fromkeys(configs(intent), BLANK), **dict.fromkeys(EDGES, DeviceConfig(""))}, {}
    )
    order = waves(make_plan(loaded(intent, tmp_path), blank, AT))
    assert order[-3:] == [["maroua-e1"], ["mora-e1"], [HUB]]
    assert not {*EDGES} & {name for wave in order[:-3] for name in wave}


def test_far_ends_come_in_growing_waves_and_hubs_one_by_one():
    far = [f"e{n}" for n in range(7)]
    assert list(tunnel_waves([*far, "hub-b", "hub-a"], {"hub-a", "hub-b", "hub-c"})) == [
        ("e0",),
        ("e1", "e2"),
        ("e3", "e4", "e5", "e6"),
        ("hub-a",),
        ("hub-b",),
    ]


def test_an_edge_and_its_hub_must_reach_each_other_through_the_tunnels(intent, tmp_path):
    made = make_plan(loaded(intent, tmp_path), running(intent, tmp_path), AT)
    assert {pair for pair in made.reaches if not {*EDGES}.isdisjoint(pair)} == {
        ("maroua-e1", HUB),
        ("mora-e1", HUB),
    }
    assert {(min(p), max(p)) for p in made.reaches} >= {
        ("maroua-e1", HUB),
        ("mora-r1", "yaounde-r1"),
    }
    assert {pair for pair in made.adjacent if not {*EDGES}.isdisjoint(pair)} == {
        ("maroua-e1", HUB),
        ("mora-e1", HUB),
    }
    assert str(made.loopbacks[HUB]) == "172.16.0.10"


def test_an_edge_planned_for_alone_must_not_lose_its_hub(intent, tmp_path):
    for name, far in (("mora-e1", [HUB]), (HUB, ["maroua-e1", "mora-e1"])):
        consent = Overrides(only=frozenset({name}))
        made = make_plan(loaded(intent, tmp_path), running(intent, tmp_path), AT, consent)
        assert [other for _, other in made.beyond] == far
        assert {*made.loopbacks} == {name, *far}


def test_a_new_key_changes_the_edge_and_those_who_speak_to_it(intent, tmp_path):
    other = rekeyed(intent, "mora-e1", key(99))
    made = make_plan(loaded(other, tmp_path), running(intent, tmp_path), AT)
    assert waves(made) == [["mora-e1"], [HUB]]
    hub = next(change for change in made.changes if change.device == HUB)
    assert hub.impact is Impact.INTERRUPTION
    assert hub.because == "interrupted for a moment: the tunnels to mora-e1"
    assert f'+      "public_key": "{key(99)}"' in hub.diff


def test_an_edge_that_moves_to_another_key_and_has_moved_interrupts_nothing(intent, tmp_path):
    device = intent.devices["mora-e1"]
    moving = replace(device, next_key=key(99))
    both = replace(intent, devices={**intent.devices, "mora-e1": moving})
    done = rekeyed(intent, "mora-e1", key(99))
    for before, after in ((intent, both), (both, done), (both, intent)):
        made = make_plan(loaded(after, tmp_path), running(before, tmp_path), AT)
        assert made.changes
        assert {change.impact for change in made.changes} == {Impact.REROUTE}


def test_a_policy_change_of_an_edge_cuts_off_nobody(intent, tmp_path):
    blank = running(intent, tmp_path, mora_e1=DeviceConfig(""))
    made = make_plan(loaded(intent, tmp_path), blank, AT)
    assert made.blast_radius.disconnected == ()
    assert made.steady.disconnected == ()


def test_edges_without_a_key_are_left_out_and_told(intent, tmp_path):
    keyless = intent
    for name in EDGES:
        keyless = rekeyed(keyless, name, "")
    made = make_plan(
        loaded(keyless, tmp_path), Operational(router_configs(loaded(keyless, tmp_path)), {}), AT
    )
    assert not made.changes
    assert list(unmanaged(keyless)) == [*EDGES]
    assert set(managed(keyless)) == set(configs(intent))
    consent = Overrides(only=frozenset({"mora-e1"}))
    with pytest.raises(PlanError, match="mora-e1: no public key pinned; 'sanaga edge enrol'"):
        make_plan(loaded(keyless, tmp_path), Operational({}, {}), AT, consent)


def test_a_key_that_is_pinned_no_more_stops_the_plan(intent, tmp_path):
    lost = rekeyed(intent, "mora-e1", "")
    with pytest.raises(PlanError, match=r"mora-e1: .* is in edge_keys no more.*put the line back"):
        make_plan(loaded(lost, tmp_path), running(intent, tmp_path), AT, previous=intent)


def test_an_edge_whose_key_was_revoked_loses_its_tunnels(intent, tmp_path):
    revoked = rekeyed(intent, "mora-e1", "")
    made = make_plan(
        loaded(revoked, tmp_path),
        running(intent, tmp_path),
        AT,
        Overrides(revoked=frozenset({"mora-e1"})),
        previous=intent,
    )
    assert [change.device for change in made.changes] == [HUB]


def without_tunnels(intent: Intent, way: str) -> Intent:
    """Return an intent in which Mora's edge has no tunnels any more."""
    if way == "key":
        return rekeyed(intent, "mora-e1", "")
    if way == "lan":
        device = replace(intent.devices["mora-e1"], lan=False)
        return replace(intent, devices={**intent.devices, "mora-e1": device})
    fibre = replace(intent.circuits["fibre-mora"], provider="nobody-else", b=None)
    return replace(intent, circuits={**intent.circuits, "fibre-mora": fibre})


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("key", "no public key pinned"),
        ("lan", "no LANs behind it"),
        ("circuit", "no circuit that meets one of a hub's"),
    ],
)
def test_an_edge_that_would_be_dropped_by_its_hub_stops_the_plan(intent, tmp_path, way, why):
    now = running(intent, tmp_path)
    with pytest.raises(PlanError, match=rf"(?s)mora-e1: has tunnels now.*\nmora-e1: {why}"):
        make_plan(loaded(without_tunnels(intent, way), tmp_path), now, AT)


def test_an_edge_that_left_the_intent_is_dropped_by_its_hub(intent, tmp_path):
    now = running(intent, tmp_path)
    rest = replace(
        intent,
        devices={n: d for n, d in intent.devices.items() if n != "mora-e1"},
        circuits={n: c for n, c in intent.circuits.items() if n != "fibre-mora"},
    )
    made = make_plan(loaded(rest, tmp_path), now, AT)
    assert HUB in {change.device for change in made.changes}


def test_an_edge_that_never_had_tunnels_stops_no_plan(intent, tmp_path):
    fewer = without_tunnels(intent, "key")
    made = make_plan(loaded(fewer, tmp_path), running(fewer, tmp_path), AT)
    assert not made.changes


def test_a_router_on_linux_is_still_nobodys_to_configure(intent):
    router = replace(intent.devices["mora-r1"], platform=Platform.LINUX)
    strange = replace(intent, devices={**intent.devices, "mora-r1": router})
    with pytest.raises(PlanError, match=r"cannot configure mora-r1 \(linux\)"):
        to_read(strange, None)
    assert set(to_read(intent, None)) == set(intent.devices)


class Laboratory:
    """Blank devices in memory, of which a loopback is reached once the far end has its own."""

    def __init__(self, intent: Intent, tmp_path: Path, *, tunnels: bool = True) -> None:
        self.clock = TestClock()
        self.made = make_plan(
            loaded(intent, tmp_path),
            Operational(
                {**dict.fromkeys(configs(intent), BLANK), **dict.fromkeys(EDGES, DeviceConfig(""))},
                {},
            ),
            AT,
        )
        texts = {**dict.fromkeys(configs(intent), BLANK.text), **dict.fromkeys(EDGES, "")}
        self.tunnels = tunnels
        self.network = MemoryNetwork(texts, clock=self.clock, reach=self.reach)
        self.journal = Journal.open(tmp_path, clock=self.clock)

    def reach(self, source: str, target: IPv4Address) -> bool:
        """Return whether a ping is answered: among routers, and over tunnels, never across."""
        owner = {address: name for name, address in self.made.loopbacks.items()}[target]
        if not {source, owner} & {*EDGES}:
            return True
        ends = {self.network.devices[name].running.text for name in (source, owner)}
        return self.tunnels and {source, owner} <= {*EDGES} and "" not in ends

    def apply(self) -> PushResult:
        context = ApplyContext(self.network.connect, self.journal, self.clock, pace=PACE, workers=1)
        try:
            return apply(self.made, context)
        finally:
            self.journal.close()


def test_a_network_of_routers_and_edges_is_applied_from_nothing(intent, tmp_path):
    laboratory = Laboratory(intent, tmp_path)
    result = laboratory.apply()
    assert result.outcome is Outcome.CONFIRMED, result.because
    wanted = running(intent, tmp_path).configs
    devices = laboratory.network.devices
    assert {name: device.now_running() for name, device in devices.items()} == wanted


def test_tunnels_that_do_not_carry_take_everything_back(intent, tmp_path):
    laboratory = Laboratory(intent, tmp_path, tunnels=False)
    result = laboratory.apply()
    assert result.outcome is Outcome.ROLLED_BACK
    assert HUB in result.because
    devices = laboratory.network.devices
    assert {devices[name].now_running().text for name in EDGES} == {""}
    assert {devices[name].now_running() for name in configs(intent)} == {BLANK}
