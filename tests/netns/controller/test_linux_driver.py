"""The driver of Linux edges against a real daemon, behind its door and a real SSH server."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event

import pytest

from controller.keys.psk_root import FILE as SECRET
from controller.model import DeviceConfig
from edge.control import client as control
from edge.keys.psk import FILE
from edge.policy.model import EdgePolicy
from edge.signed import policy_envelope
from inventory.errors import RejectedError
from tests.contract.driver_contract import DriverContract, Rig
from tests.rigs.edge.edge_pair import LOOPBACKS
from tests.rigs.edge.edge_rig import TWO, world
from tests.rigs.edge.edge_ssh import Edge, serving

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with world(TWO, name="l") as made, serving(made) as found:
        yield found


def config(policy: EdgePolicy) -> DeviceConfig:
    return DeviceConfig(policy_envelope.policy_text(policy))


def dearer(policy: EdgePolicy) -> EdgePolicy:
    """Return a policy whose first path costs more."""
    peer = policy.peers[0]
    first, *rest = peer.paths
    changed = replace(peer, paths=(replace(first, cost=first.cost + 1), *rest))
    return replace(policy, peers=(changed,))


@pytest.fixture
def old(edge: Edge) -> DeviceConfig:
    """Let the edge run its first policy, confirmed."""
    wanted = config(edge.daemon.policy)
    driver = edge.driver()
    driver.rollback()
    if driver.read() != wanted:
        driver.stage(wanted)
        driver.commit(confirm_within_s=60)
        driver.confirm()
    driver.close()
    return wanted


def _wait(seconds: float) -> None:
    Event().wait(seconds)


@pytest.fixture
def rig(edge: Edge, old: DeviceConfig) -> Rig:
    return Rig(
        connect=edge.driver,
        old=old,
        new=config(dearer(edge.daemon.policy)),
        bad=config(replace(edge.daemon.policy, device="hub")),
        pass_time=_wait,
        reachable=LOOPBACKS["edge"],
        unreachable=IPv4Address("192.0.2.1"),
        restart=edge.restart,
    )


class TestLinuxDriver(DriverContract):
    """Everything that any driver must do."""


def test_every_change_bears_a_serial_of_its_own_also_after_one_that_was_taken_back(
    edge: Edge, old: DeviceConfig
):
    before, newest = edge.status()["serial"], edge.status()["newest_serial"]
    assert isinstance(newest, int)
    driver = edge.driver()
    for number in (1, 2):
        driver.stage(config(dearer(edge.daemon.policy)))
        driver.commit(confirm_within_s=60)
        assert edge.status()["serial"] == newest + number
        driver.rollback()
        assert edge.status()["serial"] == before
    assert driver.read() == old
    driver.close()


def test_a_policy_of_a_controller_that_the_edge_does_not_trust_is_refused(
    edge: Edge, old: DeviceConfig, tmp_path: Path
):
    stranger = edge.driver(state_dir=tmp_path)
    with pytest.raises(RejectedError, match="the controller that this edge trusts has not signed"):
        stranger.stage(config(dearer(edge.daemon.policy)))
    assert stranger.read() == old
    stranger.close()


def test_a_policy_for_another_device_is_refused_with_the_reason(edge: Edge, old: DeviceConfig):
    driver = edge.driver()
    with pytest.raises(RejectedError, match="hub"):
        driver.stage(config(replace(edge.daemon.policy, device="hub")))
    assert driver.read() == old
    driver.close()


@pytest.mark.parametrize("text", ["", "{}", "router bgp 65000\n"])
def test_what_is_no_policy_is_never_signed(edge: Edge, old: DeviceConfig, text: str):
    driver = edge.driver()
    with pytest.raises(RejectedError):
        driver.stage(DeviceConfig(text))
    assert edge.status()["staged"] is None or driver.read() == old
    driver.close()


def test_the_account_of_the_difference_names_what_changes(edge: Edge, old: DeviceConfig):
    driver = edge.driver()
    assert driver.stage(old) == "no difference"
    cost = edge.daemon.policy.peers[0].paths[0].cost + 1
    assert f'"cost": {cost}' in driver.stage(config(dearer(edge.daemon.policy)))
    driver.close()


@pytest.fixture
def known(edge: Edge) -> Edge:
    """Give the edge as a controller knows it that has its key."""
    said = control.request(edge.daemon.folder, "keys")["keys"]
    return replace(edge, device=replace(edge.device, public_key=said["key"]))


def held(edge: Edge) -> dict[str, dict[str, object]]:
    return dict(control.request(edge.daemon.folder, "pairs")["pairs"])


def test_the_chains_of_preshared_keys_are_there_before_a_policy_that_needs_them(
    known: Edge, old: DeviceConfig
):
    driver = known.driver()
    driver.stage(config(replace(known.daemon.policy, preshared=4)))
    there = held(known)["4"]
    assert there["peers"] == [known.daemon.policy.peers[0].device]
    # What is there is not handed over again.
    record = (known.daemon.folder / FILE).read_bytes()
    driver.stage(config(replace(dearer(known.daemon.policy), preshared=4)))
    assert (known.daemon.folder / FILE).read_bytes() == record
    # A peer whose keys are made again has its chain of another series.
    (peer,) = known.daemon.policy.peers
    own = replace(known.daemon.policy, preshared=4, peers=(replace(peer, preshared=7),))
    driver.stage(config(own))
    assert held(known)["7"]["peers"] == [peer.device]
    assert driver.read() == old
    driver.close()


def test_a_controller_that_has_lost_its_secret_stages_nothing_and_says_what_to_do(
    known: Edge, old: DeviceConfig
):
    driver = known.driver()
    driver.stage(config(replace(known.daemon.policy, preshared=5)))
    (known.folder / SECRET).unlink()
    before = held(known)
    with pytest.raises(RejectedError, match="raise 'preshared' in network"):
        driver.stage(config(replace(dearer(known.daemon.policy), preshared=5)))
    assert held(known) == before
    driver.stage(config(replace(known.daemon.policy, preshared=6)))
    assert held(known)["6"]["fingerprint"] != before["5"]["fingerprint"]
    assert driver.read() == old
    driver.close()


def test_an_edge_that_was_never_asked_has_no_chains(known: Edge, old: DeviceConfig):
    before = held(known)
    driver = known.driver()
    driver.stage(config(dearer(known.daemon.policy)))
    assert held(known) == before
    assert driver.read() == old
    driver.close()
