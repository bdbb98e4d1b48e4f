"""Network namespaces of this machine: entering, listing, and whose processes live in them."""

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from inventory.errors import LabError

DIRECTORY: Final = Path("/run/netns")
CLONE_NEWNET: Final = 0x40000000


def namespace_path(namespace: str) -> Path:
    """Return the file that stands for a namespace."""
    return DIRECTORY / namespace


def namespace_exists(namespace: str) -> bool:
    """Return whether a namespace of that name is there."""
    return namespace_path(namespace).exists()


@contextmanager
def entered_namespace(namespace: str) -> Iterator[None]:
    """Let the calling thread, and what it starts, live in a namespace for a while.

    Raises LabError when there is no such namespace.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter_file(namespace_path(namespace), namespace)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def _enter_file(file: Path, namespace: str) -> None:
    try:
        there = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise LabError(f"{namespace}: no such namespace; 'sanaga lab status' lists them") from error
    try:
        _setns(there)
    finally:
        os.close(there)


def _setns(descriptor: int) -> None:
    # os.setns exists from Python 3.12 on.
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise LabError(f"cannot enter a namespace: {os.strerror(code)}; are you root?")


def run_ip_batch(commands: Iterable[str], namespace: str | None = None) -> None:
    """Run ip commands in one process, inside a namespace when one is given.

    Raises LabError with what ip said at the first that fails.
    """
    text = "".join(f"{command}\n" for command in commands)
    if not text:
        return
    argv = ["ip", *(("-n", namespace) if namespace else ()), "-batch", "-"]
    result = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if result.returncode:
        raise LabError(f"ip refused: {result.stderr.strip()}")


def run_in_namespace(
    namespace: str,
    argv: Sequence[str],
    *,
    within_s: float,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program in a namespace and return what it said; variables are all that it has.

    Without them it has the caller's. Raises LabError when it is missing or does not end in time.
    """
    with entered_namespace(namespace):
        try:
            return subprocess.run(
                argv,
                capture_output=True,
                text=True,
                check=False,
                timeout=within_s,
                env=variables,
            )
        except FileNotFoundError as error:
            raise LabError(f"{argv[0]}: no such program; run 'make setup'") from error
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{namespace}: {argv[0]} did not end within {within_s:g} s") from error


def set_sysctls(namespace: str, values: Iterable[tuple[str, str]]) -> None:
    """Write kernel settings of a namespace; names are paths below /proc/sys."""
    with entered_namespace(namespace):
        for name, value in values:
            (Path("/proc/sys") / name).write_text(value, encoding="ascii")


def processes_in(namespaces: Iterable[str]) -> frozenset[int]:
    """Return the other processes that live in any of the namespaces; missing ones hold none."""
    return _others_in({_number(namespace_path(name)) for name in namespaces} - {None})


def unnamed_company(pids: Iterable[int]) -> frozenset[int]:
    """Return the other processes of those namespaces of some processes that have no name.

    The caller's own namespace and that of the machine are left out.
    """
    homes = {_inode(os.getpid()), _inode(1), None}
    named = {_number(file) for file in DIRECTORY.glob("*")}
    return _others_in({_inode(pid) for pid in pids} - homes - named)


def _others_in(inodes: Set[int | None]) -> frozenset[int]:
    others = (pid for pid in _all_pids() if pid != os.getpid())
    return frozenset(pid for pid in others if _inode(pid) in inodes) if inodes else frozenset()


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _inode(pid: int) -> int | None:
    return _number(Path(f"/proc/{pid}/ns/net"))


def _number(file: Path) -> int | None:
    """Return the number of the namespace behind a file; None when it is gone."""
    try:
        return file.stat().st_ino
    except OSError:
        return None
