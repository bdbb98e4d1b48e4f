"""Plan and apply as their users meet them, on real routers: what happens, and what must not."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller.drivers.frr import canonical
from controller.frr_door.configuration_text import split
from controller.load import load
from controller.planning.from_folder import router_configs
from controller.planning.plan_file import load as load_plan
from simulations.devices.faults import FaultKind
from simulations.lab import lab as labs
from simulations.lab.lab import Lab
from tests.rigs.laboratory.lab_networks import ask_door, leftovers, running, unique, write_triangle
from tests.sanaga_process import Answer, Sanaga

pytestmark = pytest.mark.netns

SITES = {"yaounde", "garoua", "maroua"}
CONVERGE_WITHIN_S = 60
# Timers of less than half a minute, short enough to wait for where a fault makes them end.
PACE = "0.07"


@dataclass(frozen=True, slots=True)
class Network:
    """A laboratory, its intent folder, and how the three first commands on it ended."""

    lab: Lab
    sanaga: Sanaga
    folder: Path
    planned: Answer
    applied: Answer
    planned_again: Answer

    def changed(self) -> Path:
        """Return a folder in which every router is to become something else."""
        folder = self.folder.with_name("changed")
        if not folder.exists():
            write_triangle(folder, self.lab.name, cost=5)
            self.lab.write_known_hosts(folder)
        return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Iterator[Network]:
    """Give a laboratory whose blank routers were planned for, applied to and planned for again."""
    name = unique("a")
    sanaga = Sanaga(tmp_path_factory.mktemp("apply"))
    folder = write_triangle(sanaga.folder / "intent", name)
    try:
        lab = labs.bring_up(load(folder).intent)
        lab.write_known_hosts(folder)
        planned = sanaga("plan", folder, "--out", "first.plan")
        applied = sanaga("apply", "first.plan", "--yes")
        yield Network(lab, sanaga, folder, planned, applied, sanaga("plan", folder))
    finally:
        labs.take_down(name)
    assert leftovers(name) == []


@pytest.fixture
def sane(network: Network) -> Iterator[Network]:
    """Give the network, and repair every router afterwards."""
    yield network
    for router in network.lab.blueprint.routers:
        network.lab.fault(router.device, FaultKind.NONE)


def test_plan_tells_of_changes_apply_makes_them_and_then_there_are_none(network):
    assert network.planned.code == 2, network.planned.err
    assert network.applied.code == 0, network.applied.err + network.applied.out
    assert network.planned_again.code == 0, network.planned_again.out


def test_every_router_shows_over_ssh_what_was_intended_byte_for_byte(network):
    wanted = router_configs(load(network.folder))
    assert len(wanted) == len(SITES)
    for device, config in wanted.items():
        shown = ask_door(network.lab, device, "vtysh", "-c", "show running-config")
        own, table = split(config.text)
        assert canonical(shown).text == own, device
        assert table, device
        read = json.loads(ask_door(network.lab, device, "read"))["config"]
        assert canonical(read).text == config.text, device


def test_every_hospital_reaches_every_other_in_both_protocols(network):
    network.lab.wait_converged(CONVERGE_WITHIN_S)
    assert {site: network.lab.reachable(site) for site in SITES} == {
        site: SITES - {site} for site in SITES
    }


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.LOCKOUT,
        pytest.param(FaultKind.DROP, marks=pytest.mark.long),
        pytest.param(FaultKind.REJECT, marks=pytest.mark.long),
        pytest.param(FaultKind.HANG, marks=pytest.mark.long),
    ],
)
def test_one_faulty_router_leaves_every_router_byte_for_byte_as_it_was(sane, kind):
    before = running(sane.lab)
    assert sane.sanaga("plan", sane.changed(), "--out", f"{kind}.plan").code == 2
    # A router that others have gone before, and others come after.
    second = load_plan(sane.sanaga.folder / f"{kind}.plan").waves[1][0].device
    sane.lab.fault(second, kind)
    answer = sane.sanaga("apply", f"{kind}.plan", "--yes", "-o", "json", SANAGA_PACE=PACE)
    assert answer.code == 3, answer.err + answer.out
    result = json.loads(answer.out)
    assert result["outcome"] == "rolled-back"
    assert second in result["because"]
    assert running(sane.lab) == before
    pending = [ask_door(sane.lab, device, "status") for device in before]
    assert [json.loads(said)["pending"] for said in pending] == [None] * len(before)


@pytest.mark.long
def test_same_change_without_a_fault_is_made_and_can_be_taken_back(network):
    before = running(network.lab)
    assert network.sanaga("plan", network.changed(), "--out", "sane.plan").code == 2
    answer = network.sanaga("apply", "sane.plan", "--yes")
    assert answer.code == 0, answer.err + answer.out
    after = running(network.lab)
    assert all(after[device] != before[device] for device in before)
    back = network.sanaga("rollback", "--yes")
    assert back.code == 0, back.err + back.out
    assert running(network.lab) == before
