"""Who the credentials of the last second stand for: a screen asks ten times at once."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Final, TypeAlias

from accounts.realm import Realm
from accounts.roles import Principal

Identify: TypeAlias = Callable[[Realm, str, float], Principal | None]
# What another process changes is seen so late at most.
REMEMBERED_S: Final = 1.0
_MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Known:
    by: Principal
    at_s: float


class KnownCallers:
    """Remembers who was found, until somebody changes something; safe for several threads."""

    def __init__(self, realm: Realm, identify: Identify) -> None:
        self._realm, self._identify = realm, identify
        self._known: dict[bytes, _Known] = {}
        self._changes = 0
        self._lock = Lock()

    def find(self, text: str, now_s: float) -> Principal | None:
        """Return who a credential stands for; None if for nobody, which is not remembered."""
        key = sha256(text.encode("utf-8", "replace")).digest()
        with self._lock:
            known, changes = self._known.get(key), self._changes
        if known and 0 <= now_s - known.at_s < REMEMBERED_S:
            return known.by
        found = self._identify(self._realm, text, now_s)
        with self._lock:
            # What was read before a change is not kept after it.
            if found and changes == self._changes:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = _Known(found, now_s)
        return found

    def forget(self) -> None:
        """Forget everybody, as something was changed."""
        with self._lock:
            self._changes += 1
            self._known.clear()
