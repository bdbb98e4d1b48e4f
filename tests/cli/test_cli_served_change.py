"""Verbs that change the network while the service runs: it makes the plans and the applies."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.rigs.waiting import eventually
from tests.sanaga_process import Answer, Sanaga

WITHIN_S = 120


@dataclass
class Served:
    """Two folders of one network: a service keeps the state of one, nobody that of the other."""

    sanaga: Sanaga
    process: "subprocess.Popen[bytes]"

    def __call__(self, *words: Any) -> Answer:
        return self.sanaga(*words)

    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in json.loads(self("history", "-o", "json").out)]


@contextmanager
def serving(sanaga: Sanaga, folder: Any) -> Iterator[Served]:
    """Run a service of a folder while the block runs."""
    log = sanaga.folder / "log"
    words = ("serve", folder, "--listen", "127.0.0.1:0", "--edges", "0")
    with log.open("wb") as opened:
        process = subprocess.Popen(
            sanaga.command(*words),
            cwd=sanaga.folder,
            env={**sanaga.environment(), "SANAGA_PACE": "0.2"},
            stdout=opened,
            stderr=opened,
        )
    try:
        eventually(
            lambda: "serving" in log.read_text() or process.poll() is not None, WITHIN_S, "serving"
        )
        assert process.poll() is None, log.read_text()
        yield Served(sanaga, process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def served(sanaga, small, routers):
    with serving(sanaga, small) as made:
        yield made


def sorted_lines(text: str) -> list[str]:
    """Return lines without instants, in one order: devices answer side by side."""
    return sorted(re.sub(r"20\d\d-\d\d-\d\dT[\d:+]*|\d\d:\d\d:\d\d UTC", "AT", text).split("\n"))


STORY = (
    ("plan", "small", "--out", "change.plan"),
    ("plan", "small", "--only", "mora", "--brief", "-o", "json"),
    ("plan", "small", "--only", "atlantis"),
    ("apply", "change.plan", "--yes", "--confirm-within", "5m"),
    ("plan", "small", "--only", "mora-r1", "--brief"),
    ("apply", "change.plan", "--yes"),
    ("apply", "--resume"),
    ("confirm",),
    ("apply", "change.plan", "--yes"),
    ("history", "1"),
    ("history", "9"),
    ("rollback", "--yes", "-o", "json"),
    ("rollback", "--yes"),
    ("rollback", "9", "--yes"),
    ("history",),
)


def told(sanaga):
    answers = [sanaga(*words, SANAGA_PACE="0.2") for words in STORY]
    return [
        (" ".join(words), one.code, sorted_lines(one.out), sorted_lines(one.err))
        for words, one in zip(STORY, answers, strict=True)
    ]


def test_verbs_say_and_do_the_same_through_the_service_as_without_it(sanaga, small, routers):
    alone = told(sanaga)
    for router in routers.by_name.values():
        router.running = ""
    assert [code for _, code, *_ in alone] == [2, 2, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 0]
    (sanaga.folder / "state").rename(sanaga.folder / "state-alone")
    with serving(sanaga, small) as served:
        through_the_service = told(served.sanaga)
    for before, after in zip(alone, through_the_service, strict=True):
        assert after == before


def test_faults_of_the_documents_are_named_at_their_place(served, small):
    sites = served.sanaga.folder / small / "sites.yaml"
    sites.write_text(sites.read_text().replace("parent: mayo-sava", "parent: atlantis", 1))
    answer = served("plan", small)
    assert answer.code == 1
    assert re.search(r"^small/sites\.yaml:\d+:\d+: .*atlantis", answer.err, re.MULTILINE)


def test_a_device_that_cannot_be_read_is_named_with_what_to_do(served, small, routers):
    routers.stop("kolofata-r1")
    answer = served("plan", small)
    assert (answer.code, answer.out) == (4, "")
    assert re.search(r"^kolofata-r1: ", answer.err, re.MULTILINE)
    assert "1 of 7 devices cannot be read, so nothing is planned" in answer.err


def test_a_plan_of_saved_configurations_is_made_and_one_of_before_is_applied(served, small):
    (served.sanaga.folder / "blank").mkdir()
    planned = served("plan", small, "--running", "blank", "--out", "saved.plan")
    assert planned.code == 2, planned.err
    lone = Sanaga(served.sanaga.folder)
    state = str(served.sanaga.folder / "elsewhere")
    assert lone("plan", small, "--out", "old.plan", SANAGA_STATE_DIR=state).code == 2
    applied = served("apply", "old.plan", "--yes")
    assert applied.code == 0, applied.err
    assert served.outcomes() == ["confirmed"]


def test_ctrl_c_at_the_command_line_takes_everything_back(served, small, routers):
    assert served("plan", small, "--out", "change.plan").code == 2
    slow = routers.by_name["yaounde-r1"]
    slow.hold_commit.clear()
    process = subprocess.Popen(
        served.sanaga.command("apply", "change.plan", "--yes"),
        cwd=served.sanaga.folder,
        env=served.sanaga.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert slow.committing.wait(WITHIN_S)
    process.send_signal(signal.SIGINT)
    slow.hold_commit.set()
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 3, err
    assert b"interrupted by Ctrl-C" in out
    assert set(routers.running().values()) == {""}
    assert served.outcomes() == ["rolled-back"]


def test_a_service_that_is_killed_leaves_the_verbs_as_without_it(sanaga, small, routers):
    with serving(sanaga, small) as served:
        served.process.kill()
        served.process.wait()
    assert (sanaga.folder / "state" / "controller.sock").exists()
    answer = sanaga("plan", small, "--brief")
    assert answer.code == 2, answer.err
