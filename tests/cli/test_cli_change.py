"""Applying, confirming, resuming and rolling back, with routers that answer over SSH."""

import json
import os
import pty
import re
import signal
import subprocess

import pytest

from tests.rigs.controller.fake_routers import PASSWORD
from tests.rigs.controller.routed_small import NAMES


@pytest.fixture
def plan(sanaga, small, routers):
    """Return a saved plan for the blank routers."""
    answer = sanaga("plan", small, "--out", "change.plan")
    assert answer.code == 2, answer.err
    return "change.plan"


def as_before(routers):
    return set(routers.running().values()) == {""}


def outcomes(sanaga):
    return [row["outcome"] for row in json.loads(sanaga("history", "-o", "json").out)]


def test_apply_makes_every_router_what_is_intended(sanaga, small, routers, plan):
    answer = sanaga("apply", plan, "--yes")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("apply 1 confirmed: everything was verified end to end")
    assert re.search(r"^wave 1 of \d: ", answer.err, re.MULTILINE)
    assert not any(router.pending for router in routers.by_name.values())
    assert sanaga("plan", small).code == 0
    running = sanaga("show", "mora-r1", "--running", "--dir", small)
    assert running.out == sanaga("show", "mora-r1", "--intended", "--dir", small).out
    assert sanaga("show", "mora-r1", "--diff", "--dir", small).out.strip() == ""


def test_apply_prints_its_result_as_json(sanaga, plan):
    result = json.loads(sanaga("apply", plan, "--yes", "-o", "json").out)
    assert result["outcome"] == "confirmed"
    assert set(result["devices"]) == set(NAMES)


def test_apply_that_one_router_refuses_leaves_all_as_before_and_ends_with_3(sanaga, routers, plan):
    routers.by_name["yaounde-r2"].rejects = "router bgp"
    answer = sanaga("apply", plan, "--yes")
    assert answer.code == 3
    assert answer.out.startswith("apply 1 rolled-back: ")
    assert "yaounde-r2" in answer.out
    assert as_before(routers)
    assert outcomes(sanaga) == ["rolled-back"]


def test_apply_that_breaks_the_network_is_rolled_back(sanaga, small, routers, plan):
    assert sanaga("apply", plan, "--yes").code == 0
    before = routers.running()
    circuits = sanaga.folder / small / "circuits.yaml"
    circuits.write_text(circuits.read_text().replace("delay_ms: 0.2", "delay_ms: 0.2\n    cost: 3"))
    assert sanaga("plan", small, "--out", "second.plan").code == 2
    routers.by_name["mora-r1"].rejects = "in-circuit"
    answer = sanaga("apply", "second.plan", "--yes")
    assert answer.code == 3
    assert routers.running() == before


def test_apply_without_an_answer_changes_nothing_and_ends_with_4(sanaga, routers, plan):
    routers.stop("kolofata-r1")
    answer = sanaga("apply", plan, "--yes")
    assert answer.code == 4
    assert "kolofata-r1" in answer.out
    assert "nothing was changed" in answer.out
    assert as_before(routers)


def test_apply_of_a_stale_plan_is_refused(sanaga, routers, plan):
    routers.by_name["mora-r1"].running = "router bgp 65000\nexit\n"
    answer = sanaga("apply", plan, "--yes")
    assert (answer.code, answer.out) == (1, "")
    assert "mora-r1" in answer.err
    assert "make the plan again" in answer.err


def test_apply_waits_for_a_person_who_confirms(sanaga, routers, plan):
    answer = sanaga("apply", plan, "--yes", "--confirm-within", "5m")
    assert answer.code == 0
    assert "sanaga confirm 1" in answer.out
    assert all(router.pending for router in routers.by_name.values())
    assert outcomes(sanaga) == ["waits to be confirmed"]
    again = sanaga("apply", plan, "--yes")
    assert again.code == 1
    assert "sanaga confirm 1" in again.err
    answer = sanaga("confirm")
    assert answer.code == 0
    assert answer.out.startswith("apply 1 confirmed: confirmed by a person")
    assert not any(router.pending for router in routers.by_name.values())
    assert not as_before(routers)
    assert sanaga("confirm", "1").code == 1


def test_apply_that_waits_can_be_rolled_back_instead(sanaga, routers, plan):
    sanaga("apply", plan, "--yes", "--confirm-within", "5m")
    answer = sanaga("rollback", "--yes")
    assert answer.code == 0, answer.err
    assert as_before(routers)
    assert outcomes(sanaga) == ["rolled-back"]


