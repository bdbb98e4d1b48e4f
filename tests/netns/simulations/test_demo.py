"""The demonstration, as a new user runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulations.netns import registry
from tests.rigs.laboratory.lab_networks import leftovers

pytestmark = pytest.mark.netns
NAME = "northern-spur"


def test_demo_ends_by_itself_tells_the_whole_story_and_leaves_nothing(tmp_path: Path):
    assert NAME not in registry.lab_names(), "a laboratory of that name is up: 'sanaga lab down'"
    done = subprocess.run(
        [sys.executable, "-m", "controller.cli.main", "demo", "--once"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},  # noqa: TID251
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "56 of 56 pairs of hospitals reach each other." in done.stderr
    assert "rolled-back" in done.stderr
    assert "Every router runs, byte for byte, what it ran before." in done.stderr
    page = (tmp_path / "sanaga-demo.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "—fibre— kolofata-r1 —microwave— maroua-r2" in page
    lost = {
        title: int(count)
        for count, title in re.findall(r"(\d+) of 3600 packets lost (with\w* Sanaga)", done.stderr)
    }
    # One fault loses what its fall back takes; a copy that the air loses at that moment is rare.
    assert lost["without Sanaga"] >= 40
    assert lost["with Sanaga"] <= 2
    assert [file.name for file in tmp_path.iterdir()] == ["sanaga-demo.html"]
    assert not leftovers(NAME)
