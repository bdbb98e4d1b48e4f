"""The environment as settings."""

from pathlib import Path

from controller.environment import default_state_dir
from controller.settings import Settings


def test_root_keeps_its_state_with_the_system():
    assert default_state_dir({"XDG_STATE_HOME": "/x"}, root=True) == Path("/var/lib/sanaga")


def test_people_keep_their_state_where_xdg_says():
    assert default_state_dir({"XDG_STATE_HOME": "/x"}, root=False) == Path("/x/sanaga")


def test_relative_xdg_path_is_ignored_as_the_specification_wants():
    home = Path.home() / ".local" / "state" / "sanaga"
    assert default_state_dir({"XDG_STATE_HOME": "x"}, root=False) == home
    assert default_state_dir({}, root=False) == home


def test_variable_names_another_folder_and_an_empty_one_none(monkeypatch):
    monkeypatch.setenv("SANAGA_STATE_DIR", "/elsewhere")
    assert Settings().state_dir == Path("/elsewhere")
    monkeypatch.setenv("SANAGA_STATE_DIR", "")
    assert Settings().state_dir.name == "sanaga"
