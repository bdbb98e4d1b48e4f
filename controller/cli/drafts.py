"""The files of many devices in a folder: drafts until their devices are on record.

Whoever is killed between the two leaves drafts; the next one looks up which of their devices are on
record, keeps those and removes the others.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from controller.access.registrar import Handover, Registrar
from controller.cli_vpn.delivery import Delivery
from inventory.errors import AccessError, IntentError
from vpn import key_text
from vpn.wireguard import keys, parser

_DRAFT: Final = ".draft"


class Drafts:
    """Files in a folder, one for each device that gets a key; without a folder there are none.

    text returns what a file says.
    """

    def __init__(self, folder: Path | None, text: Callable[[Handover], str]) -> None:
        self._folder = folder
        self._text = text
        self._files: list[Path] = []

    def deliver(self, handover: Handover) -> None:
        """Write a draft for a device whose key was made here. Raises AccessError, OSError."""
        if self._folder is None or not any(one.private_key for one in handover.files.values()):
            return
        file = self._folder / f"{handover.device.person}-{handover.device.name}.conf"
        if file.exists():
            raise AccessError(f"{file}: there already; nothing is overwritten")
        draft = file.with_name(f"{file.name}{_DRAFT}")
        Delivery(file=draft).settled().hand(self._text(handover))
        self._files.append(draft)

    def settled(self) -> None:
        """Let all drafts be files: their devices are on record."""
        for draft in self._files:
            draft.rename(draft.with_suffix(""))
        self._files.clear()

    def withdrawn(self) -> None:
        """Take all drafts away: their devices are not on record."""
        for draft in self._files:
            draft.unlink(missing_ok=True)
        self._files.clear()


def left(folder: Path) -> tuple[Path, ...]:
    """Return the drafts in a folder, which somebody who was killed left."""
    return tuple(sorted(folder.glob(f"*{_DRAFT}")))


def take_up(desk: Registrar, drafts: Iterable[Path]) -> None:
    """Let drafts whose devices are on record be files, and remove the others. Raises OSError."""
    for draft in drafts:
        owner = desk.store.owner(_key_in(draft))
        if owner and owner.revoked is None:
            draft.rename(draft.with_suffix(""))
        else:
            draft.unlink()


def _key_in(draft: Path) -> key_text.PublicKey:
    """Return the public key of a draft's device; nothing when the draft is torn."""
    try:
        private = parser.parse(draft.read_text(encoding="utf-8"), str(draft)).private_key
    except (IntentError, UnicodeDecodeError):
        return ""
    return keys.public_of(private) if private else ""
