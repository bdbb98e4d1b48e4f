import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from inventory import credentials
from inventory.credentials import WORK, resolve_secret, seal_secrets, unseal_text
from inventory.errors import CredentialError

SECRET = "correct horse battery staple"  # noqa: S105
PHRASE = "open sesame"
# What sealed files of before took, which is quicker.
QUICK = 2**15


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """Text of a sealed file; making one takes time on purpose."""
    path = tmp_path_factory.mktemp("sealed") / "vault"
    seal_secrets({"mora": SECRET}, PHRASE, path, work=QUICK)
    return path.read_text()


def refused(reference, base, environment=None):
    with pytest.raises(CredentialError) as caught:
        resolve_secret(reference, base=base, environment=environment or {})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def private(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_variable_gives_its_value(tmp_path):
    assert resolve_secret("env:KEY", base=tmp_path, environment={"KEY": SECRET}) == SECRET


def test_an_unset_variable_is_named(tmp_path):
    assert "export KEY" in refused("env:KEY", tmp_path)


def test_a_file_gives_its_text_without_the_last_line_break(tmp_path):
    private(tmp_path / "key", f"{SECRET}\nsecond\n")
    assert resolve_secret("file:key", base=tmp_path, environment={}) == f"{SECRET}\nsecond"


def test_a_file_may_be_named_absolutely(tmp_path):
    path = private(tmp_path / "key", SECRET)
    assert resolve_secret(f"file:{path}", base=tmp_path / "elsewhere", environment={}) == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_open_to_others_is_refused(tmp_path, mode):
    private(tmp_path / "key", SECRET).chmod(mode)
    assert "chmod 600" in refused("file:key", tmp_path)


def test_a_missing_an_empty_and_a_binary_file_are_refused(tmp_path):
    private(tmp_path / "empty", "\n")
    private(tmp_path / "binary", "").write_bytes(b"\xff\xfe\x00")
    assert "No such file" in refused("file:nothing", tmp_path)
    assert "empty" in refused("file:empty", tmp_path)
    assert "UTF-8" in refused("file:binary", tmp_path)


def test_a_pipe_a_folder_and_a_huge_file_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    private(tmp_path / "huge", "x" * (1024 * 1024 + 1))
    assert "regular" in refused("file:pipe", tmp_path)
    assert "regular" in refused("file:.", tmp_path)
    assert "larger" in refused("file:huge", tmp_path)


def test_what_is_sealed_can_be_opened_with_the_passphrase(tmp_path):
    seal_secrets({"mora": SECRET, "garoua": "other"}, PHRASE, tmp_path / "vault", work=QUICK)
    environment = {"SANAGA_PASSPHRASE": PHRASE}
    assert resolve_secret("sealed:vault#mora", base=tmp_path, environment=environment) == SECRET


def test_a_sealed_file_is_private_and_shows_nothing(tmp_path):
    path = tmp_path / "vault"
    seal_secrets({"mora": SECRET}, PHRASE, path, work=QUICK)
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert SECRET not in text
    assert "mora" not in text
    assert [child.name for child in tmp_path.iterdir()] == ["vault"]


def test_a_wrong_or_missing_passphrase_and_an_unknown_key_are_refused(tmp_path, sealed):
    (tmp_path / "vault").write_text(sealed)
    environment = {"SANAGA_PASSPHRASE": "guess"}
    assert "passphrase is wrong" in refused("sealed:vault#mora", tmp_path, environment)
    assert "set SANAGA_PASSPHRASE" in refused("sealed:vault#mora", tmp_path)
    answer = refused("sealed:vault#moro", tmp_path, {"SANAGA_PASSPHRASE": PHRASE})
    assert "the keys are mora" in answer


@pytest.mark.parametrize("part", ["salt", "nonce", "box"])
def test_a_changed_sealed_file_is_refused(tmp_path, sealed, part):
    path = tmp_path / "vault"
    envelope = json.loads(sealed)
    first = "A" if envelope[part][0] != "A" else "B"
    path.write_text(json.dumps(envelope | {part: first + envelope[part][1:]}))
    answer = refused("sealed:vault#mora", tmp_path, {"SANAGA_PASSPHRASE": PHRASE})
    assert "was changed" in answer


@pytest.mark.parametrize(
    "change",
    [
        {"work": 3},
        {"work": 2**30},
        {"work": 2},
        {"work": 2**14},
        {"work": "x"},
        {"format": "other"},
        {"salt": ""},
        {"nonce": "AAAA"},
        {"box": "?"},
        {"box": 1},
    ],
)
def test_a_damaged_envelope_is_refused(tmp_path, sealed, change):
    path = tmp_path / "vault"
    path.write_text(json.dumps(json.loads(sealed) | change))
    assert "write it again" in refused("sealed:vault#mora", tmp_path, {"SANAGA_PASSPHRASE": PHRASE})


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000])
def test_what_is_no_envelope_is_refused(tmp_path, text):
    (tmp_path / "vault").write_text(text)
    assert "no sealed file" in refused("sealed:vault#mora", tmp_path, {"SANAGA_PASSPHRASE": PHRASE})


