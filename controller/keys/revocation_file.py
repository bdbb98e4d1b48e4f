"""The signed list of revoked keys as it lies in the state folder, for whoever speaks to an edge."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

FILE: Final = "revoked.json"
# A list may have a megabyte, and most only want to know how new it is.
_SERIAL: Final = re.compile(r'\{"serial":(\d{1,16}),')


class Newest(Protocol):
    """The key that was withdrawn last."""

    @property
    def serial(self) -> int:
        """Return its number."""
        ...

    @property
    def public_key(self) -> str:
        """Return the key."""
        ...


@dataclass(frozen=True, slots=True)
class PublishedRevocations:
    """A list in its envelope; serial is 0 where there is none."""

    serial: int = 0
    envelope: str = ""

    def restored_from_backup(self, newest: Newest | None) -> bool:
        """Return whether it knows of more than a record, or not of the record's newest key."""
        if newest is None or newest.serial < self.serial:
            return self.serial > 0
        return newest.serial == self.serial and f'"{newest.public_key}"' not in self.envelope

    def current(self, newest: Newest | None) -> bool:
        """Return whether it has all that a record has, whose newest key is given."""
        return self.serial == (newest.serial if newest else 0) and not self.restored_from_backup(
            newest
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys on it, oldest first; none when it is damaged."""
        with suppress(ValueError, KeyError, TypeError):
            return tuple(map(str, json.loads(self.envelope)["keys"]))
        return ()


def published(state_dir: Path) -> PublishedRevocations:
    """Return the list that was signed last."""
    with suppress(OSError, UnicodeDecodeError):
        envelope = (state_dir / FILE).read_text(encoding="utf-8")
        if found := _SERIAL.match(envelope):
            return PublishedRevocations(int(found[1]), envelope)
    return PublishedRevocations()
