"""The gate before a laboratory router's door."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulations.devices import faulty_door
from simulations.devices.refusing_vtysh import changes


def through_gate(folder: Path, request: str) -> subprocess.CompletedProcess[str]:
    door = [sys.executable, "-c", "import sys; print('door', *sys.argv[1:])"]
    return subprocess.run(
        [sys.executable, "-I", faulty_door.__file__, folder, "namespace", "--", *door],
        capture_output=True,
        text=True,
        check=False,
        env={"SSH_ORIGINAL_COMMAND": request},
    )


def test_gate_without_fault_is_the_door(tmp_path):
    assert through_gate(tmp_path, "commit t 60").stdout == "door\n"


def test_crash_before_spares_every_request_but_commit(tmp_path):
    (tmp_path / "fault").write_text(json.dumps({"kind": "crash-before"}))
    assert through_gate(tmp_path, "read").stdout == "door\n"
    crashed = through_gate(tmp_path, "commit t 60")
    assert (crashed.returncode, crashed.stdout) == (faulty_door.CRASHED, "")


def test_refusing_folder_is_put_in_the_doors_way(tmp_path):
    (tmp_path / "refusing").mkdir()
    assert through_gate(tmp_path, "stage").stdout == f"door --bindir {tmp_path}/refusing\n"


@pytest.mark.parametrize("text", ["", "not json", "{}"])
def test_unreadable_fault_is_no_fault(tmp_path, text):
    (tmp_path / "fault").write_text(text)
    assert faulty_door.fault_of(tmp_path) == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-c", "show running-config"], False),
        (["-m", "-f", "x.conf"], False),
        (["-C", "-f", "x.conf"], False),
        (["-f", "x.conf"], True),
        (["-c", "configure", "-c", "router bgp 1"], True),
        (["-c", "conf t"], True),
    ],
)
def test_refusing_vtysh_knows_a_change_when_it_sees_one(arguments, expected):
    assert changes(arguments) is expected
