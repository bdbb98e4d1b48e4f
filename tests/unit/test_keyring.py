"""The keys of a device: made there, kept for good, told one at a time."""

import base64
import stat

import pytest

from edge import keyring, keys
from edge.identity import KEY
from inventory.errors import EdgeError
from vpn.keys import pair


@pytest.fixture
def folder(tmp_path):
    keys.ensure(tmp_path / KEY, pair)
    return tmp_path


def first(folder):
    return keys.public_text(keys.read(folder / KEY))


def test_a_device_has_the_key_of_its_enrolment_at_first(folder):
    assert keyring.ring(folder) == {first(folder): keys.read(folder / KEY)}


def test_the_upcoming_key_is_the_same_until_the_device_has_moved(folder):
    one = keyring.upcoming(folder, first(folder))
    assert one != first(folder)
    assert keyring.upcoming(folder, first(folder)) == one
    other = keyring.upcoming(folder, one)
    assert other not in {one, first(folder)}
    assert keyring.ring(folder).keys() == {first(folder), one, other}


def test_private_keys_are_for_root_alone_and_nowhere_in_clear_beside_their_files(folder):
    one = keyring.upcoming(folder, first(folder))
    (file,) = (folder / keyring.KEYS).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    private = base64.b64encode(keyring.ring(folder)[one]).decode()
    assert private in file.read_text()
    assert all(
        private not in other.read_text()
        for other in folder.rglob("*")
        if other.is_file() and other != file
    )


def test_whoever_is_killed_before_the_key_is_spoken_of_makes_another_one(folder):
    one = keyring.upcoming(folder, first(folder))
    (folder / keyring.NEXT).unlink()
    assert keyring.upcoming(folder, first(folder)) != one
    assert one in keyring.ring(folder)


def test_a_key_that_others_may_read_is_refused(folder):
    keyring.upcoming(folder, first(folder))
    (file,) = (folder / keyring.KEYS).iterdir()
    file.chmod(0o644)
    with pytest.raises(EdgeError, match="others may read this private key"):
        keyring.ring(folder)


def test_a_key_that_vanished_is_not_moved_to(folder):
    one = keyring.upcoming(folder, first(folder))
    for file in (folder / keyring.KEYS).iterdir():
        file.unlink()
    assert keyring.upcoming(folder, first(folder)) != one
