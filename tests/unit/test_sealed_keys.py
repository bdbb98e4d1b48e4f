"""The controller's own keys on the disk: plain for their owner, or sealed with a passphrase."""

import base64
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from controller import keyfile, pairs, sealing, signing
from controller.keyfile import NAMES, ensured, open_keys, seal_keys, sealed_file
from inventory.credentials import PASSPHRASE, unseal
from inventory.errors import CredentialError
from vpn import keys

PHRASE = "correct horse battery staple"
KEY = bytes(range(32))


@pytest.fixture
def state(tmp_path):
    """Return a folder with all three keys."""
    for name in NAMES:
        ensured(tmp_path / name, lambda: KEY, "key")
    return tmp_path


@pytest.fixture
def known(monkeypatch):
    """Let the environment know the passphrase."""
    monkeypatch.setenv(PASSPHRASE, PHRASE)


def of(folder, name=NAMES[0], make=lambda: keys.generate().octets):
    return ensured(folder / name, make, "key")


def on_disk(folder) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_every_key_that_the_controller_makes_is_among_them():
    assert {signing.FILE, sealing.FILE, pairs.FILE} == set(NAMES)


@pytest.mark.usefixtures("known")
def test_sealed_keys_are_the_same_keys_and_nowhere_in_clear(state):
    assert KEY in on_disk(state)
    assert seal_keys(state, PHRASE) == NAMES
    assert {of(state, name) for name in NAMES} == {KEY}
    for clear in (KEY, base64.b64encode(KEY), KEY.hex().encode()):
        assert clear not in on_disk(state)
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}
    assert seal_keys(state, PHRASE) == ()


def test_without_the_passphrase_nothing_opens_and_nothing_is_made(state):
    seal_keys(state, PHRASE)
    before = on_disk(state)
    with pytest.raises(CredentialError, match="read -rs SANAGA_PASSPHRASE"):
        of(state)
    assert on_disk(state) == before


@pytest.mark.usefixtures("known")
def test_a_wrong_passphrase_is_told_and_changes_nothing(state):
    seal_keys(state, "another")
    before = on_disk(state)
    for act in (of, lambda folder: seal_keys(folder, PHRASE), lambda f: open_keys(f, PHRASE)):
        with pytest.raises(CredentialError, match="the passphrase is wrong"):
            act(state)
    assert on_disk(state) == before


def test_opened_keys_are_plain_files_for_their_owner_again(state):
    seal_keys(state, PHRASE)
    assert open_keys(state, PHRASE) == NAMES
    assert {path.name for path in state.iterdir()} == set(NAMES)
    assert {of(state, name) for name in NAMES} == {KEY}
    assert stat.S_IMODE((state / NAMES[0]).stat().st_mode) == 0o600


@pytest.mark.usefixtures("known")
def test_a_key_that_is_made_later_is_sealed_like_the_others(tmp_path):
    of(tmp_path, NAMES[0])
    seal_keys(tmp_path, PHRASE)
    made = of(tmp_path, NAMES[1])
    assert of(tmp_path, NAMES[1]) == made
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.sealed" for name in NAMES[:2]}


@pytest.mark.usefixtures("known")
def test_all_that_make_a_sealed_key_at_once_get_the_same(tmp_path):
    of(tmp_path, NAMES[0])
    seal_keys(tmp_path, PHRASE)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(of, [tmp_path] * 8, [NAMES[1]] * 8))) == 1


@pytest.mark.usefixtures("known")
def test_no_key_is_lost_when_some_seal_and_others_open_and_read_at_once(state):
    def act(number: int) -> object:
        return (seal_keys, open_keys, lambda folder, _: of(folder))[number % 3](state, PHRASE)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(60)))
    assert {of(state, name, make=lambda: b"another") for name in NAMES} == {KEY}


@pytest.mark.usefixtures("known")
def test_a_plain_file_that_was_left_behind_goes_unless_it_holds_another_key(state):
    seal_keys(state, PHRASE)
    (state / NAMES[0]).write_bytes(KEY)
    (state / NAMES[0]).chmod(0o600)
    assert of(state) == KEY
    assert not (state / NAMES[0]).exists()
    (state / NAMES[0]).write_bytes(KEY[::-1])
    (state / NAMES[0]).chmod(0o600)
    for act in (of, lambda folder: seal_keys(folder, PHRASE), lambda f: open_keys(f, PHRASE)):
        with pytest.raises(CredentialError, match=r"another key than signing_key\.sealed holds"):
            act(state)
    assert (state / NAMES[0]).read_bytes() == KEY[::-1]
    assert sealed_file(state / NAMES[0]).exists()


@pytest.mark.usefixtures("known")
def test_opening_once_is_enough_for_a_process(state, monkeypatch):
    seal_keys(state, PHRASE)
    opened = []

    def heard(path: Path, passphrase: str) -> Mapping[str, str]:
        opened.append(path)
        return unseal(path, passphrase)

    monkeypatch.setattr(keyfile, "unseal", heard)
    keyfile._unsealed_once.cache_clear()
    assert [of(state) for _ in range(20)] == [KEY] * 20
    assert len(opened) == 1
