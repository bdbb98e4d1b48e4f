"""The door's own files: records that outlive a power cut, its lock, and the time left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from controller.frr_door.router import DoorError, Router

LOCK_TIMEOUT_S = 30


def write_file(path: Path, text: str) -> None:
    """Replace a file so that after a power cut it is either the old or the new one."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    rename_file(fresh, path)


def rename_file(old: Path, new: Path) -> None:
    """Give a file another name, so that a power cut afterwards does not undo it."""
    old.replace(new)
    folder = os.open(new.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_record(router: Router, name: str) -> dict[str, Any] | None:
    """Return a record, if there is one."""
    try:
        loaded = json.loads(router.file(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return dict(loaded)


def keep_record(router: Router, name: str, **record: object) -> None:
    """Write a record in the place of the one of that name."""
    write_file(router.file(name), json.dumps(record))


def prepare_folder(router: Router) -> None:
    """Make the state folder; raises DoorError where others may write in it."""
    os.umask(0o077)
    router.file("work").mkdir(parents=True, exist_ok=True)
    for folder in (router.state, router.file("work")):
        found = folder.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise DoorError("state", f"others may write in {folder}; give it to this user alone")
    router.file("work").joinpath("vtysh.conf").touch()


@contextlib.contextmanager
def hold_lock(router: Router, timeout_s: float, name: str = "lock") -> Iterator[None]:
    """Hold the door's lock; only one request changes anything at a time."""
    deadline = time.monotonic() + timeout_s
    lock = os.open(router.file(name), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)  # noqa: FBT003
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DoorError("busy", "another request is changing this router") from None
                select.select([], [], [], 0.05)
        yield
    finally:
        os.close(lock)


def boot_id() -> str:
    """Return the name of this start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def time_left_s(record: dict[str, Any]) -> float:
    """Return the time left to confirm; a record from before a restart has none."""
    if record["boot"] != boot_id():
        return 0.0
    return float(record["deadline"]) - time.clock_gettime(time.CLOCK_BOOTTIME)
