"""Sockets in another network namespace than the process's own."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_CLONE_NEWNET: Final = 0x40000000
Made = TypeVar("Made")


def inside(namespace: str | None, connect: Callable[[], Made]) -> Made:
    """Return what connects, made in a network namespace, where its socket stays whoever uses it."""
    if namespace is None:
        return connect()

    def enter() -> Made:
        handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(handle, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter namespace {namespace}")
        finally:
            os.close(handle)
        return connect()

    # setns moves the calling thread alone: one of its own, which ends here.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(enter).result()
