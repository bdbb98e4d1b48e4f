"""Sockets of tunnels stand outside the laboratory's folder: which of them go with it."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulations.devices import edges
from simulations.netns import registry
from simulations.netns.design import draw_blueprint
from simulations.netns.registry import Folder
from tests.rigs.laboratory.lab_networks import edged


@pytest.fixture
def place(tmp_path, monkeypatch) -> Folder:
    """Give a laboratory whose edge at Garoua has tunnels named one and two."""
    made = registry.lab_folder("e", tmp_path / "labs")
    made.edge("garoua-e1").mkdir(parents=True)
    (made.edge("garoua-e1") / "policy.json").write_text('{"tunnels": ["one", "two"]}')
    monkeypatch.setattr(edges, "SOCKETS", tmp_path)
    return made


@pytest.fixture
def opened(tmp_path) -> Iterator[ExitStack]:
    """Give a stack of sockets named one, other and two; those left in it are served."""
    with ExitStack() as stack:
        for name in ("one", "other", "two"):
            door = stack.enter_context(socket.socket(socket.AF_UNIX))
            door.bind(str(tmp_path / f"{name}.sock"))
            door.listen()
        yield stack


def left(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.sock"))


def test_sockets_that_somebody_serves_stay(place, opened, tmp_path):
    edges.forget_tunnels(place, draw_blueprint(edged("e")).edges)
    assert left(tmp_path) == ["one", "other", "two"]


def test_stale_sockets_of_the_laboratorys_own_tunnels_go_and_strangers_stay(
    place, opened, tmp_path
):
    opened.close()
    edges.forget_tunnels(place, draw_blueprint(edged("e")).edges)
    assert left(tmp_path) == ["other"]
