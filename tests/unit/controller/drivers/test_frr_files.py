"""The files of an FRR router: one for the door, whole, and runnable by the router's own Python."""

import ast
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from zipfile import ZipFile

import pytest

from controller import frr_door
from controller.drivers.frr_files import door_archive, write_router_files

SOURCES = sorted(Path(frr_door.__file__).parent.glob("*.py"))


def test_door_holds_every_module_of_its_package(tmp_path):
    door, _ = write_router_files(tmp_path)
    with ZipFile(door) as archive:
        held = set(archive.namelist())
    modules = {f"controller/frr_door/{source.name}" for source in SOURCES}
    assert held == {"__main__.py", "controller/__init__.py", *modules}


def test_equal_sources_are_equal_doors(tmp_path):
    assert write_router_files(tmp_path)[0].read_bytes() == door_archive()


def test_door_runs_by_itself_without_this_project(tmp_path):
    door, _ = write_router_files(tmp_path)
    asked = {"SSH_ORIGINAL_COMMAND": "no-such-verb"}
    done = subprocess.run([door], cwd=tmp_path, env=asked, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (64, b"")
    assert b"there are: read, status, stage" in done.stdout


def test_files_are_replaced_whole_and_can_be_run(tmp_path):
    with ExitStack() as stack:
        before = [stack.enter_context(file.open()) for file in write_router_files(tmp_path)]
        again = write_router_files(tmp_path)
        # Whoever reads the former file goes on reading that one.
        assert [os.fstat(file.fileno()).st_nlink for file in before] == [0, 0]
    assert {file.stat().st_mode & 0o777 for file in again} == {0o755}
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in again}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_door_is_python_of_older_routers(source):
    ast.parse(source.read_text(), feature_version=(3, 9))


def test_python_of_newer_routers_would_be_noticed():
    with pytest.raises(SyntaxError):
        ast.parse("match 1:\n    case _: pass\n", feature_version=(3, 9))
