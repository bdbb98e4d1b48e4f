"""The keys of a device: made there, kept for good, told one at a time."""

import base64
import stat
from pathlib import Path

import pytest

from edge.identity import enrolment, keyring, private_key
from edge.identity.at_rest import AtRestCipher
from edge.identity.device import KEY
from edge.storage import atomic
from inventory.errors import EdgeError
from tests.rigs.edge.edge_policies import SIGNER
from vpn import key_text
from vpn.wireguard.keys import generate_pair


@pytest.fixture
def folder(tmp_path):
    private_key.ensure_private_key(tmp_path / KEY, generate_pair)
    return tmp_path


def first(folder):
    return key_text.public_text(private_key.read_private_key(folder / KEY))


def test_a_device_has_the_key_of_its_enrolment_at_first(folder):
    assert keyring.private_keys(folder) == {
        first(folder): private_key.read_private_key(folder / KEY)
    }


def test_the_upcoming_key_is_the_same_until_the_device_has_moved(folder):
    one = keyring.make_next_key(folder, first(folder))
    assert one != first(folder)
    assert keyring.make_next_key(folder, first(folder)) == one
    other = keyring.make_next_key(folder, one)
    assert other not in {one, first(folder)}
    assert keyring.private_keys(folder).keys() == {first(folder), one, other}


def test_private_keys_are_for_root_alone_and_nowhere_in_clear_beside_their_files(folder):
    one = keyring.make_next_key(folder, first(folder))
    (file,) = (folder / keyring.KEYS).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    private = keyring.private_keys(folder)[one]
    for clear in (base64.b64encode(private), private.hex().encode(), private):
        assert not [f for f in folder.rglob("*") if f.is_file() and clear in f.read_bytes()]


def in_clear(folder):
    """Put a further key there as it was kept before boxes; return it and its file."""
    private, public = generate_pair()
    (folder / keyring.KEYS).mkdir()
    file = folder / keyring.KEYS / "0123456789abcdef"
    file.touch(mode=0o600)
    file.write_text(private.reveal())
    return private, public, file


def faults(folder):
    """Return what a daemon says of the keys, and whether it has learned the others."""
    known: dict[str, bytes] = {}
    try:
        keyring.learn_keys(folder, known)
    except EdgeError as error:
        assert known == keyring.private_keys(folder)
        return str(error)
    return ""


def test_a_further_key_that_lies_in_clear_is_taken_and_sealed_at_the_start(folder):
    private, public, file = in_clear(folder)
    assert keyring.private_keys(folder)[public] == private.octets
    keyring.tidy_keys(folder)
    assert private.reveal() not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keyring.private_keys(folder)[public] == private.octets
    assert faults(folder) == ""


def test_a_disk_that_takes_nothing_leaves_a_further_key_in_clear_and_tells(folder, monkeypatch):
    private, public, file = in_clear(folder)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "replace", full)
    with pytest.raises(EdgeError, match="lies in clear and cannot be sealed: No space left"):
        keyring.tidy_keys(folder)
    assert file.read_text() == private.reveal()
    assert keyring.private_keys(folder)[public] == private.octets


def enrolled_anew(folder):
    """Give the device another first key; what was sealed with the former one lies there still."""
    (folder / KEY).unlink()
    private_key.ensure_private_key(folder / KEY, generate_pair)


def test_a_further_key_is_no_use_to_a_device_that_was_enrolled_anew_and_hinders_nothing(folder):
    keyring.make_next_key(folder, first(folder))
    (former,) = (folder / keyring.KEYS).iterdir()
    enrolled_anew(folder)
    assert keyring.private_keys(folder).keys() == {first(folder)}
    assert f"{former}: this was sealed with another device's key, or changed; if" in faults(folder)
    assert "remove it" in faults(folder)
    one = keyring.make_next_key(folder, first(folder))
    assert keyring.private_keys(folder).keys() == {first(folder), one}
    keyring.tidy_keys(folder)
    former.unlink()
    assert faults(folder) == ""


STRAY = {
    "empty": b"",
    "words": b"a note to myself\n",
    "accents": "cl\u00e9".encode(),
    "short": base64.b64encode(b"0123456789abcdef"),
}


@pytest.mark.parametrize("content", STRAY.values(), ids=STRAY)
def test_a_file_that_is_no_key_takes_no_other_away_and_is_named(folder, content):
    one = keyring.make_next_key(folder, first(folder))
    stray = folder / keyring.KEYS / "backup~"
    stray.touch(mode=0o600)
    stray.write_bytes(content)
    assert keyring.private_keys(folder).keys() == {first(folder), one}
    assert f"{stray}: this was sealed with another device's key, or changed" in faults(folder)
    assert keyring.make_next_key(folder, first(folder)) == one
    keyring.tidy_keys(folder)
    assert stray.read_bytes() == content


def test_a_folder_and_a_link_among_keys_take_no_other_away_and_are_named(folder):
    one = keyring.make_next_key(folder, first(folder))
    (folder / keyring.KEYS / "folder").mkdir()
    (folder / keyring.KEYS / "link").symlink_to("nowhere")
    keyring.tidy_keys(folder)
    assert keyring.private_keys(folder).keys() == {first(folder), one}
    assert f"{folder / keyring.KEYS / 'folder'}: cannot read" in faults(folder)
    assert f"{folder / keyring.KEYS / 'link'}: leads nowhere; remove it" in faults(folder)


