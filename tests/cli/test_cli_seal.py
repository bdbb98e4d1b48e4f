"""Sealing secrets: from stdin or the keyboard, never from arguments, never shown."""

import os
import pty
import subprocess

import pytest

from inventory.credentials import resolve
from tests.vpn_folder import add

SECRET = "-----BEGIN KEY-----\nnot one\n-----END KEY-----"  # noqa: S105
PHRASE = "open sesame"


def seal(sanaga, *words, stdin=SECRET, phrase=PHRASE):
    return sanaga("inventory", "seal", *words, stdin=stdin, SANAGA_PASSPHRASE=phrase)


def opened(sanaga, name, phrase=PHRASE):
    environment = {"SANAGA_PASSPHRASE": phrase}
    return resolve(f"sealed:keys.sealed#{name}", base=sanaga.folder, environment=environment)


def test_seal_keeps_what_stdin_gave_without_its_last_line_break(sanaga):
    answer = seal(sanaga, "keys.sealed", "mora-r1", stdin=SECRET + "\n")
    assert (answer.code, answer.out) == (0, ""), answer.err
    assert 'credential: "sealed:keys.sealed#mora-r1"' in answer.err
    assert opened(sanaga, "mora-r1") == SECRET
    file = sanaga.folder / "keys.sealed"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "not one" not in file.read_text() + answer.err


def test_seal_adds_to_a_file_and_keeps_the_others(sanaga):
    seal(sanaga, "keys.sealed", "mora-r1")
    answer = seal(sanaga, "keys.sealed", "kolofata-r1", stdin="second")
    assert answer.code == 0, answer.err
    assert "which holds: kolofata-r1, mora-r1" in answer.err
    assert (opened(sanaga, "mora-r1"), opened(sanaga, "kolofata-r1")) == (SECRET, "second")


def test_seal_replaces_a_secret_only_when_told_to(sanaga):
    seal(sanaga, "keys.sealed", "mora-r1")
    answer = seal(sanaga, "keys.sealed", "mora-r1", stdin="second")
    assert answer.code == 64
    assert "--replace" in answer.err
    assert opened(sanaga, "mora-r1") == SECRET
    assert seal(sanaga, "keys.sealed", "mora-r1", "--replace", stdin="second").code == 0
    assert opened(sanaga, "mora-r1") == "second"


def test_seal_with_another_passphrase_leaves_the_file_alone(sanaga):
    seal(sanaga, "keys.sealed", "mora-r1")
    before = (sanaga.folder / "keys.sealed").read_bytes()
    answer = seal(sanaga, "keys.sealed", "kolofata-r1", phrase="guess")
    assert answer.code == 1
    assert "the passphrase is wrong" in answer.err
    assert (sanaga.folder / "keys.sealed").read_bytes() == before


def test_seal_asks_nobody_for_a_passphrase_when_nobody_is_there(sanaga):
    answer = seal(sanaga, "keys.sealed", "mora-r1", phrase="")
    assert answer.code == 64
    assert "set SANAGA_PASSPHRASE" in answer.err
    assert not (sanaga.folder / "keys.sealed").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("keys.sealed", "mora#r1"), "letters, digits"),
        (("keys.sealed", "not one"), "letters, digits"),
        (("keys#1", "mora"), "'#'"),
        (("keys.yaml", "mora"), "keys.sealed"),
    ],
)
def test_seal_refuses_what_no_reference_could_name(sanaga, words, said):
    answer = seal(sanaga, *words)
    assert answer.code == 64
    assert said in answer.err
    assert "not one" not in answer.err
    assert list(sanaga.folder.iterdir()) == []


@pytest.mark.parametrize("stdin", ["", "\n", "x" * 70_000])
def test_seal_refuses_what_is_no_secret(sanaga, stdin):
    answer = seal(sanaga, "keys.sealed", "mora-r1", stdin=stdin)
    assert answer.code == 1
    assert "stdin gave" in answer.err
    assert not (sanaga.folder / "keys.sealed").exists()


def test_seal_asks_a_person_without_showing_what_is_typed(sanaga):
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        sanaga.command("inventory", "seal", "keys.sealed", "mora-r1"),
        cwd=sanaga.folder,
        env=sanaga.environment(),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    shown = ""
    for asked in (PHRASE, PHRASE, "typed", "typed"):
        shown += _until(terminal, ": ")
        os.write(terminal, f"{asked}\n".encode())
    shown += _until(terminal, '"')
    code = process.wait(60)
    os.close(terminal)
    assert code == 0, shown
    assert opened(sanaga, "mora-r1") == "typed"
    assert PHRASE not in shown
    assert "typed" not in shown


def _until(terminal, ending):
    shown = ""
    while not shown.endswith(ending):
        shown += os.read(terminal, 1).decode()
    return shown


def sealed_controller(sanaga, open_):
    """Let Dr A. Ngono have access, and seal the controller's keys."""
    assert add(sanaga, "--file", "n.conf").code == 0
    sanaga("inventory", "signing-key")
    keys = {path.name: path.read_bytes() for path in (sanaga.folder / "state").glob("*_key")}
    answer = sanaga("inventory", "seal-keys", SANAGA_PASSPHRASE=PHRASE)
    assert (answer.code, answer.out) == (0, ""), answer.err
    assert f"sealed in {sanaga.folder / 'state'}: signing_key and sealing_key\n" in answer.err
    return keys


def test_a_copy_of_the_state_folder_is_no_use_without_the_passphrase(sanaga, open_):
    keys = sealed_controller(sanaga, open_)
    for path in (sanaga.folder / "state").rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert not [name for name, key in keys.items() if key in data]
    again = ("vpn", "person", "export", "a-ngono", "--file", "m.conf", "--because", "x")
    refused = sanaga(*again)
    assert refused.code == 1
    assert "sealing_key.sealed: the sealing key is sealed" in refused.err
    assert not (sanaga.folder / "m.conf").exists()
    assert "the passphrase is wrong" in sanaga(*again, SANAGA_PASSPHRASE=PHRASE[:-1]).err
    assert sanaga(*again, SANAGA_PASSPHRASE=PHRASE).code == 0


def test_sealed_keys_of_the_controller_can_be_opened_again(sanaga, open_):
    keys = sealed_controller(sanaga, open_)
    answer = sanaga("inventory", "seal-keys", "--open", SANAGA_PASSPHRASE=PHRASE)
    assert answer.code == 0, answer.err
    found = {path.name: path.read_bytes() for path in (sanaga.folder / "state").glob("*_key*")}
    assert found == keys
    none = sanaga("inventory", "seal-keys", "--open", SANAGA_PASSPHRASE=PHRASE)
    assert "no key was sealed" in none.err


def test_nobody_is_asked_for_a_passphrase_who_cannot_answer(sanaga):
    answer = sanaga("inventory", "seal-keys")
    assert answer.code == 64
    assert "set SANAGA_PASSPHRASE" in answer.err
    assert not list((sanaga.folder / "state").glob("*.sealed"))
