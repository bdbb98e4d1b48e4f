"""Moving tunnels to another key, step by step, with a kernel and traffic of the test's own."""

import json
from dataclasses import replace

import pytest

from edge.identity import keyring
from edge.identity.device import KEY
from edge.identity.private_key import ensure_private_key
from edge.keys import rotation_state
from edge.keys.rotation import ALONE_S, DRAIN_S, FLIGHT_S, FORLORN_S, PROVE_S, REST_S, TRIED_S
from edge.storage import atomic
from tests.rigs.edge.edge_policies import edge_policy
from tests.rigs.edge.rotation_rig import NEW, NEXT, OLD, World, asked_to_move
from vpn.key_text import public_text
from vpn.wireguard.keys import generate_pair


@pytest.fixture
def world(tmp_path):
    return asked_to_move(tmp_path)


def tunnels(world):
    return world.policy.tunnels


def test_one_tunnel_after_the_other_is_drained_moved_proved_and_taken_again(world):
    order: list[tuple[object, ...]] = []
    for _ in range(200):
        world.passes(0.2)
        step = (world.rotation.moving, world.rotation.status()["phase"], world.diverted)
        if not order or order[-1] != step:
            order.append(step)
    circuits = [underlay.circuit for underlay in world.policy.underlays]
    expected = []
    for name, circuit in zip(tunnels(world), [*circuits, None], strict=True):
        diverted = ((circuit,), False) if circuit else ((), True)
        expected += [(name, "draining", diverted), (name, "proving", diverted)]
    assert [step for step in order if step[1] != "idle"] == expected
    assert world.own == dict.fromkeys(tunnels(world), NEW)
    assert world.diverted == ((), False)
    assert not world.rotation.busy
    assert len(world.renewals) == len(tunnels(world))


def test_a_tunnel_keeps_its_key_until_what_is_under_way_has_arrived(world):
    world.passes(0.1)
    world.passes(DRAIN_S - 0.1)
    assert world.own == dict.fromkeys(tunnels(world), OLD)
    world.passes(0.2)
    assert world.own[tunnels(world)[0]] == NEW
    # It may still go back, and so waits as the others do.
    assert set(world.rotation.status()["waiting"]) == set(tunnels(world))


def test_answers_to_what_was_sent_before_prove_nothing(world):
    world.passes(0.1)
    world.passes(DRAIN_S)
    for _ in range(4):
        world.passes(FLIGHT_S / 5)
        assert world.rotation.status()["phase"] == "proving"
    world.passes(FLIGHT_S / 2)
    assert world.rotation.status()["phase"] == "idle"


def test_answers_that_waited_for_a_late_process_prove_nothing(world):
    world.passes(0.1)
    world.passes(DRAIN_S)
    world.waited_s = 3.0
    for _ in range(5):
        world.passes(0.5)
        assert world.rotation.status()["phase"] == "proving"
    world.waited_s = 0.0
    world.passes(0.5)
    assert world.rotation.status()["phase"] == "idle"


def proving(world, which):
    """Return the name of a tunnel which has its new key, and where it is not known yet."""
    name = tunnels(world)[which]
    for _ in range(60):
        world.passes(0.2)
        if (world.rotation.moving, world.rotation.status()["phase"]) == (name, "proving"):
            world.known = {OLD}
            return name
    raise AssertionError(name)


@pytest.mark.parametrize("which", [0, 1, -1])
@pytest.mark.parametrize("interrupted", ["killed", "another policy", "killed, another policy"])
def test_a_key_that_nobody_had_answered_is_still_to_be_proved_after_an_interruption(
    world, which, interrupted
):
    name = proving(world, which)
    away = world.diverted
    if "killed" in interrupted:
        world.rotation = world.anew()
    world.take(replace(world.policy) if "policy" in interrupted else None)
    assert (world.rotation.moving, world.rotation.status()["phase"]) == (name, "proving")
    assert world.diverted == away
    world.passes(PROVE_S)
    assert world.own[name] == OLD
    assert f"{name}: no answer with the new key from" in world.rotation.fault
    # What one process has given up, the next does not take up.
    world.rotation = world.anew()
    world.take()
    assert world.own[name] == OLD


@pytest.mark.parametrize("killed", [False, True])
def test_a_key_that_nobody_had_answered_goes_at_once_with_the_policy_that_wanted_it(world, killed):
    name = proving(world, 0)
    away = world.diverted
    if killed:
        world.rotation = world.anew()
    world.take(replace(world.policy, key=OLD))
    assert world.own == dict.fromkeys(tunnels(world), OLD)
    # It is taken again once the far end answers as before.
    assert (world.rotation.status()["phase"], world.diverted) == ("returning", away)
    world.passes(FLIGHT_S + 0.1)
    assert world.diverted == ((), False)
    for _ in range(50):
        world.passes(0.5)
    assert world.own == dict.fromkeys(tunnels(world), OLD)
    assert not world.rotation.busy
    assert world.rotation.moving == ""
    assert name in tunnels(world)


