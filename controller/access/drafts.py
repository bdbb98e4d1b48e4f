"""Files of many new devices: drafts in a folder, which count once their devices are on record.

One process at a time writes into a folder. The record knows which devices still lack their file,
so that a process that is killed at any moment leaves none without one for ever: the next one makes
its drafts files, or gives a device whose draft is lost another key.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from controller.access.devices import DeviceFiles
from controller.access.registrar import Registrar
from controller.wording import listing
from edge.storage import atomic
from inventory.errors import AccessError, IntentError
from inventory.output_file import sync_folder
from vpn.key_text import PublicKey
from vpn.model import PersonDevice
from vpn.wireguard import keys, parser
from vpn.wireguard.config import LONGEST_NAME

DRAFT: Final = ".draft"


def file_name(device: PersonDevice) -> str:
    """Return the name of a device's file, as wg-quick takes it; no other device gets the same."""
    plain, number = f"{device.person}-{device.name}", f"-{device.number}"
    if len(plain) > LONGEST_NAME:
        plain = plain[: LONGEST_NAME - len(number)].rstrip("-") + number
    return f"{plain}.conf"


@contextmanager
def reserved(folder: Path | None) -> Iterator[None]:
    """Have a folder for oneself while the block runs, made first where there is none.

    One that was made and stays empty is taken away again. Raises AccessError when another process
    writes there, and OSError.
    """
    if folder is None:
        yield
        return
    made = not folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (descriptor := _locked(folder)) is None:
        raise AccessError(
            f"{folder}: another 'sanaga vpn person apply' writes there; say this again when it has "
            "finished"
        )
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()
        os.close(descriptor)


def _locked(folder: Path) -> int | None:
    """Return what holds a folder's lock, which dies with the process; None if another has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class UnfiledRecord(Protocol):
    """Remembers which devices on record still lack their file."""

    def note(self, device: PersonDevice, file: str) -> None:
        """Note where the file of a device is to be."""
        ...

    def clear(self, devices: Iterable[PersonDevice]) -> None:
        """Forget devices that have their file."""
        ...


class Drafts:
    """Files in a folder, one for each device that gets a key; without a folder there are none.

    text returns what a file says.
    """

    def __init__(
        self, unfiled: UnfiledRecord, folder: Path | None, text: Callable[[DeviceFiles], str]
    ) -> None:
        self._unfiled = unfiled
        self._folder = folder.resolve() if folder else None
        self._text = text
        self._drafts: dict[Path, PersonDevice] = {}

    def deliver(self, handover: DeviceFiles) -> None:
        """Write a draft for a device whose key was made here. Raises AccessError, OSError."""
        if self._folder is None or not any(one.private_key for one in handover.files.values()):
            return
        file = self._folder / file_name(handover.device)
        if file.exists():
            raise AccessError(f"{file}: there already; nothing is overwritten")
        draft = file.with_name(f"{file.name}{DRAFT}")
        with atomic.new_file(draft) as write:
            write(self._text(handover).encode())
        self._drafts[draft] = handover.device
        self._unfiled.note(handover.device, str(file))

    def written(self) -> None:
        """Have all drafts on the disk before their devices are on record. Raises OSError."""
        if self._folder and self._drafts:
            sync_folder(self._folder)

    def settled(self) -> None:
        """Let all drafts be files: their devices are on record.

        Raises AccessError when some are gone, after all others are files.
        """
        lost = [device for draft, device in self._drafts.items() if not _settle(draft)]
        if self._folder and self._drafts:
            sync_folder(self._folder)
        self._unfiled.clear(one for one in self._drafts.values() if one not in lost)
        self._drafts.clear()
        if lost:
            raise AccessError(without_file(lost))

    def withdrawn(self) -> None:
        """Take all drafts away: their devices are not on record."""
        self.dropped(self._drafts.values())

    def dropped(self, devices: Iterable[PersonDevice]) -> None:
        """Take the drafts of some devices away, which are not on record."""
        gone = set(devices)
        for draft in [path for path, device in self._drafts.items() if device in gone]:
            draft.unlink(missing_ok=True)
            del self._drafts[draft]


def _settle(draft: Path) -> bool:
    """Let a draft be a file; return whether it was there."""
    with suppress(FileNotFoundError):
        draft.rename(draft.with_suffix(""))
        return True
    return False


def take_up(registrar: Registrar, folder: Path) -> None:
    """Let the drafts that a killed process left in a reserved folder be files, or remove them.

    Which of both depends on whether their devices are on record. Raises OSError.
    """

    def in_use(key: PublicKey) -> bool:
        owner = registrar.store.owner(key)
        return owner is not None and owner.revoked is None

    settle_drafts(folder, in_use)


def settle_drafts(folder: Path, in_use: Callable[[PublicKey], bool]) -> None:
    """Let the drafts in a reserved folder be files, but remove those whose key is not in use.

    Raises OSError.
    """
    for draft in sorted(folder.glob(f"*{DRAFT}")):
        if (key := _key_in(draft)) and in_use(key):
            _settle(draft)
        else:
            draft.unlink()


def unfiled_devices(registrar: Registrar, reserved_folder: Path | None) -> tuple[PersonDevice, ...]:
    """Return the devices on record whose file is lost; those of a living process have theirs yet.

    Raises OSError.
    """
    lost = []
    for device, file in registrar.store.unfiled.all():
        path = Path(file)
        if _key_in(path) == device.public_key:
            # A state folder that cannot be written is asked again another time.
            with suppress(AccessError):
                registrar.store.unfiled.clear([device])
        elif path.parent == _resolved(reserved_folder) or not _awaited(path):
            lost.append(device)
    return tuple(lost)


def without_file(devices: list[PersonDevice] | tuple[PersonDevice, ...]) -> str:
    """Return that devices have no file, and what to do."""
    named = listing([f"{one.person}'s {one.name}" for one in devices])
    have = "is" if len(devices) == 1 else "are"
    return (
        f"{named} {have} on record without a file; 'sanaga vpn person apply' with a list that has "
        "them gives them other keys, and so does 'sanaga vpn person rotate NAME'"
    )


def _resolved(folder: Path | None) -> Path | None:
    return folder.resolve() if folder else None


def _awaited(file: Path) -> bool:
    """Return whether a file may still come: its draft is there, or a process works beside it."""
    if file.with_name(f"{file.name}{DRAFT}").exists():
        return True
    try:
        descriptor = _locked(file.parent)
    except OSError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _key_in(file: Path) -> PublicKey:
    """Return the public key of a file's device; nothing when the file is torn, or not there."""
    try:
        private = parser.parse_config(file.read_text(encoding="utf-8"), str(file)).private_key
    except (IntentError, UnicodeDecodeError, FileNotFoundError, NotADirectoryError):
        return ""
    return keys.public_of(private) if private else ""
