"""Planning from a folder, as a verb or a request asks for it: values in, a plan or an error out."""

import shutil
from contextlib import closing

import pytest
import yaml

from controller.apply.recovery import rollback
from controller.apply.run import apply
from controller.apply.session import ApplyContext
from controller.drivers.memory import Act, Faults, MemoryNetwork
from controller.drivers.observe import DeviceDone, ReadingStarted
from controller.load import load
from controller.model import Outcome
from controller.planning.from_folder import (
    DevicesUnreachableError,
    PlanChoices,
    PlanContext,
    plan_folder,
    unfinished_applies,
)
from controller.store.audit import Actor
from controller.store.journal import Journal
from controller.store.people import People
from inventory.errors import AccessError, UnknownNameError, UnsafePlanError
from tests.rigs.controller.apply_rig import PACE
from tests.rigs.controller.plan_views import AT
from tests.sanaga_process import SMALL
from tests.simulated_time import TestClock
from vpn.wireguard import keys

BLANK = "frr defaults traditional\n"
EDGE = "devices: [{name: yaounde-e1, site: yaounde, number: 7, role: edge, platform: linux}]"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SMALL, tmp_path / "small")


@pytest.fixture
def loaded(folder):
    return load(folder)


@pytest.fixture
def network(loaded):
    return MemoryNetwork(dict.fromkeys(loaded.intent.devices, BLANK), clock=TestClock())


@pytest.fixture
def context(network, tmp_path):
    return PlanContext(tmp_path / "state", AT, connect=network.connect)


def test_a_folder_is_planned_against_what_devices_run(loaded, network, tmp_path):
    events: list[ReadingStarted | DeviceDone] = []
    context = PlanContext(tmp_path / "state", AT, events.append, network.connect)
    found = plan_folder(loaded, PlanChoices(), context)
    assert {change.device for change in found.plan.changes} == set(loaded.intent.devices)
    assert found.plan.created_at == AT.isoformat(timespec="seconds")
    assert found.unmanaged == {}
    assert events[0] == ReadingStarted(len(loaded.intent.devices))
    read = {event.device for event in events if isinstance(event, DeviceDone)}
    assert read == set(loaded.intent.devices)


def test_what_devices_run_may_lie_in_files(loaded, tmp_path):
    (tmp_path / "running").mkdir()
    choices = PlanChoices(only=["mora-r1"], running=tmp_path / "running")
    found = plan_folder(loaded, choices, PlanContext(tmp_path / "state", AT))
    assert [change.device for change in found.plan.changes] == ["mora-r1"]


def test_devices_are_left_out_and_a_slip_in_a_name_is_an_error(loaded, context):
    found = plan_folder(loaded, PlanChoices(without=["mora-r1"]), context)
    assert set(found.plan.seen) == loaded.intent.devices.keys() - {"mora-r1"}
    with pytest.raises(UnknownNameError, match="did you mean mora-r1"):
        plan_folder(loaded, PlanChoices(without=["mora-r2"]), context)


def test_devices_that_cannot_be_read_are_in_the_error_with_their_reasons(loaded, network, context):
    network.device("mora-r1").faults = Faults(hangs=frozenset({Act.READ}))
    with pytest.raises(DevicesUnreachableError, match="mora-r1") as raised:
        plan_folder(loaded, PlanChoices(), context)
    assert raised.value.reasons == {"mora-r1": "no answer to read in time"}
    assert raised.value.advice.startswith("1 of 7 devices cannot be read, so nothing is planned")
    plan_folder(loaded, PlanChoices(without=["mora-r1"]), context)


def test_once_applied_there_is_nothing_to_change(loaded, network, context):
    made = plan_folder(loaded, PlanChoices(), context).plan
    with closing(Journal.open(context.state_dir)) as journal:
        apply(made, ApplyContext(network.connect, journal, TestClock(), pace=PACE))
    assert not plan_folder(load(loaded.folder), PlanChoices(), context).plan.changes


def test_an_expectation_that_may_fail_has_to_exist(loaded, context):
    with pytest.raises(UnknownNameError, match="no expectation reads"):
        plan_folder(loaded, PlanChoices(failing=["every clinic has a view"]), context)


def test_a_revoked_key_in_edge_keys_refuses_every_plan(folder, context):
    key = keys.public_of(keys.generate_private())
    (folder / "edge.yaml").write_text(EDGE, encoding="utf-8")
    (folder / "edge_keys").write_text(f"yaounde-e1 {key}\n", encoding="utf-8")
    with closing(People.open(context.state_dir, clock=TestClock())) as store:
        store.revoke_site("yaounde-e1", [key], Actor("tester", "stolen"))
    with pytest.raises(AccessError, match="edge_keys: yaounde-e1: this key of yaounde-e1"):
        plan_folder(load(folder), PlanChoices(), context)
    (folder / "edge_keys").write_text("", encoding="utf-8")
    found = plan_folder(load(folder), PlanChoices(), context)
    assert found.unmanaged["yaounde-e1"].startswith("no public key pinned")


def test_an_apply_that_is_not_over_is_a_value(loaded, network, context):
    assert unfinished_applies(context.state_dir) == ()
    made = plan_folder(loaded, PlanChoices(), context).plan
    with closing(Journal.open(context.state_dir)) as journal:
        held = ApplyContext(network.connect, journal, TestClock(), pace=PACE)
        apply(made, held, confirm_within_s=300, hold=True)
    (entry,) = unfinished_applies(context.state_dir)
    assert (entry.network, entry.held) == ("small", True)


def without_kolofata(folder):
    """Take a site out of the documents, with its router, its circuits and what is expected."""
    for file, key in (("sites", "name"), ("devices", "site"), ("circuits", "name")):
        path = folder / f"{file}.yaml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        document[file] = [one for one in document[file] if "kolofata" not in one[key]]
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    network = folder / "network.yaml"
    lines = network.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "from kolofata" not in line]
    network.write_text("\n".join(kept), encoding="utf-8")
    return load(folder)


def test_a_site_that_left_the_folder_is_named_also_after_a_rollback(
    folder, loaded, network, context
):
    everyone = PlanChoices(devices_cut=1, facilities_cut=1)
    first = plan_folder(loaded, PlanChoices(), context).plan
    rest = without_kolofata(folder)
    with closing(Journal.open(context.state_dir)) as journal:
        applying = ApplyContext(network.connect, journal, TestClock(), pace=PACE)
        apply(first, applying)
        for _ in range(2):
            with pytest.raises(UnsafePlanError, match=r"cut off .*: kolofata\. At most"):
                plan_folder(rest, PlanChoices(), context)
            made = plan_folder(rest, everyone, context).plan
            assert made.steady.disconnected == ("kolofata",)
            assert made.steady.population_disconnected == 81_162
            apply(made, applying)
            assert rollback(applying).outcome is Outcome.CONFIRMED


def test_saved_files_are_named_by_the_record_of_the_last_apply(folder, loaded, network, context):
    first = plan_folder(loaded, PlanChoices(), context).plan
    with closing(Journal.open(context.state_dir)) as journal:
        apply(first, ApplyContext(network.connect, journal, TestClock(), pace=PACE))
    network.save(folder.parent / "saved")
    choices = PlanChoices(devices_cut=1, facilities_cut=1, running=folder.parent / "saved")
    found = plan_folder(without_kolofata(folder), choices, context)
    assert found.plan.steady.disconnected == ("kolofata",)
    assert found.plan.steady.population_disconnected == 81_162
    assert "kolofata-r1.conf not read" in found.notes[0]
