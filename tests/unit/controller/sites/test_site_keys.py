"""Sites' keys as a verb or a request changes them: pinned, moved to others, revoked."""

import shutil
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from controller.drivers.memory import Act as Ask
from controller.drivers.memory import Faults, MemoryNetwork
from controller.intended.overlay import build_overlay
from controller.keys.revocation_file import published
from controller.load import Loaded
from controller.planning.from_folder import edge_configs
from controller.sites.edges import SitesContext, edge_keys_status
from controller.sites.enrolment import pin_key
from controller.sites.key_rotation import RotationProgress, rotate_keys, rotations, settle_keys
from controller.sites.revocation import edge_detail, equip_edges, revoke_edges
from controller.store.audit import Actor
from controller.store.people import People
from controller.vpn_events import EdgesRevoked
from inventory.documents.edge_keys import edge_key_line
from inventory.errors import AccessError, UnknownNameError, UnreachableError
from tests.rigs.controller.memory_edges import MemoryEdge
from tests.rigs.edge.edge_networks import HUB, draft, duties
from tests.sanaga_process import SMALL
from tests.simulated_time import TestClock
from vpn.wireguard import keys

ACT = Actor("tester", "yearly")
MORA, MAROUA = "mora-e1", "maroua-e1"


@dataclass
class Sites:
    """A folder with a hub and two edges, all in memory."""

    context: SitesContext
    edges: dict[str, MemoryEdge]
    network: MemoryNetwork

    @property
    def pinned(self) -> str:
        return (self.context.loaded.folder / "edge_keys").read_text(encoding="utf-8")

    def again(self) -> "Sites":
        """Return the same after edge_keys was read again, and all policies applied."""
        words = [row.split() for row in self.pinned.splitlines()]
        intent = self.context.loaded.intent
        devices = dict(intent.devices)
        for name, key, *further in words:
            found = replace(devices[name], public_key=key, next_key="".join(further))
            devices[name] = found
        loaded = replace(self.context.loaded, intent=replace(intent, devices=devices))
        for name, config in edge_configs(loaded).items():
            self.network.device(name).running = config
        return replace(self, context=replace(self.context, loaded=loaded))


@pytest.fixture
def sites(tmp_path):
    intent = draft("mora", "maroua").intent()
    loaded, state = Loaded(tmp_path, intent, duties()), tmp_path / "state"
    pinned = {d.name: d.public_key for d in intent.devices.values() if d.public_key}
    text = "".join(edge_key_line(name, key) for name, key in pinned.items())
    (tmp_path / "edge_keys").write_text(text, encoding="utf-8")
    edges = {name: MemoryEdge(name, key, state) for name, key in pinned.items()}
    clock = TestClock()
    network = MemoryNetwork(clock=clock)
    with closing(People.open(state, clock=clock)) as store:
        context = SitesContext(loaded, store, state, edges.__getitem__, network.connect, clock)
        yield Sites(context, edges, network)


def trail(sites):
    return [(one.what, one.subject) for one in sites.context.store.trail()]


# Pinning


@pytest.fixture
def folder(tmp_path):
    made = shutil.copytree(SMALL, tmp_path / "small")
    edge = "devices: [{name: yaounde-e1, site: yaounde, number: 7, role: edge, platform: linux}]"
    (made / "edge.yaml").write_text(edge, encoding="utf-8")
    return made


def test_the_key_of_a_new_edge_is_pinned_once(folder, sites):
    store, key = sites.context.store, keys.public_of(keys.generate_private())
    assert pin_key(folder, store, "yaounde-e1", key, ACT)
    assert (folder / "edge_keys").read_text(encoding="utf-8") == f"yaounde-e1 {key}\n"
    assert not pin_key(folder, store, "yaounde-e1", key, ACT)
    assert trail(sites) == [("site.add", "yaounde-e1")]


def test_everything_against_a_key_is_in_the_error(folder, sites):
    store, key = sites.context.store, keys.public_of(keys.generate_private())
    with pytest.raises(AccessError, match="mora-e9: no edge of that name"):
        pin_key(folder, store, "mora-e9", key, ACT)
    store.revoke_site("yaounde-e1", [key], ACT)
    with pytest.raises(AccessError, match="was revoked on"):
        pin_key(folder, store, "yaounde-e1", key, ACT)
    assert not (folder / "edge_keys").exists()


def test_a_key_that_was_pinned_is_nobody_elses(folder, sites):
    store, key = sites.context.store, keys.public_of(keys.generate_private())
    pin_key(folder, store, "yaounde-e1", key, ACT)
    assert store.site_keys.owner(key) == "yaounde-e1"


# Moving to other keys


def test_edges_move_to_keys_that_they_made_and_then_have_no_others(sites):
    former = sites.edges[MORA].key
    begun = rotate_keys(sites.context, [MORA], None, ACT)
    upcoming = sites.edges[MORA].upcoming
    assert (begun.moving, begun.failed) == ((MORA,), {})
    assert f"{MORA} {former} {upcoming}\n" in sites.pinned
    sites = sites.again()
    (one,) = rotations(sites.context.loaded, sites.context.edges)
    assert (one.device.name, one.moved) == (MORA, False)
    sites.edges[MORA].move()
    (one,) = rotations(sites.context.loaded, sites.context.edges)
    assert one.moved
    ended = settle_keys(sites.context, frozenset(), ACT, within_s=0)
    assert (ended.done, ended.left, ended.unreachable) == ((MORA,), {}, ())
    assert f"{MORA} {upcoming}\n" in sites.pinned
    assert trail(sites) == [("site.rotate", MORA), ("site.settle", MORA)]
    status = {
        one.device: one for one in edge_keys_status(sites.context.loaded, sites.context.store)
    }
    assert (status[MORA].rotated, status[MAROUA].rotated) == ("2026-03-02", None)


