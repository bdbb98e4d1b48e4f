"""A worker that is killed (SIGKILL) between the decision and what the provider is told."""

import subprocess
import sys

import pytest

from tests.rigs.notices.notice_rig import MAIL, NoticeRig, person, subscribed
from tests.sanaga_process import ROOT


def run(tmp_path, mode):
    arguments = [str(tmp_path / "notices.sqlite"), str(tmp_path / "sent"), mode]
    program = [sys.executable, "-m", "tests.rigs.notices.worker_process", *arguments]
    return subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def kill_at(tmp_path, mode):
    with run(tmp_path, mode) as process:
        assert process.stdout.readline() == f"{mode}\n"
        process.kill()


def finish(tmp_path):
    with run(tmp_path, "work") as process:
        assert process.wait() == 0
    file = tmp_path / "sent"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.fixture
def rig(tmp_path):
    made = NoticeRig(tmp_path / "notices.sqlite", subscribed(person(contacts=[MAIL])))
    made.write(1)
    yield made
    made.close()


@pytest.mark.parametrize("mode", ["decided", "claimed"])
def test_a_worker_killed_before_it_sends_leaves_exactly_one_notice(tmp_path, rig, mode):
    kill_at(tmp_path, mode)
    kill_at(tmp_path, mode)
    sent = finish(tmp_path)
    assert [line.rpartition(" ")[0] for line in sent] == ["opened 1"]
    assert finish(tmp_path) == sent
    assert rig.states() == [("email", "opened", "sent")]


def test_a_worker_killed_before_the_answer_is_recorded_repeats_under_the_same_key(tmp_path, rig):
    kill_at(tmp_path, "sent")
    first, again = finish(tmp_path)
    assert first == again
    assert len(finish(tmp_path)) == 2


def test_the_end_comes_once_after_a_kill(tmp_path, rig):
    finish(tmp_path)
    rig.write(1, "ended")
    kill_at(tmp_path, "claimed")
    sent = finish(tmp_path)
    assert [line.rpartition(" ")[0] for line in sent] == ["opened 1", "ended 1"]
