"""What happens to the machine of an edge: a small disk that fills, a clock that jumps."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path

from tests.rigs.edge.edge_jumping import OFFSET
from tests.rigs.edge.edge_pair import Daemon

DISK_OCTETS = 512 * 1024
_BALLAST = "ballast"


@contextmanager
def small_disk(daemon: Daemon) -> Iterator[Callable[[], None]]:
    """Let a daemon live on a tiny disk; yield what fills it. The folder is as before afterwards."""
    folder = daemon.folder
    kept = folder.with_name("kept")
    daemon.kill()
    _run("cp", "-a", str(folder), str(kept))
    # A new namespace of mounts gets what is mounted now, so the daemon starts after that.
    _run("mount", "-t", "tmpfs", "-o", f"size={DISK_OCTETS},mode=0700", "sgt-disk", str(folder))
    try:
        _run("cp", "-a", f"{kept}/.", str(folder))
        daemon.start()
        yield lambda: _fill(folder / _BALLAST)
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()
        _run("umount", "--lazy", str(folder))
        shutil.rmtree(kept)


def make_room(daemon: Daemon) -> None:
    """Take away what filled the disk."""
    (daemon.folder / _BALLAST).unlink()


@contextmanager
def unsteady_clock(daemon: Daemon) -> Iterator[Callable[[float], None]]:
    """Start a daemon again by a clock that can be set; yield what moves the time of day, in s."""
    file = daemon.folder.with_name("clock")
    file.write_bytes(OFFSET.pack(0.0))
    daemon.kill()
    daemon.start("tests.rigs.edge.edge_jumping", str(file))
    try:
        with file.open("r+b", buffering=0) as clock:
            yield lambda step_s: _set(clock, step_s)
    finally:
        daemon.kill()
        daemon.start()


def _set(clock: RawIOBase, step_s: float) -> None:
    clock.seek(0)
    clock.write(OFFSET.pack(step_s))


def _fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=120)