@pytest.mark.parametrize("reference", [SECRET, "", "env:", "file:", "sealed:vault", "vault:x#y"])
def test_what_is_no_reference_is_refused_without_being_repeated(tmp_path, reference):
    assert "no credential reference" in refused(reference, tmp_path)


def test_a_sealed_file_is_replaced_in_one_step_or_not_at_all(tmp_path):
    with pytest.raises(CredentialError, match="cannot be written"):
        seal_secrets({"mora": SECRET}, PHRASE, tmp_path / "nowhere" / "vault", work=QUICK)
    with pytest.raises(CredentialError, match="passphrase"):
        seal_secrets({"mora": SECRET}, "", tmp_path / "vault")
    assert not list(tmp_path.iterdir())


# Passphrases

COMPOSED, DECOMPOSED = "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me"


def test_guessing_the_passphrase_of_a_new_file_takes_128_megabytes(tmp_path):
    path = tmp_path / "vault"
    seal_secrets({"mora": SECRET}, PHRASE, path)
    assert json.loads(path.read_text())["work"] == WORK == 2**17
    assert unseal_text(path, PHRASE) == {"mora": SECRET}


@pytest.mark.parametrize("first", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("second", [COMPOSED, DECOMPOSED])
def test_a_letter_with_an_accent_is_the_same_however_it_is_typed(tmp_path, first, second):
    assert COMPOSED != DECOMPOSED
    seal_secrets({"mora": SECRET}, first, tmp_path / "vault", work=QUICK)
    assert unseal_text(tmp_path / "vault", second) == {"mora": SECRET}


def test_what_was_sealed_as_it_was_typed_opens_as_it_was_typed(tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(credentials, "normalize_passphrase", str)
        seal_secrets({"mora": SECRET}, DECOMPOSED, tmp_path / "vault", work=QUICK)
    assert unseal_text(tmp_path / "vault", DECOMPOSED) == {"mora": SECRET}


def test_octets_that_are_no_text_are_refused_without_being_shown(tmp_path, sealed):
    (tmp_path / "vault").write_text(sealed)
    phrase = b"h\xe9las, a secret".decode("utf-8", "surrogateescape")
    answer = refused("sealed:vault#mora", tmp_path, {"SANAGA_PASSPHRASE": phrase})
    assert "not UTF-8" in answer
    assert "las" not in answer
    with pytest.raises(CredentialError, match="not UTF-8"):
        seal_secrets({"mora": SECRET}, phrase, tmp_path / "other")


def test_many_secrets_of_one_file_take_the_work_and_the_memory_of_one(tmp_path, monkeypatch):
    names = [f"router-{number}" for number in range(20)]
    path = tmp_path / "vault"
    seal_secrets(dict.fromkeys(names, SECRET), PHRASE, path, work=QUICK)
    credentials._derived.cache_clear()
    made = []

    def heard(**parameters):
        made.append(parameters["n"])
        return Scrypt(**parameters)

    monkeypatch.setattr(credentials, "Scrypt", heard)
    environment = {"SANAGA_PASSPHRASE": PHRASE}
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(
            lambda name: resolve_secret(
                f"sealed:vault#{name}", base=tmp_path, environment=environment
            ),
            names,
        )
        assert set(found) == {SECRET}
    assert made == [QUICK]
