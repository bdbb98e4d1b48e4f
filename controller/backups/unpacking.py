"""Unpacking an archive: plain files and folders beneath one folder, and nothing else.

The filter that tarfile has for this is missing in the Python of Debian 12.
"""

import shutil
import tarfile
from pathlib import Path, PurePosixPath


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Write every member of an archive beneath a folder, for its owner alone.

    Raises tarfile.TarError for a member that is something else or leads elsewhere, and OSError,
    also for one that is there twice.
    """
    for member in archive:
        target = folder / _place(member)
        if member.isdir():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif source := archive.extractfile(member) if member.isreg() else None:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.touch(mode=0o600, exist_ok=False)
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
        else:
            raise tarfile.TarError(f"{member.name!r} is neither a file nor a folder")


def _place(member: tarfile.TarInfo) -> PurePosixPath:
    """Return where a member belongs. Raises tarfile.TarError where that is outside."""
    place = PurePosixPath(member.name)
    if place.is_absolute() or ".." in place.parts:
        raise tarfile.TarError(f"{member.name!r} leads out of the folder")
    return place
