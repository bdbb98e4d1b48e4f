"""Configurations in a git repository: what changed, who was not read, and what git may not do."""

import subprocess
from datetime import UTC, datetime

import pytest

from controller.model import DeviceConfig, Operational
from controller.schedules.config_backups import FOLDER, GitError, back_up_configs

NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)
BOTH = ("kolofata-r1", "mora-r1")


def read(unreachable=(), **texts):
    configs = {name.replace("_", "-"): DeviceConfig(text) for name, text in texts.items()}
    return Operational(configs, dict.fromkeys(unreachable, "no route to host"))


def git(state_dir, *words):
    done = subprocess.run(
        ["git", "-C", state_dir / FOLDER, *words], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def state(tmp_path):
    made = tmp_path / "state"
    back_up_configs(made, read(mora_r1="a\nb\n", kolofata_r1="x\n"), BOTH, NOW)
    return made


def test_the_first_backup_commits_everything_for_its_owner_alone(state):
    assert git(state, "log", "--format=%s %an %aI").strip() == (
        "2 configurations changed until 2026-11-30 05:00 UTC Sanaga 2026-11-30T05:00:00+00:00"
    )
    assert (state / FOLDER).stat().st_mode & 0o077 == 0
    assert (state / FOLDER / "mora-r1.conf").stat().st_mode & 0o077 == 0


def test_a_change_is_counted_and_can_be_read_again(state):
    done = back_up_configs(state, read(mora_r1="a\nc\nd\n", kolofata_r1="x\n"), BOTH, NOW)
    assert [(c.device, c.added, c.removed, c.first) for c in done.changes] == [
        ("mora-r1", 2, 1, False)
    ]
    assert git(state, "show", "HEAD~1:mora-r1.conf") == "a\nb\n"


def test_nothing_new_makes_no_commit(state):
    done = back_up_configs(state, read(mora_r1="a\nb\n", kolofata_r1="x\n"), BOTH, NOW)
    assert (done.changes, done.kept) == ((), 2)
    assert len(git(state, "log", "--format=%h").split()) == 1


def test_of_a_device_that_is_not_read_the_last_backup_stays(state):
    done = back_up_configs(state, read(["kolofata-r1"], mora_r1="a\nb\n"), BOTH, NOW)
    assert done.unread == {"kolofata-r1": "no route to host"}
    assert (state / FOLDER / "kolofata-r1.conf").read_text() == "x\n"


def test_a_device_that_left_the_intent_stays_in_the_history(state):
    done = back_up_configs(state, read(mora_r1="a\nb\n"), ["mora-r1"], NOW)
    assert [(c.device, c.gone) for c in done.changes] == [("kolofata-r1", True)]
    assert not (state / FOLDER / "kolofata-r1.conf").exists()
    assert git(state, "show", "HEAD~1:kolofata-r1.conf") == "x\n"


def test_a_lock_that_a_kill_left_is_no_obstacle(state):
    (state / FOLDER / ".git" / "index.lock").touch()
    done = back_up_configs(state, read(mora_r1="new\n", kolofata_r1="x\n"), BOTH, NOW)
    assert len(done.changes) == 1


def test_no_hook_of_the_repository_runs(state, tmp_path):
    hook = state / FOLDER / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    hook.chmod(0o755)
    back_up_configs(state, read(mora_r1="new\n", kolofata_r1="x\n"), BOTH, NOW)
    assert not (tmp_path / "ran").exists()


def test_a_damaged_repository_is_named(state):
    (state / FOLDER / ".git" / "HEAD").write_text("nonsense\n")
    with pytest.raises(GitError, match="git add failed"):
        back_up_configs(state, read(mora_r1="new\n"), BOTH, NOW)
