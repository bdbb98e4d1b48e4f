"""Folders that sshd and FRR want outside the laboratory's own: made when missing, then removed."""

import pytest

from simulations.devices import routers


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    folder = tmp_path / "frr"
    owner = folder.parent.owner()
    monkeypatch.setattr(routers, "WANTED", ((folder, owner),))
    return folder


def test_a_folder_that_a_laboratory_made_goes_with_the_last_one(wanted):
    routers.ensure_wanted("one")
    routers.ensure_wanted("other")
    routers.remove_wanted("one")
    assert wanted.is_dir()
    routers.remove_wanted("other")
    assert not wanted.exists()
    routers.remove_wanted("other")


def test_a_folder_that_was_there_before_stays(wanted):
    wanted.mkdir()
    routers.ensure_wanted("one")
    routers.remove_wanted("one")
    assert wanted.is_dir()
    assert not any(wanted.iterdir())


def test_a_folder_that_others_use_by_now_stays_with_what_is_in_it(wanted):
    routers.ensure_wanted("one")
    (wanted / "zebra.vty").touch()
    routers.remove_wanted("one")
    assert [file.name for file in wanted.iterdir()] == ["zebra.vty"]
