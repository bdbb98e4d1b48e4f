"""Asking a running edge: one request, one answer; who may ask; what a door makes of it."""

import asyncio
import io
import json
import socket
import subprocess
import sys
import threading
from hashlib import sha256

import pytest

from edge.clock import Moment
from edge.control import client as control
from edge.control.client import NotRunningError
from edge.control.server import ControlServer
from edge.door import Door
from edge.policy import canonical
from edge.policy.store import PolicyStore
from edge.policy.transactions import Transactions
from edge.signed import policy_envelope
from edge.storage import lock
from inventory.errors import EdgeError, PolicyRefusedError
from tests.rigs.edge.edge_policies import SIGNER, edge_policy, signed

OLD, NEW = edge_policy(), edge_policy(lans=("lan0", "lan1"))


class Served:
    """A control server on a loop of its own thread, with real transactions on a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.now_s = 1000.0
        self.installed = []
        self.fails = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.do(self._open())

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _open(self):
        trust = SIGNER.public_key()
        store = PolicyStore(
            self.folder,
            "kolofata-e1",
            lambda text, file: policy_envelope.verify_policy(text, file, trust),
        )
        self.transactions = Transactions(store, self._install, self._moment)
        self.transactions.open()
        self.server = ControlServer(self.folder, self._answer)
        await self.server.open()

    def _moment(self):
        return Moment("boot-1", self.now_s, self.now_s, 1.8e9)

    async def _install(self, policy):
        if self.fails and policy == NEW:
            raise EdgeError(self.fails)
        self.installed.append(policy)

    async def _answer(self, request):
        verb, at = request["verb"], self.transactions
        if verb == "transaction":
            return at.status()
        if verb == "read":
            return at.read()
        if verb == "stage":
            return await at.stage(request["txn"], request["candidate"])
        if verb in {"commit", "extend"}:
            return await getattr(at, verb)(request["txn"], request["within_s"])
        return await getattr(at, verb)(request["txn"])

    def close(self):
        self.do(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def served(tmp_path):
    made = Served(tmp_path)
    yield made
    made.close()


def visit(served, request, data=b""):
    """Return the exit code and the answer of one visit at the door."""
    said = io.BytesIO()
    code = Door(served.folder, io.BytesIO(data), said).answer(request)
    return code, json.loads(said.getvalue())


def stage(served, txn, policy, serial):
    data = signed(policy, serial).encode()
    return visit(served, f"stage {txn} {len(data)} {sha256(data).hexdigest()}", data)


def running(served):
    return visit(served, "read")[1]["config"]


def test_candidate_changes_nothing_until_it_is_committed(served):
    code, said = stage(served, "one", OLD, 1)
    assert (code, said["ok"]) == (0, True)
    assert '+  "device": "kolofata-e1",' in said["delta"]
    assert running(served) == ""
    visit(served, "commit one 60")
    assert running(served) == canonical.policy_text(OLD)
    assert served.installed == [OLD]


def test_commit_that_is_not_confirmed_returns_by_itself(served):
    confirmed(served)
    stage(served, "two", NEW, 2)
    visit(served, "commit two 60")
    served.now_s += 61
    served.do(served.transactions.tend())
    assert running(served) == canonical.policy_text(OLD)
    assert served.installed[-1] == OLD
    assert visit(served, "status")[1]["last"] == {"txn": "two", "outcome": "expired"}


def confirmed(served):
    stage(served, "one", OLD, 1)
    visit(served, "commit one 60")
    visit(served, "confirm one")


def test_commit_asked_for_twice_is_one_commit(served):
    confirmed(served)
    stage(served, "two", NEW, 2)
    visit(served, "commit two 60")
    served.now_s += 20
    code, said = visit(served, "commit two 60")
    assert (code, said["left_s"]) == (0, 40.0)


def test_extended_commit_has_the_new_time(served):
    confirmed(served)
    stage(served, "two", NEW, 2)
    visit(served, "commit two 60")
    assert visit(served, "extend two 5")[1]["left_s"] == 5.0


def test_confirmation_of_what_was_undone_is_refused(served):
    confirmed(served)
    stage(served, "two", NEW, 2)
    visit(served, "commit two 60")
    visit(served, "rollback two")
    code, said = visit(served, "confirm two")
    assert (code, said["error"]) == (1, "undone")
    assert running(served) == canonical.policy_text(OLD)


def test_confirmation_of_what_was_never_on_trial_is_refused(served):
    assert visit(served, "confirm one")[1]["error"] == "unknown"
    confirmed(served)
    assert visit(served, "confirm one")[0] == 0
    stage(served, "two", NEW, 2)
    code, said = visit(served, "confirm two")
    assert (code, said["error"]) == (1, "unknown")
    assert running(served) == canonical.policy_text(OLD)


def test_second_transaction_waits_for_the_first(served):
    confirmed(served)
    stage(served, "two", NEW, 2)
    visit(served, "commit two 60")
    code, said = stage(served, "three", NEW, 3)
    assert (code, said["error"]) == (1, "pending")


def test_policy_that_the_kernel_does_not_take_is_undone(served):
    confirmed(served)
    served.fails = "the kernel refused a tunnel"
    stage(served, "two", NEW, 2)
    code, said = visit(served, "commit two 60")
    assert (code, said["error"], said["message"]) == (1, "rejected", served.fails)
    assert running(served) == canonical.policy_text(OLD)
    assert visit(served, "status")[1]["pending"] is None


def serials(served):
    status = visit(served, "status")[1]
    return status["serial"], status["newest_serial"]


def test_next_serial_is_told_by_the_status(served):
    assert serials(served) == (0, 0)
    confirmed(served)
    assert serials(served) == (1, 1)
    assert stage(served, "two", NEW, 1)[1]["error"] == "rejected"
    stage(served, "two", NEW, 2)
    visit(served, "commit two 60")
    visit(served, "rollback two")
    assert serials(served) == (1, 2)


@pytest.mark.parametrize(
    "request_", ["", "reload", "read now", "commit one", "commit a/b 5", "commit one x", "'"]
)
def test_what_is_no_request_is_refused_as_such(served, request_):
    code, said = visit(served, request_)
    assert (code, said["error"]) == (64, "usage")


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 100])
def test_candidate_that_did_not_come_whole_is_refused(served, data):
    whole = b"y" * 100
    code, said = visit(served, f"stage one 100 {sha256(whole).hexdigest()}", data)
    assert (code, said["error"]) == (1, "incomplete")


def test_door_without_a_daemon_says_so(tmp_path):
    said = io.BytesIO()
    assert Door(tmp_path, io.BytesIO(), said).answer("read") == 1
    assert json.loads(said.getvalue())["error"] == "hanging"


def test_refusal_reaches_who_asked_as_the_error_it_was(served):
    with pytest.raises(PolicyRefusedError, match="candidate: no JSON"):
        control.request(served.folder, "stage", txn="one", candidate="{")
    with pytest.raises(EdgeError, match="not staged"):
        control.request(served.folder, "commit", txn="none", within_s=5)


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{\n", b"\xff\n", b'{"verb": "stage"}\n'])
def test_junk_on_the_socket_is_answered_by_a_refusal(served, line):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(served.folder / control.SOCKET))
        asking.sendall(line)
        assert json.loads(asking.makefile().readline())["error"] == "usage"
    assert running(served) == ""


def test_socket_is_for_its_owner_alone(served):
    assert (served.folder / control.SOCKET).stat().st_mode & 0o777 == 0o600


def test_socket_lies_as_deep_as_it_must(tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    served = Served(deep)
    try:
        assert running(served) == ""
    finally:
        served.close()


def test_nobody_answers_where_no_edge_runs(tmp_path):
    with pytest.raises(NotRunningError, match="'sanaga edge run' starts it"):
        control.request(tmp_path, "status")


def test_second_daemon_is_told_who_holds_the_folder(tmp_path):
    with (
        lock.hold_folder(tmp_path, "noon"),
        pytest.raises(EdgeError, match=r"runs already, as process \d+ since noon"),
        lock.hold_folder(tmp_path, "one o'clock"),
    ):
        pass
    assert lock.folder_holder(tmp_path) == ""


ALONE = """
import sys
from pathlib import Path
from edge.storage import lock
lock._NAMESPACES = Path(sys.argv[1])
with lock.hold_namespace():
    print("alone", flush=True)
    sys.stdin.read()
"""


def test_second_daemon_in_a_network_namespace_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "namespaces"
    monkeypatch.setattr(lock, "_NAMESPACES", file)
    command = [sys.executable, "-c", ALONE, str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "alone\n"
        with pytest.raises(EdgeError, match=f"another edge runs .* as process {other.pid};"):
            lock.hold_namespace().__enter__()
        other.kill()
    with lock.hold_namespace():
        assert file.stat().st_mode & 0o777 == 0o600
