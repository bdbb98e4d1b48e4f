"""Records that another process holds locked: decisions wait for it, and none is lost."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from controller.incidents.model import Health
from controller.incidents.view import network_view
from controller.load import load
from database import engine
from inventory.errors import StorageError
from tests.rigs.service.api_bench import SPUR
from tests.rigs.service.shared_controllers import CUT, controller_on
from tests.rigs.waiting import eventually
from topology.build import build_topology

WITHIN_S = 60
HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def network():
    intent = load(SPUR).intent
    return network_view(intent, build_topology(intent))


@contextmanager
def locked(file):
    """Have another process write and not finish while the block runs."""
    argv = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdin
        assert other.stdout.readline() == "held\n"
        yield
        other.stdin.close()


def said(controller, number):
    return [one.sentence for one in controller.incidents.timeline(number)]


def test_an_act_waits_until_the_other_process_is_done(tmp_path, network):
    file = tmp_path / "sanaga.sqlite"
    with controller_on(file, network) as one, ThreadPoolExecutor(1) as pool:
        one.cut()
        eventually(lambda: one.roots() == [CUT.name], WITHIN_S, "the incident")
        (incident,) = one.incidents.listed(ended=False)
        with locked(file):
            asked = pool.submit(one.comment, incident.number, "a crew is under way")
            # Readers are not kept waiting.
            assert "a crew is under way" not in said(one, incident.number)
            assert not asked.done()
        assert asked.result(WITHIN_S) == ()
        assert said(one, incident.number).count("a crew is under way") == 1


def test_what_is_heard_while_they_stay_locked_is_decided_on_later(tmp_path, network, monkeypatch):
    monkeypatch.setattr(engine, "WITHIN_S", 0.2)
    file = tmp_path / "sanaga.sqlite"
    with controller_on(file, network) as one:
        one.cut()
        eventually(lambda: one.roots() == [CUT.name], WITHIN_S, "the incident")
        (incident,) = one.incidents.listed(ended=False)
        with locked(file):
            with pytest.raises(StorageError, match="nothing can be stored now; try again later"):
                one.comment(incident.number, "lost, and said to be")
            one.cut(2, Health.OK)
            eventually(lambda: "locked" in one.incidents.fault, WITHIN_S, "the fault")
        eventually(lambda: one.roots() == [], WITHIN_S, "the end")
        assert one.incidents.fault == ""
        assert "lost, and said to be" not in said(one, incident.number)
