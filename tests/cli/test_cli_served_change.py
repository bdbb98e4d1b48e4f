"""Verbs that change the network while the service runs: it makes the plans and the applies."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.controller.fake_routers import Routers
from tests.rigs.controller.routed_small import routed_small
from tests.rigs.waiting import eventually
from tests.sanaga_process import SMALL, Answer, Sanaga

WITHIN_S = 120


@dataclass
class Served:
    """The verbs of a machine on which a service runs, its process, and its routers."""

    sanaga: Sanaga
    process: "subprocess.Popen[bytes]"
    routers: Routers | None = None

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


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Give a service for tests that leave routers and documents as they were."""
    sanaga = Sanaga(tmp_path_factory.mktemp("served"))
    shutil.copytree(SMALL, sanaga.folder / "small")
    with routed_small(sanaga.folder / "small") as routers, serving(sanaga, Path("small")) as made:
        made.routers = routers
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


def common(out: str) -> str:
    """Return an answer without what a service alone knows: which consultations are touched."""
    if not out.startswith("{"):
        return out
    data = json.loads(out)
    data.pop("consultations", None)
    return json.dumps(data, indent=2, ensure_ascii=False)


def acts(sanaga):
    """Return what the audit chain has of changes of the network, whichever door they took."""
    entries = json.loads(sanaga("vpn", "audit", "--kind", "network", "-o", "json").out)
    return [one["what"] for one in entries if one["what"] != "plan.make"]


def told(sanaga):
    answers = [sanaga(*words, SANAGA_PACE="0.2") for words in STORY]
    return [
        (" ".join(words), one.code, sorted_lines(common(one.out)), sorted_lines(one.err))
        for words, one in zip(STORY, answers, strict=True)
    ]


def test_verbs_say_and_do_the_same_through_the_service_as_without_it(sanaga, small, routers):
    alone = told(sanaga)
    for router in routers.by_name.values():
        router.running = ""
    assert [code for _, code, *_ in alone] == [2, 2, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 0]
    did = acts(sanaga)
    (sanaga.folder / "state").rename(sanaga.folder / "state-alone")
    with serving(sanaga, small) as served:
        through_the_service = told(served.sanaga)
        assert acts(served.sanaga) == did
    assert {"plan.apply", "apply.resume", "apply.confirm", "apply.rollback"} == {*did}
    for before, after in zip(alone, through_the_service, strict=True):
        assert after == before


def test_faults_of_the_documents_are_named_at_their_place(served):
    sites = served.sanaga.folder / "small" / "sites.yaml"
    before = sites.read_text()
    sites.write_text(before.replace("parent: mayo-sava", "parent: atlantis", 1))
    answer = served("plan", "small")
    sites.write_text(before)
    assert answer.code == 1
    assert re.search(r"^small/sites\.yaml:\d+:\d+: .*atlantis", answer.err, re.MULTILINE)


def test_a_device_that_cannot_be_read_is_named_with_what_to_do(served):
    served.routers.stop("kolofata-r1")
    answer = served("plan", "small")
    served.routers.start("kolofata-r1")
    assert (answer.code, answer.out) == (4, "")
    assert re.search(r"^kolofata-r1: ", answer.err, re.MULTILINE)
    assert "1 of 7 devices cannot be read, so nothing is planned" in answer.err


def test_ctrl_c_at_the_command_line_takes_everything_back(served):
    assert served("plan", "small", "--out", "change.plan").code == 2
    slow = served.routers.by_name["yaounde-r1"]
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
    assert set(served.routers.running().values()) == {""}
    assert served.outcomes()[0] == "rolled-back"


def test_a_plan_of_saved_configurations_is_made_and_one_of_before_is_applied(served):
    (served.sanaga.folder / "blank").mkdir()
    planned = served("plan", "small", "--running", "blank", "--out", "saved.plan")
    assert planned.code == 2, planned.err
    state = str(served.sanaga.folder / "elsewhere")
    alone = served.sanaga("plan", "small", "--out", "old.plan", SANAGA_STATE_DIR=state)
    assert alone.code == 2, alone.err
    applied = served("apply", "old.plan", "--yes")
    assert applied.code == 0, applied.err
    back = served("rollback", "--yes")
    assert back.code == 0, back.err
    assert served.outcomes()[:2] == ["confirmed", "confirmed"]


def test_people_and_the_trail_are_read_through_the_service(served):
    assert (served("vpn", "person", "list", "-o", "json").out) == "[]\n"
    assert served("vpn", "audit", "--kind", "vpn", "-o", "json").out == "[]\n"
    whole = served("vpn", "audit", "-o", "json")
    first = json.loads(whole.out)[0]
    assert (first["kind"], first["what"]) == ("accounts", "link.make")
    assert "unbroken" in whole.err
    noted = json.loads(whole.out)[-1]["hash"]
    assert served("vpn", "audit", "--noted", noted).code == 0
    lost = served("vpn", "audit", "--noted", "0" * 64)
    assert (lost.code, "entries were cut off" in lost.err) == (1, True)
    unknown = served("vpn", "person", "show", "nobody")
    assert unknown.code == 1
    assert "nobody" in unknown.err


def test_a_service_that_is_killed_leaves_the_verbs_as_without_it(sanaga, small, routers):
    with serving(sanaga, small) as served:
        served.process.kill()
        served.process.wait()
    assert (sanaga.folder / "state" / "controller.sock").exists()
    answer = sanaga("plan", small, "--brief")
    assert answer.code == 2, answer.err
