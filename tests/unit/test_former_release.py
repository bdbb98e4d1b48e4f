"""What release 0.1 wrote is read by this one, and worked with."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from controller.access.registrar import Registrar
from controller.apply import recovery
from controller.apply.recorded import recorded_intent
from controller.apply.session import ApplyContext
from controller.drivers.memory import MemoryNetwork
from controller.keys.psk_root import PairSecret
from controller.keys.signing import public_text, signing_key
from controller.planning.plan_file import load as load_plan
from controller.store.journal import Journal
from edge.clock import Moment
from edge.dataplane.undo_file import kept_of
from edge.identity import device, keyring
from edge.keys import rotation_state
from edge.keys.psk import PresharedKeys
from edge.keys.revoked import RevokedKeys
from edge.policy.store import PolicyStore
from edge.remote_access.roster import ActiveRoster
from edge.selection import call_list, saved_state
from edge.signed import verifiers
from edge.storage import journal
from tests.former_release import unpack
from tests.rigs.controller.apply_rig import NAMES, PACE, new, old
from tests.sanaga_process import Sanaga
from tests.simulated_time import TestClock

AT = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
SAVED_AT = Moment("boot-1", 1000.0, 1000.0, 1.8e9)


def now() -> Moment:
    return Moment("boot", AT, AT, AT)


@pytest.fixture
def facts(tmp_path):
    return unpack(tmp_path)


@pytest.fixture
def edge(facts, tmp_path):
    assert facts
    return tmp_path / "edge"


def test_people_and_their_audit_trail_are_there(facts, tmp_path):
    sanaga = Sanaga(tmp_path)
    listed = json.loads(sanaga("vpn", "person", "list", "--all", "-o", "json").out)
    assert {one["name"]: one["state"] for one in listed} == {
        "a-ngono": "active",
        "b-oumarou": "revoked",
    }
    audit = sanaga("vpn", "audit", "-o", "json")
    assert "7 entries, unbroken" in audit.err
    assert len(json.loads(audit.out)) == 7


def test_their_audit_trail_goes_on_as_the_one_chain_with_the_hashes_that_it_had(facts, tmp_path):
    with closing(sqlite3.connect(tmp_path / "state" / "people.sqlite")) as former:
        query = "SELECT serial, hash FROM audit ORDER BY serial"
        before = former.execute(query).fetchall()
    sanaga = Sanaga(tmp_path)
    assert sanaga("account", "link").code == 0
    revoked = ("vpn", "person", "revoke", "a-ngono", "--because", "left", "--later")
    assert sanaga(*revoked).code == 0
    audit = sanaga("vpn", "audit", "--noted", before[-1][1], "-o", "json")
    assert (audit.code, "unbroken" in audit.err) == (0, True), audit.err
    entries = json.loads(audit.out)
    assert [(one["serial"], one["hash"]) for one in entries[:7]] == before
    assert [one["kind"] for one in entries[6:9]] == ["vpn", "accounts", "vpn"]
    with closing(Registrar.open(tmp_path / "state")) as registrar:
        assert registrar.store.last() == len(entries) - 1


def test_a_person_gets_the_same_file_again_and_another_device(facts, tmp_path):
    sanaga = Sanaga(tmp_path)
    again = sanaga(
        "vpn", "person", "export", "a-ngono", "--because", "lost", "--file", "again.conf"
    )
    assert again.code == 0, again.err
    former, written = (
        (tmp_path / name).read_text(encoding="utf-8").partition("[Peer]")[2]
        for name in ("ngono.conf", "again.conf")
    )
    assert "PresharedKey" in written
    assert written == former
    more = ("--device", "laptop", "--because", "second", "--later", "--file", "laptop.conf")
    added = sanaga("vpn", "person", "add", "a-ngono", *more)
    assert added.code == 0, added.err
    assert "[Peer]" in (tmp_path / "laptop.conf").read_text(encoding="utf-8")


def test_revoked_keys_stay_revoked(facts, tmp_path):
    with closing(Registrar.open(tmp_path / "state")) as registrar:
        assert registrar.store.revoked.serial() == 1


def test_signing_key_is_the_one_that_edges_trust(facts, tmp_path):
    assert public_text(signing_key(tmp_path / "state")) == facts["controller"]


def test_a_saved_plan_is_read_and_says_what_it_said(facts, tmp_path):
    plan = load_plan(tmp_path / "change.plan")
    assert [change.device for change in plan.waves[0]] == ["kolofata-r1"]
    assert len(plan.changes) == 7
    assert all("router bgp" in change.after.text for change in plan.changes)


def test_an_apply_of_the_former_release_is_taken_back(facts, tmp_path):
    clock = TestClock()
    network = MemoryNetwork({name: new(name).text for name in NAMES}, clock=clock)
    with closing(Journal.open(tmp_path / "state", clock=clock)) as opened:
        known = recorded_intent(opened, None)
        assert known is not None
        assert set(known.devices) == set(NAMES)
        context = ApplyContext(network.connect, opened, clock, lambda _: None, 1, PACE)
        assert recovery.rollback(context).outcome == "confirmed"
    assert all(network.devices[name].now_running() == old(name) for name in NAMES)


def test_a_plan_is_made_from_the_folder_and_the_state(facts, tmp_path):
    running = tmp_path / "running"
    running.mkdir()
    for change in load_plan(tmp_path / "change.plan").changes:
        (running / f"{change.device}.conf").write_text(change.after.text, encoding="utf-8")
    again = Sanaga(tmp_path)("plan", "small", "--running", running)
    assert again.code == 0, again.out + again.err
    assert "Nothing to change" in again.out


def test_an_edge_is_who_it_was_and_trusts_whom_it_trusted(facts, edge):
    me = device.load_identity(edge)
    assert me.device == "kolofata-e1"
    assert keyring.private_keys(edge).keys() == {facts["edge_public"]}


def test_its_policy_runs_on(edge):
    store = PolicyStore(edge, "kolofata-e1", verifiers.PolicyVerifier(edge))
    signed = store.load().signed
    assert signed is not None
    assert (signed.serial, signed.policy.lans) == (2, ("lan0", "lan1"))
    assert store.last() == {"txn": "second", "outcome": "confirmed"}


def test_its_people_are_still_let_in(edge):
    asyncio.run(_its_people_are_still_let_in(edge))


async def _its_people_are_still_let_in(edge):
    admitted = []

    async def install(people):
        admitted.append(people)

    roster = ActiveRoster(edge, "kolofata-e1", verifiers.RosterVerifier(edge), install, now)
    await roster.open()
    assert (roster.refused, roster.status()["serial"], roster.status()["devices"]) == ("", 4, 1)
    assert len(admitted) == 1


def test_its_revoked_keys_stay_out(facts, edge):
    revoked = RevokedKeys(edge, verifiers.RevocationVerifier(edge))
    asyncio.run(revoked.open())
    assert revoked.serial == 3
    assert revoked.keys == {facts["revoked"]}


def test_its_preshared_keys_are_those_of_the_controller(facts, edge, tmp_path):
    chains = PresharedKeys(edge, device.load_identity(edge), verifiers.PskVerifier(edge), now)
    chains.open()
    fingerprint = PairSecret(tmp_path / "state", 1).fingerprint
    assert chains.known() == {"1": {"fingerprint": fingerprint, "peers": ["yaounde-e1"]}}


def test_its_rotation_its_undo_its_calls_and_its_decisions_are_remembered(facts, edge):
    state = rotation_state.load_rotation(edge, 0.0)
    assert state.own == {"sgte0": facts["edge_public"]}
    assert state.far == {("sgte0", "yaounde-e1"): facts["revoked"]}
    assert state.unproved["sgte1"].asked == {"yaounde-e1"}
    assert kept_of(edge).tunnels == ("sgte0",)
    (call,) = call_list.load_calls(edge, SAVED_AT)
    assert (call.service, call.flow.destination_port) == ("consultation-audio", 5004)
    memories = saved_state.load_state(edge, SAVED_AT)
    assert memories["yaounde-e1", "consultation-audio"].path == "fibre"
    (entry,) = journal.read_journal(edge)
    assert entry["what"] == "leo: fibre answers no more"