def test_what_was_being_proved_to_a_far_end_that_is_no_peer_any_more_holds_nothing_up(world):
    proving(world, 0)
    world.known = {OLD, NEW}
    world.take(replace(world.policy, peers=()))
    assert world.diverted == ((), False)
    for _ in range(60):
        world.passes(0.5)
    assert world.rotation.status()["waiting"] == ()
    assert world.own == dict.fromkeys(tunnels(world), NEW)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("known", [OLD, NEW], ids=["old", "new"])
def test_where_nobody_was_alive_each_key_is_tried_until_one_is_answered(world, known, killed):
    circuits = {underlay.circuit for underlay in world.policy.underlays}
    world.deaf = circuits
    for _ in range(15):
        world.passes(0.5)
    assert world.own == dict.fromkeys(tunnels(world), NEW)
    # Nobody is there to be waited for.
    assert world.rotation.status()["waiting"] == ()
    world.known, world.deaf = {known}, set()
    if killed:
        world.rotation = world.anew()
        world.take()
    seen = set()
    for _ in range(int(2 * TRIED_S)):
        world.passes(0.5)
        seen.add(tuple(world.own.values()))
        if not world.rotation.busy or world.rotation.status()["waiting"]:
            break
    if known == NEW:
        assert seen == {(NEW,) * len(tunnels(world))}
        assert not world.rotation.busy
    else:
        # Back, and to be moved as any other tunnel once the far end knows the key.
        assert all(world.own[u.tunnel] == OLD for u in world.policy.underlays)
        world.known = {OLD, NEW}
        for _ in range(200):
            world.passes(0.5)
        assert world.own == dict.fromkeys(tunnels(world), NEW)


@pytest.mark.parametrize("which", [0, -1])
def test_a_tunnel_on_which_nobody_answers_the_new_key_gets_its_former_one_and_is_tried_again(
    world, which
):
    if which:
        for _ in range(60):
            world.passes(0.2)
            if world.rotation.moving == tunnels(world)[-1]:
                break
    else:
        world.passes(0.1)
    world.passes(DRAIN_S)
    circuit = "care" if which else world.policy.underlays[0].circuit
    world.deaf = {circuit}
    name = tunnels(world)[which]
    assert world.own[name] == NEW
    away = world.diverted
    world.passes(PROVE_S)
    assert world.own[name] == OLD
    assert f"{name}: no answer with the new key from" in world.rotation.fault
    # Until the far end answers with the former key, it is not taken again.
    assert (world.rotation.status()["phase"], world.diverted) == ("returning", away)
    world.deaf = set()
    world.passes(FLIGHT_S + 0.1)
    assert (world.rotation.status()["phase"], world.diverted) == ("resting", ((), False))
    world.passes(REST_S - 1)
    assert world.rotation.status()["phase"] == "resting"
    for _ in range(60):
        world.passes(0.5)
    assert world.own == dict.fromkeys(tunnels(world), NEW)
    assert world.rotation.fault == ""


def _others(world):
    return {underlay.circuit for underlay in world.policy.underlays[1:]}


def test_the_only_tunnel_that_is_answered_on_waits_for_the_others(world):
    world.deaf = _others(world)
    first = tunnels(world)[0]
    world.passes(0.2)
    world.passes(1.0)
    for _ in range(30):
        world.passes(1.0)
    assert world.own[first] == OLD
    world.deaf = set()
    for _ in range(3):
        world.passes(1.0)
    assert world.own[first] == NEW


def test_a_site_whose_other_circuits_are_down_for_long_moves_all_the_same(world):
    world.deaf = _others(world)
    for _ in range(int(ALONE_S) + 30):
        world.passes(1.0)
    assert world.own[tunnels(world)[0]] == NEW


@pytest.mark.parametrize("after_s", [0.5, DRAIN_S + 3])
def test_a_move_is_given_up_at_once_when_the_other_tunnels_die(world, after_s):
    world.known = {OLD}
    first = tunnels(world)[0]
    world.passes(0.2)
    assert world.rotation.moving == first
    for _ in range(int(after_s / 0.5)):
        world.passes(0.5)
    world.deaf = _others(world)
    for _ in range(4):
        world.passes(0.5)
    assert world.own[first] == OLD


