"""Sealing the controller's keys when something goes wrong: kills, links, swaps, half a backup."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from controller.keys import keyfile
from controller.keys.keyfile import NAMES, ensured, open_keys, seal_keys, sealed_file
from edge.storage import atomic
from inventory.credentials import PASSPHRASE
from inventory.errors import CredentialError

PHRASE = "correct horse battery staple"
KEYS = {name: bytes([number] * 32) for number, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def sealed_once(tmp_path_factory):
    """Return a folder with all three keys sealed, which takes time on purpose."""
    folder = tmp_path_factory.mktemp("sealed")
    plain(folder)
    seal(folder)
    return folder


@pytest.fixture
def state(tmp_path, sealed_once):
    """Return a folder with all three keys sealed."""
    return shutil.copytree(sealed_once, tmp_path / "state")


@pytest.fixture
def bare(tmp_path):
    """Return a folder with all three keys in clear."""
    return plain(tmp_path / "bare")


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Let the environment know the passphrase."""
    monkeypatch.setenv(PASSPHRASE, PHRASE)
    # What a key that is sealed on the way takes need not be much here.
    monkeypatch.setattr(keyfile, "WORK", 2**15)


def plain(folder):
    folder.mkdir(exist_ok=True)
    for name, key in KEYS.items():
        atomic.create(folder / name, key)
    return folder


def seal(folder):
    return seal_keys(folder, PHRASE, lambda: b"another", work=2**15)


def opened(folder):
    return open_keys(folder, PHRASE)


def held(folder):
    """Return what the keys of a folder are, without touching it."""
    copy = Path(shutil.copytree(folder, folder.with_name("copy")))
    found = {name: ensured(copy / name, lambda: b"another", "key") for name in NAMES}
    shutil.rmtree(copy)
    return found


