"""The door of a router before a pretended FRR, one folder for each test."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from controller.drivers.frr_files import DOOR, door_archive
from tests.rigs.controller.door_rig import FILTER, OLD, OPEN, RELOAD, SUDO, VTYSH, Door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    for name, text in (("vtysh", VTYSH), ("frr-reload.py", RELOAD)):
        script = tmp_path / name
        script.write_text(text.format(python=sys.executable, folder=str(tmp_path)))
        script.chmod(0o755)
    (tmp_path / "running").write_text(OLD)
    (tmp_path / "startup").write_text(OLD)
    (tmp_path / DOOR).write_bytes(door_archive())
    made = Door(tmp_path)
    yield made
    for guard in made.guards():
        with suppress(ProcessLookupError):
            os.kill(guard, signal.SIGKILL)


@pytest.fixture
def filtering(door: Door) -> Door:
    """Give a door whose router runs OLD and filters by OPEN, confirmed."""
    for name, text in (("filter", FILTER), ("sudo", SUDO)):
        (door.folder / name).write_text(text.format(python=sys.executable, folder=str(door.folder)))
        (door.folder / name).chmod(0o755)
    assert door.stage("first", OLD + OPEN)[0] == 0
    assert door.ask("commit first 60")[0] == 0
    assert door.ask("confirm first")[0] == 0
    return door
