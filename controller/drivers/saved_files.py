"""Devices whose running configurations lie in files, as DEVICE.conf in a folder."""

import stat
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from controller.drivers.memory import SUFFIX
from inventory.errors import DeviceError
from inventory.model import DeviceName

MAX_BYTES: Final = 64 * 2**20


def read_saved(folder: Path, name: DeviceName) -> str:
    """Return what a device runs by its file; every device of an empty folder is blank.

    Raises DeviceError when there is no such file, or one that cannot be read.
    """
    file = folder / f"{name}{SUFFIX}"
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise DeviceError(name, f"{file} is no regular file, or too large; save it again")
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if _is_empty(folder):
            return ""
        raise DeviceError(name, _missing(folder, name)) from None
    except UnicodeDecodeError as error:
        raise DeviceError(name, f"{file} is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise DeviceError(name, f"{file} cannot be read ({error.strerror})") from error


def unused_files(folder: Path, known: Collection[DeviceName]) -> tuple[str, ...]:
    """Return the files of a folder that are named like none of the known devices."""
    wanted = {f"{name}{SUFFIX}" for name in known}
    return tuple(name for name in _files(folder) if name not in wanted)


def _missing(folder: Path, name: DeviceName) -> str:
    near = get_close_matches(f"{name}{SUFFIX}", _files(folder), n=1, cutoff=0.8)
    guess = f" (is it {near[0]}?)" if near else ""
    return (
        f"there is no {name}{SUFFIX} in {folder}{guess}; save there what the device runs, or make "
        "an empty file for a blank device"
    )


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not _files(folder)


def _files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