def on_disk(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class Failing:
    """The acts on files, of which one fails: before it was done, or after."""

    def __init__(self, at, *, done):
        self.at, self.done = at, done

    def create(self, path, octets):
        self._act(atomic.create, path, octets)

    def remove(self, path):
        self._act(atomic.remove, path)

    def _act(self, act, *arguments):
        self.at -= 1
        if self.at or self.done:
            act(*arguments)
        if not self.at:
            raise OSError(errno.ENOSPC, "No space left on device")


STEPS = [(at, done) for at in range(1, 7) for done in (False, True)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("act", [seal, opened])
def test_whatever_fails_between_the_steps_no_key_is_lost(bare, state, monkeypatch, act, step):
    folder, (at, done) = bare if act is seal else state, step
    with monkeypatch.context() as broken:
        broken.setattr(keyfile, "atomic", Failing(at, done=done))
        with pytest.raises(OSError, match="No space left"):
            act(folder)
    assert held(folder) == KEYS
    act(folder)
    suffix = ".sealed" if act is seal else ""
    assert {path.name for path in folder.iterdir()} == {f"{name}{suffix}" for name in NAMES}
    assert held(folder) == KEYS


def test_a_file_that_cannot_be_removed_is_told_and_its_key_can_still_be_read(bare, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", refused)
        with pytest.raises(OSError, match="not permitted"):
            seal(bare)
    assert held(bare) == KEYS
    seal(bare)
    assert not any((bare / name).exists() for name in NAMES)


# Copies in clear


@pytest.mark.parametrize("name", NAMES)
def test_what_a_kill_left_of_a_key_in_the_making_goes_with_the_sealing(bare, name):
    draft = bare / f".{name}-0123456789abcdef0123456789abcdef"
    # Killed between the two names that a new file has for a moment.
    os.link(bare / name, draft)
    seal(bare)
    assert not draft.exists()
    draft.write_bytes(KEYS[name])
    seal(bare)
    assert not draft.exists()


def test_what_a_kill_left_of_a_key_in_the_making_goes_with_the_opening(state):
    for name in NAMES:
        (state / f".{name}-0123456789abcdef0123456789abcdef").write_bytes(KEYS[name])
    (state / f".{NAMES[0]}.sealed-0123456789abcdef0123456789abcdef").write_bytes(b"{")
    opened(state)
    assert {path.name for path in state.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_behind_a_symbolic_link_is_not_sealed(bare, tmp_path, name):
    elsewhere = (bare / name).rename(tmp_path / "elsewhere")
    (bare / name).symlink_to(elsewhere)
    before = on_disk(bare)
    with pytest.raises(CredentialError, match=f"{name}: this is a symbolic link to {elsewhere}"):
        seal(bare)
    assert on_disk(bare) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_key_with_another_name_is_not_sealed(bare, tmp_path, name):
    os.link(bare / name, tmp_path / "elsewhere")
    before = on_disk(bare)
    with pytest.raises(CredentialError, match=rf"{name}: this file has 2 names \(hard links\)"):
        seal(bare)
    assert on_disk(bare) == before
    (tmp_path / "elsewhere").unlink()
    assert seal(bare) == NAMES


def test_a_plain_file_beside_its_sealed_one_stays_while_it_has_another_name(state, tmp_path):
    (tmp_path / "elsewhere").write_bytes(KEYS[NAMES[0]])
    (tmp_path / "elsewhere").chmod(0o600)
    os.link(tmp_path / "elsewhere", state / NAMES[0])
    with pytest.raises(CredentialError, match="2 names"):
        ensured(state / NAMES[0], lambda: b"another", "key")
    assert (state / NAMES[0]).exists()


# Half a backup, and files that changed places


@pytest.mark.parametrize("phrase", [PHRASE, ""])
def test_a_missing_signing_key_is_not_made_anew_beside_sealed_keys(state, monkeypatch, phrase):
    sealed_file(state / NAMES[0]).unlink()
    monkeypatch.setenv(PASSPHRASE, phrase)
    before = on_disk(state)
    with pytest.raises(CredentialError, match=r"signing_key\.sealed: this file is missing.*backup"):
        ensured(state / NAMES[0], lambda: b"another", "key")
    with pytest.raises(CredentialError, match=r"signing_key\.sealed: this file is missing"):
        seal(state)
    assert on_disk(state) == before


def test_a_single_sealed_key_can_be_opened_in_a_folder_of_its_own(state, tmp_path):
    (tmp_path / "own").mkdir()
    box = sealed_file(state / NAMES[1])
    box.rename(tmp_path / "own" / box.name)
    assert opened(tmp_path / "own") == (NAMES[1],)
    assert (tmp_path / "own" / NAMES[1]).read_bytes() == KEYS[NAMES[1]]


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_key_that_was_never_made_is_made_and_a_dangling_link_is_none(state, name):
    sealed_file(state / name).unlink()
    sealed_file(state / name).symlink_to("nowhere")
    with pytest.raises(CredentialError, match="No such file"):
        ensured(state / name, lambda: b"another", "key")
    sealed_file(state / name).unlink()
    (state / name).symlink_to("nowhere")
    with pytest.raises(CredentialError, match="symbolic link to nowhere"):
        ensured(state / name, lambda: b"another", "key")
    (state / name).unlink()
    assert ensured(state / name, lambda: b"another", "key") == b"another"
    assert sealed_file(state / name).exists()


def test_sealed_keys_that_changed_places_are_told_from_each_other(state):
    first, second = (sealed_file(state / name) for name in NAMES[1:])
    first.rename(state / "kept")
    second.rename(first)
    (state / "kept").rename(second)
    for act in (seal, opened, lambda folder: ensured(folder / NAMES[1], bytes, "key")):
        with pytest.raises(
            CredentialError, match=r"sealing_key\.sealed: this holds the pair_key.*swapped"
        ):
            act(state)
    assert {path.name for path in state.iterdir()} == {f"{name}.sealed" for name in NAMES}
