"""Fixtures of the tests that run sanaga as a process."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.load import load
from controller.planning.from_folder import router_configs
from tests.rigs.controller.fake_routers import Routers
from tests.rigs.controller.routed_small import routed_small
from tests.rigs.people.vpn_folder import accepted
from tests.sanaga_process import SMALL, Sanaga


@pytest.fixture
def sanaga(tmp_path: Path) -> Sanaga:
    """Run sanaga in an empty folder."""
    return Sanaga(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a copy of the small network, which is "small" in sanaga's current folder."""
    shutil.copytree(SMALL, tmp_path / "small")
    return Path("small")


@pytest.fixture
def routers(sanaga: Sanaga, small: Path) -> Iterator[Routers]:
    """Let the small network's routers live on the loopback, their host keys pinned."""
    with routed_small(sanaga.folder / small) as running:
        yield running


@pytest.fixture
def open_(sanaga: Sanaga, small: Path) -> Path:
    """Return an intent with a gateway whose access policy is accepted."""
    return accepted(sanaga, small)


@pytest.fixture
def blank(sanaga: Sanaga) -> str:
    """Return a folder without configurations: every device is blank."""
    (sanaga.folder / "blank").mkdir()
    return "blank"


@pytest.fixture
def settled(sanaga: Sanaga, small: Path) -> str:
    """Return a folder of configurations just as intended."""
    folder = sanaga.folder / "settled"
    folder.mkdir()
    for name, config in router_configs(load(sanaga.folder / small)).items():
        (folder / f"{name}.conf").write_text(config.text)
    return "settled"
