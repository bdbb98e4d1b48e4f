"""The door as sshd runs it, before a pretended FRR that keeps its configuration in a file."""

import json
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from controller.drivers.frr_files import DOOR
from controller.frr_door import configuration_text
from controller.frr_door.frr import BATCH
from controller.frr_door.main import SHOW_TIMEOUT_S
from simulations.netns.waiting import eventually
from tests.rigs.controller.door_rig import (
    NEW,
    OLD,
    Door,
)


def _eventually(check: Callable[[], bool]) -> None:
    eventually(check, within_s=120, what="what the door promised")


def test_confirmed_change_is_running_and_saved(door: Door):
    assert door.stage("a", NEW) == (0, {"ok": True, "delta": "Lines To Add\n============\nchange"})
    assert door.running() == OLD
    assert door.ask("commit a 60")[1]["pending"] == "a"
    assert door.running() == NEW
    assert (door.folder / "startup").read_text() == OLD
    assert door.ask("confirm a")[1]["last"] == {"txn": "a", "outcome": "confirmed"}
    assert (door.folder / "startup").read_text() == NEW
    _eventually(lambda: not door.guards())


def test_rolled_back_change_leaves_what_was(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    assert door.ask("rollback a")[1]["last"] == {"txn": "a", "outcome": "rolled-back"}
    assert door.running() == OLD
    assert door.ask("rollback a")[0] == 0


def _overdue(record: Path) -> str:
    """Return what a record would say had its time run out."""
    return json.dumps({**json.loads(record.read_text()), "deadline": 0.0})


@contextmanager
def _guard_woken(state: Path) -> Iterator[None]:
    """Wait until the guard watches its record, and wake it once the record is another one."""
    fifo = os.open(state / "wake", os.O_RDWR | os.O_NONBLOCK)
    os.write(fifo, b".")
    _eventually(lambda: not select.select([fifo], [], [], 0)[0])
    yield
    os.write(fifo, b".")
    os.close(fifo)


def test_unconfirmed_change_is_undone_by_the_guard(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 1")
    _eventually(lambda: door.running() == OLD)
    _eventually(lambda: not door.guards())
    code, answer = door.ask("confirm a")
    assert (code, answer["error"]) == (1, "undone")
    assert (door.folder / "startup").read_text() == OLD


def test_timer_started_anew_fires_at_its_new_time_even_if_that_is_sooner(door: Door):
    door.stage("a", NEW)
    assert door.ask("extend a 5")[1]["error"] == "undone"
    door.ask("commit a 60")
    assert door.ask("extend a 0")[1]["error"] == "usage"
    assert door.ask("extend a 1")[1]["left_s"] == 1
    _eventually(lambda: door.running() == OLD)
    _eventually(lambda: not door.guards())


def test_timer_started_anew_gives_more_time(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    door.ask("extend a 600")
    assert door.ask("status")[1]["left_s"] > 500
    door.ask("rollback a")
    _eventually(lambda: not door.guards())


def test_confirmation_is_idempotent(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    assert door.ask("confirm a") == door.ask("confirm a")


def test_confirmation_of_what_never_ran_is_refused(door: Door):
    code, answer = door.ask("confirm a")
    assert (code, answer["error"]) == (1, "unknown")


def test_interrupted_confirmation_is_finished_by_the_next_request(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    state = door.folder / "state"
    (state / "pending.json").rename(state / "confirming.json")
    assert door.ask("status")[1]["last"] == {"txn": "a", "outcome": "confirmed"}
    assert (door.folder / "startup").read_text() == NEW


def test_interrupted_undoing_is_finished_by_the_next_request(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    state = door.folder / "state"
    (state / "pending.json").rename(state / "reverting.json")
    door.ask("status")
    assert door.running() == OLD


def test_interrupted_confirmation_is_finished_by_the_guard(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 600")
    state = door.folder / "state"
    overdue = _overdue(state / "pending.json")
    with _guard_woken(state):
        (state / "pending.json").rename(state / "confirming.json")
        (state / "confirming.json").write_text(overdue)
    _eventually(lambda: not door.guards())
    assert (door.folder / "startup").read_text() == NEW


def test_guard_undoes_although_the_door_was_replaced_meanwhile(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 600")
    fresh = door.folder / "fresh"
    fresh.write_text("no door")
    fresh.replace(door.folder / DOOR)
    assert door.run("status").returncode not in {0, 64}
    state = door.folder / "state"
    with _guard_woken(state):
        (state / "pending.json").write_text(_overdue(state / "pending.json"))
    _eventually(lambda: not door.guards())
    assert door.running() == OLD


def test_confirmation_that_a_restart_outran_is_not_told_as_done(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    state = door.folder / "state"
    (state / "pending.json").rename(state / "confirming.json")
    (door.folder / "running").write_text(OLD)
    code, answer = door.ask("confirm a")
    assert (code, answer["error"]) == (1, "undone")
    assert "restarted" in answer["message"]


def test_change_that_outlives_its_killed_door_is_undone_all_the_same(door: Door):
    door.stage("a", NEW + "slow\n!\n")
    commit = door.start("commit a 60")
    _eventually((door.folder / "begun").exists)
    commit.kill()
    commit.wait()
    assert door.ask("rollback a")[0] == 0
    Event().wait(2)
    assert door.running() == OLD


def test_guard_outlives_a_record_that_it_cannot_read(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 600")
    state = door.folder / "state"
    overdue = _overdue(state / "pending.json")
    with _guard_woken(state):
        (state / "pending.json").write_text("{")
    Event().wait(0.5)  # nothing tells that the guard has read it
    (state / "pending.json").write_text(overdue)
    _eventually(lambda: door.running() == OLD)


def test_change_that_cannot_be_written_down_is_undone_at_once(door: Door):
    door.stage("a", NEW)
    (door.folder / "state" / "work" / "frr.new").mkdir()
    assert door.ask("commit a 60")[1]["error"] == "rejected"
    assert door.ask("status")[1]["pending"] is None
    _eventually(lambda: not door.guards())


def test_missing_tool_is_named(door: Door):
    (door.folder / "frr-reload.py").unlink()
    code, answer = door.stage("a", NEW)
    assert (code, answer["error"]) == (1, "missing")
    assert f"{door.folder}/frr-reload.py cannot be run here" in answer["message"]


def test_state_folder_in_which_others_write_is_refused(door: Door):
    door.ask("status")
    (door.folder / "state").chmod(0o777)
    code, answer = door.ask("status")
    assert (code, answer["error"]) == (1, "state")


def test_candidate_is_not_replaced_while_its_commit_is_pending(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    assert door.stage("a", OLD)[1]["error"] == "pending"
    assert door.ask("commit a 60")[0] == 0
    assert door.running() == NEW


def test_refused_candidate_takes_the_place_of_the_one_before(door: Door):
    door.stage("a", NEW)
    door.stage("b", NEW + "unknown\n!\n")
    assert door.ask("status")[1]["staged"] is None
    assert door.ask("commit a 60")[1]["error"] == "unknown"


def test_many_deletions_take_few_vtysh(door: Door):
    names = [f"eth{n}" for n in range(BATCH + 1)]
    ports = "".join(f"interface {name}\n description port\nexit\n!\n" for name in names)
    (door.folder / "running").write_text(OLD + ports)
    (door.folder / "gone").write_text(
        "".join(f"interface {name}\n no description port of {name}\n" for name in names)
    )
    door.stage("a", OLD)
    (door.folder / "calls").unlink()
    assert door.ask("commit a 60")[0] == 0
    batches = [x for x in (door.folder / "calls").read_text().splitlines() if "interface" in x]
    first = "'-c', 'configure', '-c', 'interface eth0', '-c', ' no description', '-c', 'end'"
    assert len(batches) == 2
    assert first in batches[0]
    assert batches[1].endswith("'configure', '-c', 'interface eth32', '-c', ' no description']")


def test_few_deletions_are_left_to_the_reload_tool(door: Door):
    (door.folder / "gone").write_text("no ip route 192.0.2.0/24 blackhole\n")
    door.stage("a", NEW)
    door.ask("commit a 60")
    assert "no ip route" not in (door.folder / "calls").read_text()


def test_refused_line_is_named_and_undone_at_once(door: Door):
    door.stage("a", NEW + "refused\n!\n")
    code, answer = door.ask("commit a 60")
    assert (code, answer["error"]) == (1, "rejected")
    assert "line: refused" in answer["message"]
    assert door.running() == OLD
    _eventually(lambda: not door.guards())


def test_unknown_line_is_refused_while_staging(door: Door):
    code, answer = door.stage("a", NEW + "unknown\n!\n")
    assert (code, answer["error"]) == (1, "rejected")
    assert "Unknown command: unknown" in answer["message"]
    assert door.ask("commit a 60")[1]["error"] == "unknown"


def test_other_transaction_waits_for_the_pending_one(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    code, answer = door.stage("b", NEW)
    assert (code, answer["error"]) == (1, "pending")
    assert "transaction a is unconfirmed" in answer["message"]
    assert door.ask("confirm b")[1]["error"] == "pending"


def test_committing_again_changes_nothing(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    assert door.ask("commit a 60")[0] == 0
    assert len(door.guards()) == 1
    door.ask("rollback a")
    assert door.running() == OLD


def test_configuration_changed_since_staging_is_not_overwritten(door: Door):
    door.stage("a", NEW)
    (door.folder / "running").write_text(OLD.replace("old", "by hand"))
    assert door.ask("commit a 60")[1]["error"] == "changed"


def test_half_a_candidate_is_refused(door: Door):
    digest = sha256(NEW.encode()).hexdigest()
    assert door.ask(f"stage a {len(NEW)} {digest}", NEW[:9])[1]["error"] == "incomplete"
    assert door.ask("status")[1]["staged"] is None


def test_restart_before_confirmation_settles_the_record(door: Door):
    door.stage("a", NEW)
    door.ask("commit a 60")
    (door.folder / "running").write_text(OLD)
    assert door.ask("status")[1]["last"] == {"txn": "a", "outcome": "restarted"}
    _eventually(lambda: not door.guards())


@pytest.mark.parametrize(
    "request_text",
    [
        "bash",
        "read extra",
        "commit a",
        "commit a 0",
        "commit ../a 5",
        "stage a 99999999999 x",
        "stage a -1 x",
        "vtysh -c 'configure terminal'",
        "vtysh -c 'show version' -c 'write memory'",
        "vtysh -f /etc/shadow",
        "probe lo nowhere",
        "read '",
    ],
)
def test_anything_else_is_refused(door: Door, request_text: str):
    code, answer = door.ask(request_text)
    assert code in {1, 64}
    assert not answer["ok"]


def test_show_commands_go_to_vtysh_and_are_ended_when_they_hang(door: Door):
    said = door.run("vtysh -c 'show bgp summary'").stdout
    assert "'-c', 'show bgp summary'" in said
    assert f"for at most {SHOW_TIMEOUT_S} s" in said


@pytest.mark.parametrize("request_text", ["", "  ", "vtysh", "vtysh -c"])
def test_controllers_key_opens_no_interactive_vtysh(door: Door, request_text: str):
    code, answer = door.ask(request_text)
    assert (code, answer["error"]) == (64, "usage")


def test_login_without_a_request_is_told_who_may_log_in(door: Door):
    assert "log in as a person" in str(door.ask("")[1]["message"])


def test_targets_without_an_answer_are_told(door: Door):
    answer = door.ask("probe 127.0.0.1 127.0.0.1 192.0.2.1 ::1")[1]
    assert "192.0.2.1" in answer["unreached"]
    assert "127.0.0.1" not in answer["unreached"]


def test_canonical_form_drops_what_changes_by_itself():
    shown = f"\nCurrent configuration:\n!\nfrr version 8.4.4\nhostname x\n{OLD}end\n"
    assert configuration_text.canonical(shown) == OLD


def test_canonical_form_orders_static_routes_by_prefix():
    shown = [
        "ip route 10.0.8.0/23 blackhole",
        "ipv6 route fd00::/60 blackhole",
        "ip route 9.0.0.0/8 blackhole",
        "ipv6 route fc00::/60 172.20.0.1",
        "ip route 10.0.0.0/23 172.20.0.1",
    ]
    ordered = [shown[i] for i in (2, 4, 0, 3, 1)]
    before, after = ("\n".join((*lines, "!", "")) for lines in (shown, ordered))
    assert configuration_text.canonical(before) == configuration_text.canonical(after)
    assert configuration_text.canonical(after).splitlines()[:5] == ordered


def test_canonical_form_orders_route_maps_alone():
    one, two, ten = (f"route-map m permit {n}\nexit" for n in (1, 2, 10))
    before = f"{OLD}{ten}\n!\n{two}\n!\nip route 1.0.0.0/8 blackhole\n!\n{one}\n!\n"
    after = f"{OLD}{one}\n!\n{two}\n!\nip route 1.0.0.0/8 blackhole\n!\n{ten}\n!\n"
    assert configuration_text.canonical(before) == after
    assert configuration_text.canonical(after) == after
