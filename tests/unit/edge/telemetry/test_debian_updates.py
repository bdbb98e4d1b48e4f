"""Security updates that wait: read from what apt says, and told by an edge."""

import asyncio
import os
import shutil
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from edge.agent import tasks
from edge.agent.reports import about_updates
from edge.telemetry import debian_updates
from edge.telemetry.debian_updates import STALE_S, WaitingUpdates, waiting_updates

NOW_S = 1_800_000_000.0
APT = """\
Inst libssl3 [3.0.15-1] (3.0.17-1~deb12u3 Debian-Security:12/stable-security [amd64])
Inst tzdata [2024a] (2024b Debian:12.9/stable-updates [all])
Inst openssl [3.0.15-1] (3.0.17-1~deb12u3 Debian-Security:12/stable-security [amd64])
Conf libssl3 (3.0.17-1~deb12u3 Debian-Security:12/stable-security [amd64])
"""


@pytest.fixture
def lists(tmp_path):
    file = tmp_path / "deb.example_dists_bookworm_InRelease"
    file.touch()
    os.utime(file, (NOW_S, NOW_S))
    return tmp_path


def test_only_security_updates_count(monkeypatch, lists):
    monkeypatch.setattr(debian_updates, "simulated_upgrade", lambda: APT)
    found = waiting_updates(NOW_S + 60, lists)
    assert found == WaitingUpdates(("libssl3", "openssl"))
    assert about_updates(found) == {"updates": 2, "update_names": ["libssl3", "openssl"]}


def test_lists_that_nobody_renewed_are_no_good_news(monkeypatch, lists):
    monkeypatch.setattr(debian_updates, "simulated_upgrade", lambda: "")
    found = waiting_updates(NOW_S + STALE_S + 1, lists)
    assert found.stale_s == STALE_S + 1
    assert about_updates(found) == {"updates_unknown": "apt's lists of packages are 8 days old"}
    assert about_updates(waiting_updates(NOW_S + STALE_S - 1, lists))["updates"] == 0


@pytest.mark.parametrize(
    "fault",
    [FileNotFoundError("no apt-get"), subprocess.TimeoutExpired("apt-get", 120),
     subprocess.CalledProcessError(100, "apt-get")],
)  # fmt: skip
def test_what_apt_cannot_say_is_unknown_and_says_why(monkeypatch, lists, fault):
    def fail():
        raise fault

    monkeypatch.setattr(debian_updates, "simulated_upgrade", fail)
    told = about_updates(waiting_updates(NOW_S, lists))
    assert told == {"updates_unknown": str(fault)}


def test_an_edge_asks_soon_after_its_start_and_then_four_times_a_day(monkeypatch):
    monkeypatch.setattr(tasks, "waiting_updates", lambda at_s: WaitingUpdates((f"at {at_s:g}",)))
    edge: Any = SimpleNamespace(updates=None, clock=lambda: SimpleNamespace(unix_s=7.0))
    task = next(one for one in tasks.TASKS if one.job is tasks.look_for_updates)
    assert task.interval_s(edge) == 600.0
    asyncio.run(tasks.look_for_updates(edge))
    assert about_updates(edge.updates) == {"updates": 1, "update_names": ["at 7"]}
    assert task.interval_s(edge) == 6 * 3600.0


def test_before_it_is_known_nothing_is_told_and_many_names_are_few():
    assert about_updates(None) == {}
    many = about_updates(WaitingUpdates(tuple(f"lib{n}" for n in range(40))))
    assert (many["updates"], len(many["update_names"])) == (40, 8)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="no apt here")
def test_this_machine_s_apt_can_be_asked():
    told = debian_updates.simulated_upgrade()
    assert "upgraded" in told