def test_a_tunnel_that_nobody_answers_on_anyway_is_moved_at_once_and_the_others_in_turn(world):
    dead = world.policy.underlays[0]
    world.deaf = {dead.circuit}
    for _ in range(100):
        world.passes(0.5)
    assert world.own == dict.fromkeys(tunnels(world), NEW)


def test_a_device_that_nobody_hears_any_more_tries_the_key_of_its_policy(world):
    world.deaf = {underlay.circuit for underlay in world.policy.underlays}
    world.passes(0.1)
    assert world.own == dict.fromkeys(tunnels(world), OLD)
    world.passes(FORLORN_S)
    assert world.own == dict.fromkeys(tunnels(world), NEW)


def test_tunnels_that_never_stood_have_the_key_of_the_policy_from_the_start(tmp_path):
    world = World(tmp_path)
    world.take()
    assert world.own == dict.fromkeys(tunnels(world), NEW)
    assert not world.rotation.busy


def test_a_key_that_is_not_here_is_told_and_the_tunnels_keep_theirs(world):
    world.take(replace(world.policy, key=NEXT))
    for _ in range(50):
        world.passes(0.5)
    assert world.own == dict.fromkeys(tunnels(world), OLD)
    assert "which this device has not" in world.rotation.fault
    # Whoever settles must not take them for moved.
    status = world.rotation.status()
    assert (status["key"], status["waiting"]) == (NEXT, tunnels(world))


def test_an_edge_put_back_from_an_image_of_before_its_last_move_gets_a_third_key(tmp_path):
    first = public_text(ensure_private_key(tmp_path / KEY, generate_pair))
    image = keyring.make_next_key(tmp_path, first)
    world = World(tmp_path)
    world.rotation.open(first)

    def goes_by(key):
        world.policy = replace(world.policy, key=key)
        world.rotation.take(world.policy, keyring.private_keys(tmp_path))
        for _ in range(100):
            world.passes(0.5)

    world.known = {image}
    goes_by(image)
    # The far ends have forgotten the key of the image, and the next policy says which they know.
    world.known = {NEXT}
    goes_by(NEXT)
    assert world.own == dict.fromkeys(tunnels(world), image)
    assert "which this device has not; 'sanaga vpn site rotate' makes" in world.rotation.fault
    third = keyring.make_next_key(tmp_path, str(world.rotation.status()["key"]))
    assert third not in {first, image, NEXT}
    world.known = {NEXT, third}
    goes_by(third)
    assert world.own == dict.fromkeys(tunnels(world), third)
    assert world.rotation.fault == ""
    assert world.rotation.status()["waiting"] == ()
    assert not world.rotation.busy


STRANGE: tuple[object, ...] = (
    [],
    {"own": []},
    {"far": [1]},
    {"unproved": {"sgt": 1}},
    {"own": {edge_policy().tunnels[0]: ""}},
)


@pytest.mark.parametrize("record", STRANGE, ids=str)
def test_a_record_that_makes_no_sense_is_no_record(tmp_path, record):
    (tmp_path / rotation_state.FILE).write_text(json.dumps(record))
    world = World(tmp_path)
    world.take()
    assert world.own == dict.fromkeys(tunnels(world), NEW)
    assert world.diverted == ((), False)


@pytest.mark.parametrize("steps", range(0, 60, 3))
def test_whoever_is_killed_goes_on_with_the_keys_that_the_tunnels_have(world, steps):
    for _ in range(steps):
        world.passes(0.2)
    before = world.own
    world.rotation = world.anew()
    world.take()
    assert world.own == before
    for _ in range(100):
        world.passes(0.2)
    assert world.own == dict.fromkeys(tunnels(world), NEW)


def test_a_disk_that_takes_nothing_moves_nothing_and_keeps_no_policy_from_taking_effect(
    world, monkeypatch
):
    real = atomic.replace

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "replace", full)
    world.take()
    for _ in range(20):
        world.passes(0.5)
    assert world.own == dict.fromkeys(tunnels(world), OLD)
    assert world.diverted == ((), False)
    assert world.rotation.disk_fault == "rotation.json: No space left on device"
    world.take(replace(world.policy, key=OLD))
    monkeypatch.setattr(atomic, "replace", real)
    world.passes(0.2)
    # Also when there is nothing to move.
    assert world.rotation.disk_fault == ""
    monkeypatch.setattr(atomic, "replace", full)
    world.take(replace(world.policy, key=NEW))
    monkeypatch.setattr(atomic, "replace", real)
    for _ in range(100):
        world.passes(0.5)
    assert world.own == dict.fromkeys(tunnels(world), NEW)
    assert world.rotation.disk_fault == ""
