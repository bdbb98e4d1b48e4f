"""Plans that are refused, and what stands in the file of a plan."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.rigs.controller.small_folder import edit


@pytest.fixture
def harmful(sanaga, small, settled):
    """Return the words of a plan that is refused, for another number means other addresses."""
    edit(sanaga, "circuits.yaml", "number: 5", "number: 55")
    return "plan", small, "--running", settled


def test_a_refused_plan_is_shown_then_refused(sanaga, harmful):
    answer = sanaga(*harmful)
    assert answer.code == 1
    assert "mayo-sava-r1: " in answer.out
    assert "+ ip address 172.20.0.110/31" in answer.out
    assert "wave 1 (canary): " in answer.out
    assert "3 sites are cut off, with 2 facilities for 260,939 people" in answer.out
    assert "would be cut off" in answer.err
    assert "save it with --out" not in answer.err
    data = json.loads(sanaga(*harmful, "-o", "json").out)
    assert len(data["changes"]) == 2
    assert data["blast_radius"]["disconnected"] == ["kolofata", "mayo-sava", "mora"]
    assert "would be cut off" in data["refused"][0]
    allowed = ("--allow-devices-cut", "1", "--allow-facilities-cut", "1")
    assert json.loads(sanaga(*harmful, *allowed, "-o", "json").out)["refused"] == []


def test_all_reasons_of_a_refusal_are_told_at_once(sanaga, harmful):
    sentence = "every site has two ways out"
    edit(sanaga, "network.yaml", "expect:", f"expect:\n  - {sentence}")
    answer = sanaga(*harmful)
    assert answer.code == 1
    assert f"FAILS: {sentence}" in answer.out
    assert sentence in answer.err
    assert "would be cut off" in answer.err


def test_apply_refuses_a_refused_plan(sanaga, harmful):
    answer = sanaga(*harmful, "--out", "change.plan")
    assert answer.code == 1
    assert "'sanaga apply' refuses it" in answer.err
    answer = sanaga("apply", "change.plan", "--yes")
    assert (answer.code, answer.out) == (1, "")
    assert "change.plan: this plan was refused when it was made" in answer.err
    assert "would be cut off" in answer.err
    assert "--allow-devices-cut" in answer.err


def test_a_plan_without_changes_removes_an_older_one(sanaga, small, settled, blank):
    sanaga("plan", small, "--running", blank, "--out", "change.plan")
    answer = sanaga("plan", small, "--running", settled, "--out", "change.plan")
    assert answer.code == 0
    assert "change.plan: the older plan was removed" in answer.err
    assert not (sanaga.folder / "change.plan").exists()
    (sanaga.folder / "notes").write_text("no plan")
    sanaga("plan", small, "--running", settled, "--out", "notes")
    assert (sanaga.folder / "notes").read_text() == "no plan"


@pytest.mark.parametrize("kind", ["pipe", "folder", "/dev/null"])
def test_a_plan_is_never_saved_over_what_is_no_plain_file(sanaga, small, blank, kind):
    out = sanaga.folder / "out"
    match kind:
        case "pipe":
            os.mkfifo(out)
        case "folder":
            out.mkdir()
        case _:
            out = Path(kind)
    was = out.stat().st_mode
    answer = sanaga("plan", small, "--running", blank, "--out", out)
    assert answer.code == 1
    assert "7 of 7 devices to change:" in answer.out
    assert f"{out}: cannot be written (is " in answer.err
    assert out.stat().st_mode == was


def test_a_plan_is_saved_through_a_symbolic_link(sanaga, small, blank):
    (sanaga.folder / "link").symlink_to("change.plan")
    assert sanaga("plan", small, "--running", blank, "--out", "link").code == 2
    assert (sanaga.folder / "link").is_symlink()
    assert "sanaga-plan" in (sanaga.folder / "change.plan").read_text()


def test_a_reader_that_goes_away_leaves_the_plan_saved(sanaga, small, blank):
    command = sanaga.command("plan", small, "--running", blank, "--out", "change.plan")
    with subprocess.Popen(
        command, cwd=sanaga.folder, env=sanaga.environment(), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait() == 141
    assert sanaga("apply", "change.plan").code == 64  # nobody is there to agree
    assert "sanaga-plan" in (sanaga.folder / "change.plan").read_text()
