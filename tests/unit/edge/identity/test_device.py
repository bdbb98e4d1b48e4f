"""What enrolment leaves in a folder, and which folders it and the daemon trust."""

import os
from pathlib import Path

import pytest

from edge.identity import device as identity
from edge.identity.enrolment import enrol
from inventory.errors import EdgeError
from tests.rigs.edge.edge_policies import SIGNER

STRANGER = 12_345


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of an enrolled edge."""
    place = tmp_path / "edge"
    enrol(place, "kolofata-e1", SIGNER.public_key())
    return place


def test_a_folder_of_ones_own_is_loaded(folder: Path):
    folder.chmod(0o755)
    assert identity.load_identity(folder).device == "kolofata-e1"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_is_refused_with_its_cure(folder: Path, mode: int):
    folder.chmod(mode)
    with pytest.raises(EdgeError, match="chmod go-w"):
        identity.load_identity(folder)


def test_no_key_is_made_where_others_may_write(tmp_path: Path):
    tmp_path.chmod(0o777)
    with pytest.raises(EdgeError, match="others may write here"):
        enrol(tmp_path, "kolofata-e1", SIGNER.public_key())
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(folder: Path):
    os.chown(folder, STRANGER, -1)
    with pytest.raises(EdgeError, match=f"belongs to user {STRANGER}"):
        identity.load_identity(folder)
