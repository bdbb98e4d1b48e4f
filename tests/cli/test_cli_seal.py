"""Sealing secrets: from stdin or the keyboard, never from arguments, never shown."""

import os
import pty
import select
import subprocess
from contextlib import suppress

import pytest

from inventory.credentials import resolve_secret
from tests.rigs.people.vpn_folder import add

SECRET = "-----BEGIN KEY-----\nnot one\n-----END KEY-----"  # noqa: S105
PHRASE = "open, sesame seed"


def seal(sanaga, *words, stdin=SECRET, phrase=PHRASE):
    return sanaga("inventory", "seal", *words, stdin=stdin, SANAGA_PASSPHRASE=phrase)


def opened(sanaga, name, phrase=PHRASE):
    environment = {"SANAGA_PASSPHRASE": phrase}
    return resolve_secret(f"sealed:keys.sealed#{name}", base=sanaga.folder, environment=environment)


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


def at_terminal(sanaga, words, answers, **variables):
    """Return how a command ended that asks a person, and what the terminal showed."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        sanaga.command("inventory", *words),
        cwd=sanaga.folder,
        env={**sanaga.environment(), **variables},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    shown = ""
    try:
        for answer in answers:
            shown += _until_asked(terminal)
            os.write(terminal, f"{answer}\n".encode())
        shown += _rest(terminal)
    finally:
        # Who still waits for an answer then learns that the terminal has gone.
        os.close(terminal)
    return process.wait(60), shown


def _until_asked(terminal):
    shown = ""
    while not shown.endswith(": "):
        shown += _read(terminal, 1).decode()
    return shown


def _rest(terminal):
    """Return what is shown until the process has gone, which Linux says with an error."""
    shown = b""
    with suppress(OSError):
        while data := _read(terminal, 1024):
            shown += data
    return shown.decode()


def _read(terminal, most):
    assert select.select([terminal], [], [], 30)[0], "it waits for an answer"
    return os.read(terminal, most)


def test_seal_asks_a_person_without_showing_what_is_typed(sanaga):
    words = ("seal", "keys.sealed", "mora-r1")
    code, shown = at_terminal(sanaga, words, (PHRASE, PHRASE, "typed", "typed"))
    assert code == 0, shown
    assert opened(sanaga, "mora-r1") == "typed"
    assert PHRASE not in shown
    assert "typed" not in shown


def test_a_new_file_asks_a_person_for_the_passphrase_of_the_environment_too(sanaga):
    words = ("seal", "keys.sealed", "mora-r1")
    code, shown = at_terminal(sanaga, words, ("another one",), SANAGA_PASSPHRASE=PHRASE)
    assert code == 1, shown
    assert "SANAGA_PASSPHRASE holds another passphrase than was typed" in shown
    assert not (sanaga.folder / "keys.sealed").exists()
    asked = (PHRASE, "typed", "typed")
    assert at_terminal(sanaga, words, asked, SANAGA_PASSPHRASE=PHRASE)[0] == 0
    again = (*words[:2], "kolofata-r1")
    assert at_terminal(sanaga, again, ("typed", "typed"), SANAGA_PASSPHRASE=PHRASE)[0] == 0


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
    assert not list((sanaga.folder / "state").glob("*_key*"))


def test_on_a_fresh_controller_the_signing_key_is_sealed_and_nothing_else(sanaga):
    answer = sanaga("inventory", "seal-keys", SANAGA_PASSPHRASE=PHRASE)
    assert answer.code == 0, answer.err
    assert f"sealed in {sanaga.folder / 'state'}: signing_key\n" in answer.err
    assert [path.name for path in (sanaga.folder / "state").iterdir()] == ["signing_key.sealed"]
    public = sanaga("inventory", "signing-key", SANAGA_PASSPHRASE=PHRASE)
    assert len(public.out.strip()) == 44


@pytest.mark.parametrize("phrase", ["elevenchars", "e\u0301" * 11, "a\udcff secret in Latin-1"])
def test_a_passphrase_that_protects_nothing_seals_nothing(sanaga, phrase):
    sanaga("inventory", "signing-key")
    before = (sanaga.folder / "state" / "signing_key").read_bytes()
    answer = sanaga("inventory", "seal-keys", SANAGA_PASSPHRASE=phrase)
    assert answer.code == 1
    assert "six words" in answer.err or "not UTF-8" in answer.err
    assert "secret" not in answer.err
    assert [path.name for path in (sanaga.folder / "state").iterdir()] == ["signing_key"]
    assert (sanaga.folder / "state" / "signing_key").read_bytes() == before


def test_a_person_confirms_the_passphrase_of_the_environment_before_keys_are_sealed(sanaga):
    sanaga("inventory", "signing-key")
    state = sanaga.folder / "state"
    code, shown = at_terminal(sanaga, ("seal-keys",), ("another one",), SANAGA_PASSPHRASE=PHRASE)
    assert code == 1, shown
    assert "nothing was sealed" in shown
    assert [path.name for path in state.iterdir()] == ["signing_key"]
    code, shown = at_terminal(sanaga, ("seal-keys",), (PHRASE,), SANAGA_PASSPHRASE=PHRASE)
    assert code == 0, shown
    assert PHRASE not in shown
    assert [path.name for path in state.iterdir()] == ["signing_key.sealed"]
    assert at_terminal(sanaga, ("seal-keys",), (), SANAGA_PASSPHRASE=PHRASE)[0] == 0


READING = (
    ("vpn", "audit"),
    ("vpn", "status"),
    ("vpn", "person", "list"),
    ("vpn", "person", "show", "a-ngono"),
    ("vpn", "person", "plan", "people.csv"),
    ("vpn", "site", "list", "--dir", "small"),
    ("vpn", "plan", "--dir", "small"),
)


def test_who_only_reads_or_withdraws_needs_no_passphrase(sanaga, open_):
    sealed_controller(sanaga, open_)
    (sanaga.folder / "people.csv").write_text("name,title,role,site\n", encoding="utf-8")
    text = (sanaga.folder / "n.conf").read_text(encoding="utf-8")
    address = text.partition("Address = ")[2].partition("/")[0]
    reading = (*READING, ("vpn", "person", "who", address))
    told = {" ".join(words): sanaga(*words) for words in reading}
    refused = {words: answer.err for words, answer in told.items() if "sealed" in answer.err}
    assert refused == {}
    assert "a-ngono" in told["vpn audit"].out
    assert {words for words, answer in told.items() if answer.code} == set()
    withdrawn = ("vpn", "person", "revoke", "a-ngono", "--later", "--because", "stolen")
    answer = sanaga(*withdrawn)
    assert answer.code == 0, answer.err
    assert "person.revoke" in sanaga("vpn", "audit", "a-ngono").out
    assert "a-ngono" not in sanaga("vpn", "person", "list").out


def test_a_withdrawal_without_the_passphrase_is_recorded_and_told_later(sanaga, open_):
    sealed_controller(sanaga, open_)
    edge = sanaga.folder / open_ / "edge.yaml"
    door = '{address: 198.18.0.77, username: sanaga, credential: "env:SANAGA_SMALL_KEY"}'
    text = edge.read_text(encoding="utf-8")
    edge.write_text(text.replace("linux\n", f"linux\n    management: {door}\n"), encoding="utf-8")
    applied = sanaga("vpn", "apply", "--dir", open_, "--later", "--because", "a door")
    assert applied.code == 0, applied.err
    answer = sanaga("vpn", "person", "revoke", "a-ngono", "--because", "stolen")
    assert answer.code == 1
    assert "has no access any more" in answer.err
    assert "is sealed; its passphrase belongs into SANAGA_PASSPHRASE" in answer.err
    assert "a-ngono" not in sanaga("vpn", "person", "list").out
