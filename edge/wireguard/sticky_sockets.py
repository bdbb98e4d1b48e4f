"""Frees wireguard-go's outer socket from the interface on which a far end was last heard.

wireguard-go has the kernel tell it by which interface each packet came (IP_PKTINFO), and names that
interface again with each packet it sends: its "sticky sockets". Once the interface has vanished the
kernel refuses such a packet with ENODEV, before it asks for a route and before nft can copy
anything, until wireguard-go has read the news of the routes. A tunnel that is not sticky must
outlive every interface that its packets travel by, so its socket is not told where they come from.
"""

import ctypes
import logging
import os
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.wireguard import go_process
from edge.wireguard.model import Tunnel

# The same on all architectures; neither glibc nor Python has a function for it.
_PIDFD_GETFD: Final = 438
_IP_PKTINFO: Final = 8
# wireguard-go opens its socket when it hears that its interface is up.
OPENED_WITHIN_S: Final = 0.5
LOOK_AGAIN_S: Final = 0.005
_log = logging.getLogger(__name__)


def unstick(tunnel: Tunnel, *, changed: bool) -> tuple[str, ...]:
    """Let a tunnel that is not sticky send by routes alone, and say so where it did not yet.

    changed says that its socket may only just be opened. Where we may not do this, packets are lost
    in the moment in which an interface vanishes; a warning says so.
    """
    done = tuple[str, ...]()
    for pid in () if tunnel.sticky else go_process.serving_processes(tunnel.name):
        try:
            freed = _freed(pid, tunnel.listen_port, OPENED_WITHIN_S if changed else 0.0)
        except OSError as error:
            _log.warning("%s: cannot reach the socket of process %d: %s", tunnel.name, pid, error)
            continue
        if freed:
            done = (f"{tunnel.name}: freed its socket from the interface of the last arrival",)
    return done


def sockets(pid: int) -> Iterator[socket.socket]:
    """Yield the sockets of a process, one after the other; each is given back. Raises OSError."""
    handle = os.pidfd_open(pid)
    try:
        for entry in sorted(Path(f"/proc/{pid}/fd").iterdir()):
            if (number := _duplicate(handle, entry)) is not None:
                with socket.socket(fileno=number) as found:
                    yield found
    finally:
        os.close(handle)


def _freed(pid: int, port: int, within_s: float) -> bool:
    """Return whether a socket had to be freed, when there is one or the time is over."""
    handle, ends = os.pidfd_open(pid), time.monotonic() + within_s
    try:
        while (stuck := _stuck(pid, port)) is None:
            ended = bool(select.select([handle], [], [], LOOK_AGAIN_S)[0])
            if ended or time.monotonic() >= ends:
                return False
        return stuck
    finally:
        os.close(handle)


def _stuck(pid: int, port: int) -> bool | None:
    """Free a process's socket of a port; return whether it was bound, None without a socket."""
    for found in sockets(pid):
        if (found.family, found.type) == (socket.AF_INET, socket.SOCK_DGRAM):
            if found.getsockname()[1] != port:
                continue
            stuck = bool(found.getsockopt(socket.IPPROTO_IP, _IP_PKTINFO))
            found.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 0)
            return stuck
    return None


def _duplicate(handle: int, entry: Path) -> int | None:
    """Return a descriptor of ours for a socket of a process; None for what is no socket."""
    try:
        if not entry.readlink().name.startswith("socket:"):
            return None
    except FileNotFoundError:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    number = int(libc.syscall(_PIDFD_GETFD, handle, int(entry.name), 0))
    if number < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return number