def test_rollback_takes_a_confirmed_apply_back(sanaga, routers, plan):
    assert sanaga("apply", plan, "--yes").code == 0
    answer = sanaga("rollback", "1", "--yes")
    assert answer.code == 0, answer.err
    assert "the documents are as you left them" in answer.err
    assert as_before(routers)
    assert outcomes(sanaga) == ["confirmed", "confirmed"]


def test_rollback_that_is_named_brings_back_what_it_took_back(sanaga, routers, plan):
    assert sanaga("apply", plan, "--yes").code == 0
    wanted = routers.running()
    assert sanaga("rollback", "--yes").code == 0
    assert "say 'sanaga rollback 2'" in sanaga("rollback", "--yes").err
    answer = sanaga("rollback", "2", "--yes")
    assert answer.code == 0, answer.err
    assert routers.running() == wanted


def test_rollback_of_an_unknown_apply_is_refused(sanaga):
    answer = sanaga("rollback", "7", "--yes")
    assert (answer.code, answer.out) == (1, "")
    assert "no apply has the number 7" in answer.err


def test_resume_unwinds_an_apply_that_was_killed(sanaga, small, routers, plan):
    slow = routers.by_name["yaounde-r1"]
    slow.hold_commit.clear()
    process = subprocess.Popen(
        sanaga.command("apply", plan, "--yes"),
        cwd=sanaga.folder,
        env=sanaga.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert slow.committing.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    slow.hold_commit.set()
    assert outcomes(sanaga) == ["unfinished"]
    assert "sanaga apply --resume" in sanaga("apply", plan, "--yes").err
    planned = sanaga("plan", small, "--only", "mora-r1", "--brief")
    assert "apply 1 of small is not over" in planned.err
    assert "sanaga apply --resume" in planned.err
    answer = sanaga("apply", "--resume")
    assert answer.code == 3, answer.err
    assert as_before(routers)
    again = sanaga("apply", "--resume")
    assert (again.code, again.out) == (0, "")
    assert "nothing to resume" in again.err


def test_history_of_one_apply_names_every_act(sanaga, plan):
    sanaga("apply", plan, "--yes")
    found = json.loads(sanaga("history", "1", "-o", "json").out)
    assert found["outcome"] == "confirmed"
    acts = {(step["device"], step["act"]) for step in found["steps"]}
    assert {("mora-r1", "commit"), ("mora-r1", "confirm")} <= acts
    assert sanaga("history", "1").out.startswith("id: 1\n")
    assert sanaga("history", "2").code == 1


def test_history_is_empty_at_first(sanaga):
    answer = sanaga("history", "-o", "json")
    assert (answer.code, json.loads(answer.out), answer.err) == (0, [], "")


def test_no_secret_is_written_anywhere(sanaga, small, plan):
    sanaga("apply", plan, "--yes")
    files = [path for path in sanaga.folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(PASSWORD.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["apply"], "name the plan"),
        (["apply", "change.plan"], "say --yes"),
        (["apply", "change.plan", "--yes", "--confirm-within", "soon"], "5m"),
        (["apply", "change.plan", "--resume"], "--resume"),
        (["apply", "change.plan", "--yes", "--without", "mora-r1"], "--resume"),
        (["rollback"], "say --yes"),
        (["rollback", "first"], "ID"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_changes_nothing(sanaga, small, words, said):
    (sanaga.folder / "blank").mkdir()
    sanaga("plan", small, "--running", "blank", "--out", "change.plan")
    answer = sanaga(*words)
    assert (answer.code, answer.out) == (64, "")
    assert said in answer.err


@pytest.mark.parametrize("text", ["", "{}", "no plan"])
def test_apply_of_what_is_no_plan_says_so(sanaga, text):
    (sanaga.folder / "odd").write_text(text)
    answer = sanaga("apply", "odd", "--yes")
    assert (answer.code, answer.out) == (1, "")
    assert "odd: is no plan" in answer.err
    assert "cannot be read" in sanaga("apply", "absent", "--yes").err


@pytest.mark.parametrize(("typed", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_a_person_is_asked_after_seeing_what_would_happen(sanaga, routers, plan, typed, code):
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        sanaga.command("apply", plan),
        cwd=sanaga.folder,
        env={**sanaga.environment(), "TERM": "dumb"},
        stdin=terminal,
        stderr=terminal,
        stdout=subprocess.DEVNULL,
    )
    os.close(terminal)
    os.write(person, typed)
    seen = b""
    try:
        while piece := os.read(person, 65536):
            seen += piece
    except OSError:
        pass  # Linux says EIO when the last writer has closed the terminal.
    os.close(person)
    assert process.wait() == code
    assert b"7 of 7 devices to change" in seen
    assert b"Apply this to small?" in seen
    assert as_before(routers) == (code == 1)