def test_keys_that_cannot_be_looked_for_are_told_and_the_first_is_there(folder):
    (folder / keyring.KEYS).touch()
    assert keyring.private_keys(folder).keys() == {first(folder)}
    assert "Not a directory; further keys lie there" in faults(folder)


def test_without_the_first_key_there_is_none(folder):
    keyring.make_next_key(folder, first(folder))
    (folder / KEY).unlink()
    with pytest.raises(EdgeError, match="key: not there; restore it from a backup, or enrol"):
        keyring.private_keys(folder)


def test_the_first_key_may_lie_where_systemd_hands_it_over(folder, tmp_path_factory):
    one = keyring.make_next_key(folder, first(folder))
    handed = tmp_path_factory.mktemp("credentials") / "key"
    (folder / KEY).rename(handed)
    handed.chmod(0o400)
    (folder / KEY).symlink_to(handed)
    assert one in keyring.private_keys(folder)
    assert enrolment.enrol(folder, "kolofata-e1", SIGNER.public_key()).split()[1] == first(folder)
    handed.unlink()
    for act in (
        keyring.private_keys,
        lambda f: enrolment.enrol(f, "kolofata-e1", SIGNER.public_key()),
    ):
        with pytest.raises(
            EdgeError, match="which is not there; if systemd hands this key over"
        ) as caught:
            act(folder)
        for cure in ("remove this link", str(folder / "keys"), str(folder / "preshared.json")):
            assert cure in str(caught.value)
    assert (folder / KEY).is_symlink()


def test_whoever_is_killed_before_the_key_is_spoken_of_makes_another_one(folder):
    one = keyring.make_next_key(folder, first(folder))
    (folder / keyring.NEXT).unlink()
    assert keyring.make_next_key(folder, first(folder)) != one
    assert one in keyring.private_keys(folder)


@pytest.mark.parametrize("written", ["nothing", "a part", "all"])
def test_a_draft_that_a_kill_left_behind_hinders_nothing_and_goes(folder, monkeypatch, written):
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda *_args, **_how: None)
        one = keyring.make_next_key(folder, first(folder))
    (draft,) = (folder / keyring.KEYS).glob(".*")
    content = draft.read_bytes()[: {"nothing": 0, "a part": 30, "all": None}[written]]
    # It is another name of the key, and becomes a file of its own.
    draft.unlink()
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    assert keyring.private_keys(folder).keys() == {first(folder), one}
    assert faults(folder) == ""
    assert keyring.make_next_key(folder, first(folder)) == one
    keyring.tidy_keys(folder)
    assert not list((folder / keyring.KEYS).glob(".*"))
    assert keyring.private_keys(folder).keys() == {first(folder), one}


def test_what_a_kill_left_of_sealing_goes_and_the_key_is_sealed(folder):
    private, public, file = in_clear(folder)
    file.with_name(f".{file.name}.new").write_text("a part")
    keyring.tidy_keys(folder)
    assert list((folder / keyring.KEYS).iterdir()) == [file]
    assert (
        AtRestCipher(private_key.read_private_key(folder / KEY)).opened(
            file.read_text().strip(), keyring.KEYS
        )
        == private.octets
    )
    assert public in keyring.private_keys(folder)


def test_what_another_program_hides_among_keys_is_left_alone(folder):
    keyring.make_next_key(folder, first(folder))
    (folder / keyring.KEYS / ".backup.swp").write_text("of an editor")
    keyring.tidy_keys(folder)
    assert faults(folder) == ""
    assert (folder / keyring.KEYS / ".backup.swp").exists()


def test_a_key_that_others_may_read_is_refused_and_told(folder):
    keyring.make_next_key(folder, first(folder))
    (file,) = (folder / keyring.KEYS).iterdir()
    file.chmod(0o644)
    assert keyring.private_keys(folder).keys() == {first(folder)}
    assert f"others may read this private key; 'chmod 600 {file}'" in faults(folder)


def test_a_key_that_vanished_is_not_moved_to(folder):
    one = keyring.make_next_key(folder, first(folder))
    for file in (folder / keyring.KEYS).iterdir():
        file.unlink()
    assert keyring.make_next_key(folder, first(folder)) != one


def test_a_device_put_back_from_an_image_makes_another_key_than_the_one_of_then(folder):
    one = keyring.make_next_key(folder, first(folder))
    # It moved to that one, and the image is of then. Now its policy names a key of later.
    lost = generate_pair()[1]
    other = keyring.make_next_key(folder, lost)
    assert other not in {one, first(folder)}
    assert keyring.make_next_key(folder, lost) == other
    # And where edge_keys is corrected to the key that it has.
    assert keyring.make_next_key(folder, one) not in {one, other, first(folder)}


def test_secrets_are_not_shown(folder):
    keyring.make_next_key(folder, first(folder))
    assert "private" not in repr(keyring.open_keys(folder))
