"""Passwords: cost, what is refused, and how many are computed at once."""

from threading import Event, Thread

import pytest

from accounts.errors import PasswordError, WaitError
from accounts.factors.passwords import ArgonParameters, PasswordHashing, check_password


@pytest.fixture
def hashing():
    made = PasswordHashing()
    yield made
    made.close()


def test_a_hash_is_argon2id_of_19_mib_in_two_passes(hashing):
    assert hashing.hash("four words nobody guesses").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_is_right_however_it_is_composed(hashing):
    stored = hashing.hash("pas de fumée sans feu")
    assert hashing.verify(stored, "pas de fume\u0301e sans feu").right
    assert not hashing.verify(stored, "pas de fumee sans feu").right


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$v=19$m=1"])
def test_without_a_hash_no_password_is_right(hashing, stored):
    assert not hashing.verify(stored, "no account has this password").right


def test_a_password_too_long_to_be_one_is_wrong_and_not_an_error(hashing):
    assert not hashing.verify(hashing.hash("x" * 20), "x" * 10_000_000).right
    assert not hashing.verify(hashing.hash(""), "x" * 200).right


def test_other_costs_are_told_once(hashing):
    quick = PasswordHashing(ArgonParameters(memory_kib=64, passes=1))
    stored = quick.hash("four words nobody guesses")
    found = hashing.verify(stored, "four words nobody guesses")
    assert found.right
    assert found.rehash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "argon2" not in repr(found)
    assert hashing.verify(found.rehash, "four words nobody guesses").rehash is None
    assert hashing.verify(stored, "wrong").rehash is None
    quick.close()


def test_two_are_computed_at_once_and_too_many_are_refused(hashing, monkeypatch):
    go, running = Event(), []

    class Slow:
        def hash(self, _):
            running.append(1)
            assert go.wait(60)
            return "x"

    monkeypatch.setattr(hashing, "_argon", Slow())
    waiting = [Thread(target=hashing.hash, args=("x",)) for _ in range(40)]
    for thread in waiting:
        thread.start()
    while hashing._threads._work_queue.qsize() < 38:
        pass
    assert len(running) == 2
    with pytest.raises(WaitError):
        hashing.hash("x")
    go.set()
    for thread in waiting:
        thread.join(60)
    assert hashing.hash("x") == "x"


@pytest.mark.parametrize("password", [
    "", "short", "elevenchars", "passwordpassword", "Password123456", "P@ssw0rd!!!!!",
    "123456789012",
    "aaaaaaaaaaaaaa", "abababababab", "azertyuiop12", "qwertyuiopqw", "motdepasse2026",
    "2026sanaga2026",
    "Bienvenue!2026", "correct horse battery staple", "iloveyou iloveyou", "x" * 129,
    "line\nbreak in it",
    "a.ngono123456", "ngono ngono ngono", "DrAngonoNgono1",
])  # fmt: skip
def test_what_is_guessed_first_is_refused(password):
    with pytest.raises(PasswordError) as refused:
        check_password(password, "a.ngono", "Dr A. Ngono")
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize("password", [
    "four words nobody guesses", "kx7#vq2!mz9p", "le baobab mange 3 camions",
    "ngono plants seven trees",
    "пароль из четырёх слов", "hôpital bleu sous la lune", "x9" * 3 + "yq!w2e",
])  # fmt: skip
def test_long_and_unusual_passwords_are_taken(password):
    check_password(password, "a.ngono", "Dr A. Ngono")
