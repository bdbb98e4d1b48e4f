"""Passwords: argon2id, at most two computed at once, and rules for new ones."""

import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from secrets import token_urlsafe
from threading import BoundedSemaphore
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from accounts.errors import PasswordError, WaitError
from accounts.factors.common_passwords import COMMON

Answer = TypeVar("Answer")

SHORTEST: Final = 12
LONGEST: Final = 128
_AT_ONCE: Final = 2
# Further requests are refused rather than queued for minutes.
_WAITING: Final = 40
_DISGUISES: Final = str.maketrans("013457@$", "oieasta" + "s")
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "azertyuiop")


@dataclass(frozen=True, slots=True)
class ArgonParameters:
    """Cost of one hash; the usual ones take 20 ms and 19 MiB."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a password is right; rehash is a hash to store instead, if costs have changed."""

    right: bool
    rehash: str | None = field(default=None, repr=False)


class PasswordHashing:
    """Computes hashes in two threads of its own, so that attempts fill neither core nor memory."""

    def __init__(self, parameters: ArgonParameters | None = None) -> None:
        cost = parameters or ArgonParameters()
        self._argon = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")
        self._room = BoundedSemaphore(_WAITING)
        # Checked for accounts that do not exist, which then take as long as others.
        self._dummy = self._argon.hash(token_urlsafe())

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def hash(self, password: str) -> str:
        """Return the hash of a password. Raises WaitError when too many are being computed."""
        return self._computed(lambda: self._argon.hash(normalized(password)))

    def verify(self, stored: str | None, password: str) -> Verified:
        """Check a password; without a stored hash the answer is no, after the usual time.

        Raises WaitError when too many are being computed.
        """
        return self._computed(lambda: self._verify(stored, password))

    def _computed(self, work: Callable[[], Answer]) -> Answer:
        if not self._room.acquire(blocking=False):
            raise WaitError(2)
        try:
            return self._threads.submit(work).result()
        finally:
            self._room.release()

    def _verify(self, stored: str | None, password: str) -> Verified:
        # What is longer than any password of ours is not worth the normalization.
        typed = normalized(password) if len(password) <= LONGEST else ""
        try:
            self._argon.verify(self._dummy if stored is None else stored, typed)
        except (VerificationError, InvalidHashError):
            return Verified(right=False)
        if stored is None or not typed:
            return Verified(right=False)
        stale = self._argon.check_needs_rehash(stored)
        return Verified(right=True, rehash=self._argon.hash(typed) if stale else None)


def normalized(password: str) -> str:
    """Return a password in the one form that keyboards of all makes lead to (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *own: str) -> None:
    """Raise PasswordError if a new password is too easy to guess; own are the person's names."""
    if len(password) > LONGEST:
        raise PasswordError(f"the password has more than {LONGEST} characters; take a shorter one")
    text = normalized(password)
    if len(text) < SHORTEST:
        raise PasswordError(f"the password has fewer than {SHORTEST} characters; take four words")
    if not all(character.isprintable() for character in text):
        raise PasswordError("the password has characters that cannot be typed; use others")
    if _is_common(text) or any(_is_about(text, name) for name in own):
        raise PasswordError("the password is among the first that are guessed; take four words")


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _is_common(text: str) -> bool:
    bare = re.sub(r"^[\d\W_]+|[\d\W_]+$", "", text.casefold())
    words = {_plain(bare), _plain(bare.translate(_DISGUISES)), _plain(text.casefold())}
    return any(_is_simple(word) for word in words)


def _is_simple(word: str) -> bool:
    """Return whether a word is common, one short part again and again, or a row of keys."""
    if len(set(word)) < 5 or word in COMMON:
        return True
    parts = {word[:length] for length in range(1, 9) if not len(word) % length}
    if any(part * (len(word) // len(part)) == word for part in parts if part != word):
        return True
    return any(word in row or word[::-1] in row for row in (line * 2 for line in _ROWS))


def _is_about(text: str, name: str) -> bool:
    """Return whether little is left of a password without the person's own name."""
    rest, words = _plain(text), [_plain(word) for word in (name, *re.split(r"[\W_]+", name))]
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= 3:
            rest = rest.replace(word, "")
    return len(re.sub(r"\d", "", rest)) < 6 and len(rest) < len(_plain(text))
