"""The controller's own keys on the disk: plain for their owner, or sealed with a passphrase."""

import base64
import json
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from controller.keys import keyfile, psk_root, psk_sealing, signing
from controller.keys.keyfile import NAMES, ensured, open_keys, seal_keys, sealed_file
from edge.storage import atomic
from inventory.credentials import PASSPHRASE, WORK, seal_text, unseal_text
from inventory.errors import CredentialError
from vpn.wireguard import keys

PHRASE = "correct horse battery staple"
KEY = bytes(range(32))
# What boxes of before took, which is quicker.
QUICK = 2**15


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    """Let no passphrase be known, whatever the environment of these tests has."""
    monkeypatch.delenv(PASSPHRASE, raising=False)


@pytest.fixture
def state(tmp_path):
    """Return a folder with all three keys."""
    for name in NAMES:
        ensured(tmp_path / name, lambda: KEY, "key")
    return tmp_path


@pytest.fixture
def known(monkeypatch, unset):
    """Let the environment know the passphrase."""
    monkeypatch.setenv(PASSPHRASE, PHRASE)


def of(folder, name=NAMES[0], make=lambda: keys.generate_private().octets):
    return ensured(folder / name, make, "key")


def seal(folder, phrase=PHRASE, make=lambda: KEY):
    return seal_keys(folder, phrase, make, work=QUICK)


def on_disk(folder) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_every_key_that_the_controller_makes_is_among_them():
    assert {signing.FILE, psk_sealing.FILE, psk_root.FILE} == set(NAMES)
    assert signing.FILE == keyfile.SIGNING


@pytest.mark.usefixtures("known")
def test_sealed_keys_are_the_same_keys_and_nowhere_in_clear(state):
    assert KEY in on_disk(state)
    assert seal(state) == NAMES
    assert {of(state, name) for name in NAMES} == {KEY}
    for clear in (KEY, base64.b64encode(KEY), KEY.hex().encode()):
        assert clear not in on_disk(state)
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}
    assert seal(state) == ()


def test_where_there_is_no_key_one_is_made_that_never_lies_in_clear(tmp_path, monkeypatch):
    made = []

    class Heard:
        remove = staticmethod(atomic.remove)

        @staticmethod
        def create(path: Path, octets: bytes) -> None:
            made.append(path.name)
            atomic.create(path, octets)

    monkeypatch.setattr(keyfile, "atomic", Heard)
    assert seal(tmp_path / "state") == (NAMES[0],)
    assert made == [f"{NAMES[0]}.sealed"]
    assert [path.name for path in (tmp_path / "state").iterdir()] == made
    monkeypatch.setenv(PASSPHRASE, PHRASE)
    assert of(tmp_path / "state") == KEY


def test_guessing_takes_more_for_new_boxes_and_those_of_before_open(tmp_path, monkeypatch):
    text = seal_text({"key": base64.b64encode(KEY).decode()}, PHRASE, work=QUICK)
    atomic.create(sealed_file(tmp_path / NAMES[0]), text.encode())
    monkeypatch.setenv(PASSPHRASE, PHRASE)
    assert of(tmp_path) == KEY
    assert open_keys(tmp_path, PHRASE) == (NAMES[0],)
    seal_keys(tmp_path, PHRASE, bytes)
    assert json.loads(sealed_file(tmp_path / NAMES[0]).read_text())["work"] == WORK == 2**17
    assert of(tmp_path) == KEY


def test_without_the_passphrase_nothing_opens_and_nothing_is_made(state):
    seal(state)
    before = on_disk(state)
    with pytest.raises(CredentialError, match="IFS= read -rs SANAGA_PASSPHRASE"):
        of(state)
    assert on_disk(state) == before


@pytest.mark.usefixtures("known")
def test_a_wrong_passphrase_is_told_and_changes_nothing(state):
    seal(state, "another")
    before = on_disk(state)
    for act in (of, seal, lambda folder: open_keys(folder, PHRASE)):
        with pytest.raises(CredentialError, match="the passphrase is wrong"):
            act(state)
    assert on_disk(state) == before


def test_opened_keys_are_plain_files_for_their_owner_again(state):
    seal(state)
    assert open_keys(state, PHRASE) == NAMES
    assert {path.name for path in state.iterdir()} == set(NAMES)
    assert {of(state, name) for name in NAMES} == {KEY}
    assert stat.S_IMODE((state / NAMES[0]).stat().st_mode) == 0o600


@pytest.mark.usefixtures("known")
def test_a_key_that_is_made_later_is_sealed_like_the_others(tmp_path):
    of(tmp_path, NAMES[0])
    seal(tmp_path)
    made = of(tmp_path, NAMES[1])
    assert of(tmp_path, NAMES[1]) == made
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.sealed" for name in NAMES[:2]}


@pytest.mark.usefixtures("known")
def test_all_that_make_a_sealed_key_at_once_get_the_same(tmp_path):
    of(tmp_path, NAMES[0])
    seal(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(of, [tmp_path] * 8, [NAMES[1]] * 8))) == 1


@pytest.mark.usefixtures("known")
def test_no_key_is_lost_when_some_seal_and_others_open_and_read_at_once(state):
    acts = (seal, lambda folder: open_keys(folder, PHRASE), of)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: acts[number % 3](state), range(36)))
    assert set(answers[2::3]) == {KEY}
    assert {of(state, name, make=lambda: b"another") for name in NAMES} == {KEY}


@pytest.mark.usefixtures("known")
def test_a_plain_file_that_was_left_behind_goes_unless_it_holds_another_key(state):
    seal(state)
    (state / NAMES[0]).write_bytes(KEY)
    (state / NAMES[0]).chmod(0o600)
    assert of(state) == KEY
    assert not (state / NAMES[0]).exists()
    (state / NAMES[0]).write_bytes(KEY[::-1])
    (state / NAMES[0]).chmod(0o600)
    for act in (of, seal, lambda folder: open_keys(folder, PHRASE)):
        with pytest.raises(CredentialError, match=r"another key than signing_key\.sealed holds"):
            act(state)
    assert (state / NAMES[0]).read_bytes() == KEY[::-1]
    assert sealed_file(state / NAMES[0]).exists()


@pytest.mark.usefixtures("known")
def test_opening_once_is_enough_for_a_process(state, monkeypatch):
    seal(state)
    opened = []

    def heard(path: Path, passphrase: str) -> Mapping[str, str]:
        opened.append(path)
        return unseal_text(path, passphrase)

    monkeypatch.setattr(keyfile, "unseal_text", heard)
    keyfile._unsealed_once.cache_clear()
    assert [of(state) for _ in range(20)] == [KEY] * 20
    assert len(opened) == 1


def test_the_lock_is_a_file_to_write_to_which_follows_no_link(state, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    (state / "keys.lock").symlink_to(elsewhere)
    with pytest.raises(CredentialError, match="symbolic links"):
        of(state)
    assert not elsewhere.exists()