def test_those_that_moved_longest_ago_move_first_and_some_cannot(sites):
    sites.context.store.noted("site.settle", HUB, ACT, former="a", key="b")
    sites.edges[MORA].fault = UnreachableError(MORA, "no connection")
    begun = rotate_keys(sites.context, [], 2, ACT)
    assert (begun.moving, begun.failed) == ((MAROUA,), {MORA: f"{MORA}: no connection"})
    assert sites.edges[HUB].asked == []


def test_an_edge_with_another_key_than_the_pinned_one_cannot_move(sites):
    sites.edges[MORA].key = "another"
    begun = rotate_keys(sites.context, [MORA], None, ACT)
    assert begun.moving == ()
    assert begun.failed[MORA].startswith(f"{MORA} uses the key another, and not the one in")


def test_edges_are_waited_for_and_keep_both_keys_until_far_ends_know(sites):
    rotate_keys(sites.context, [MORA], None, ACT)
    before = sites.pinned
    sites = sites.again()
    sites.edges[MORA].waiting = ("fibre-mora",)
    ended = settle_keys(sites.context, frozenset(), ACT, within_s=60)
    assert ended.left == {MORA: f"{MORA} waits for fibre-mora"}
    assert sites.context.clock.now() >= 1060
    sites.edges[MORA].waiting = ()
    sites.edges[MORA].move()
    sites.network.device(HUB).faults = Faults(hangs=frozenset({Ask.READ}))
    ended = settle_keys(sites.context, frozenset(), ACT, within_s=0)
    assert f"{MORA} has moved, and keeps both keys: {HUB} may not know" in ended.left[MORA]
    assert ended.unreachable == (f"{HUB}: no answer to read in time",)
    assert sites.pinned == before
    assert settle_keys(sites.context, {HUB}, ACT, within_s=0).done == (MORA,)
    with pytest.raises(UnknownNameError, match="did you mean mora-e1"):
        settle_keys(sites.context, {"mora-e2"}, ACT, within_s=0)


def test_settling_computes_the_overlay_once(sites, monkeypatch):
    rotate_keys(sites.context, [], None, ACT)
    sites = sites.again()
    for edge in sites.edges.values():
        edge.move()
    loaded, computed = replace(sites.context.loaded), []

    def counted(*of):
        computed.append(of)
        return build_overlay(*of)

    monkeypatch.setattr("controller.intended.overlay.build_overlay", counted)
    context = replace(sites.context, loaded=loaded)
    assert set(settle_keys(context, frozenset(), ACT, within_s=0).done) == {HUB, MORA, MAROUA}
    assert len(computed) == 1


# Revoking


def test_a_revoked_edge_is_out_and_all_others_know(sites):
    reported: list[EdgesRevoked] = []
    sites.edges[HUB].consultations = (MORA, MAROUA)
    key = sites.edges[MORA].key
    done = revoke_edges(sites.context, [MORA], ACT, within_s=0, report=reported.append)
    assert reported == [EdgesRevoked((MORA,))]
    assert set(done.delivery.told) == {HUB, MAROUA}
    assert done.delivery.interrupted([MORA]) == {HUB: (MORA,)}
    assert (done.delivery.left, done.delivery.overtaken, done.gateways) == ({}, None, ())
    assert published(sites.context.state_dir).keys == (key,)
    assert MORA not in sites.pinned
    assert sites.edges[MORA].asked == []
    detail = edge_detail(sites.again().context, HUB)
    assert (detail.serial, detail.newest, detail.fault) == (1, 1, None)
    assert detail.far_ends


def test_edges_that_are_not_reached_are_asked_again_and_told_of(sites):
    sites.edges[HUB].fault = UnreachableError(HUB, "no connection")
    done = revoke_edges(sites.context, [MORA], ACT, within_s=10)
    assert list(done.delivery.told) == [MAROUA]
    assert {name: str(why) for name, why in done.delivery.left.items()} == {
        HUB: f"{HUB}: no connection"
    }
    assert sites.edges[HUB].asked.count("keys") > 3
    detail = edge_detail(sites.context, HUB)
    assert (detail.serial, detail.fault) == (None, f"{HUB}: no connection")
    sites.edges[HUB].fault = None
    assert set(equip_edges(sites.context, [HUB], within_s=0).told) == {HUB}


def test_a_record_that_was_put_back_is_numbered_above_what_edges_have(sites):
    sites.edges[HUB].serial = 7
    done = revoke_edges(sites.context, [MORA], ACT, within_s=0)
    assert done.delivery.overtaken == (1, 7)
    assert published(sites.context.state_dir).serial > 7
    assert sites.edges[MAROUA].serial == published(sites.context.state_dir).serial


def test_an_edge_of_which_no_key_is_known_is_not_revoked(sites):
    intent = sites.context.loaded.intent
    bare = replace(intent.devices[MORA], public_key="")
    loaded = replace(
        sites.context.loaded, intent=replace(intent, devices={**intent.devices, MORA: bare})
    )
    with pytest.raises(AccessError, match="mora-e1: no key is known"):
        revoke_edges(replace(sites.context, loaded=loaded), [MORA], ACT, within_s=0)


def test_progress_of_an_edge_that_is_silent_is_its_error(sites):
    rotate_keys(sites.context, [MORA], None, ACT)
    sites = sites.again()
    sites.edges[MORA].fault = UnreachableError(MORA, "no connection")
    (one,) = rotations(sites.context.loaded, sites.context.edges)
    assert not isinstance(one.said, RotationProgress)
    assert one.moved is None
