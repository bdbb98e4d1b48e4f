"""The keys of a device: made there, kept for good, told one at a time."""

import base64
import stat

import pytest

from edge import enrolment, keyring, keys
from edge.identity import KEY
from inventory.errors import EdgeError
from tests.edge_policies import SIGNER
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
    private = keyring.ring(folder)[one]
    for clear in (base64.b64encode(private), private.hex().encode(), private):
        assert not [f for f in folder.rglob("*") if f.is_file() and clear in f.read_bytes()]


def test_a_further_key_that_lies_in_clear_is_taken(folder):
    private, public = pair()
    (folder / keyring.KEYS).mkdir()
    (folder / keyring.KEYS / "old").touch(mode=0o600)
    (folder / keyring.KEYS / "old").write_text(private.reveal())
    assert keyring.ring(folder)[public] == private.octets


def test_a_further_key_is_no_use_to_another_device(folder, tmp_path):
    keyring.upcoming(folder, first(folder))
    (folder / KEY).unlink()
    keys.ensure(folder / KEY, pair)
    with pytest.raises(EdgeError, match="sealed with another device's key, or changed; restore"):
        keyring.ring(folder)


def test_the_first_key_may_lie_where_systemd_hands_it_over(folder, tmp_path_factory):
    one = keyring.upcoming(folder, first(folder))
    handed = tmp_path_factory.mktemp("credentials") / "key"
    (folder / KEY).rename(handed)
    handed.chmod(0o400)
    (folder / KEY).symlink_to(handed)
    assert one in keyring.ring(folder)
    assert enrolment.enrol(folder, "kolofata-e1", SIGNER.public_key()).split()[1] == first(folder)
    handed.unlink()
    for act in (keyring.ring, lambda f: enrolment.enrol(f, "kolofata-e1", SIGNER.public_key())):
        with pytest.raises(EdgeError, match="which is not there; if systemd hands this key over"):
            act(folder)
    assert (folder / KEY).is_symlink()


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
