"""Sockets of the service: an address for HTTP, and a local socket for the command line."""

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn

from controller.api.protocol import ConnectionProtocol
from inventory.errors import SanagaError

# A peer that acknowledges nothing for so long is gone; it would hold a stream's memory.
_SILENT_MS: Final = 30_000
_BACKLOG: Final = 512


class ListenError(SanagaError):
    """An address or a local socket cannot be listened on."""


def tcp_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Raises ListenError saying what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MS)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ListenError(
            f"{host} port {port}: cannot be listened on ({error.strerror}); "
            "stop what listens there, or choose another with --listen"
        ) from error
    listener.listen(_BACKLOG)
    return listener


def local_socket(path: Path) -> socket.socket:
    """Return a local socket that its owner alone may open; one that nobody serves is replaced.

    Raises ListenError when another controller serves it.
    """
    _check_unserved(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(stat.S_IRWXG | stat.S_IRWXO)
    try:
        path.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise ListenError(
            f"{path}: cannot be made ({error.strerror}); choose another state folder with "
            "SANAGA_STATE_DIR"
        ) from error
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


def _check_unserved(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise ListenError(f"{path}: a controller serves this state folder already; stop it first")


class _Server(uvicorn.Server):
    """uvicorn without handlers of signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller."""
        yield


class HttpServers:
    """uvicorn on several sockets in one event loop; signals are the caller's matter."""

    def __init__(self, app: Any, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        config = uvicorn.Config(
            app,
            http=ConnectionProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=65,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        self._server = _Server(config)

    async def serve(self, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until told to stop; then no new request is taken and streams end."""
        serving = asyncio.ensure_future(self._server.serve(self._sockets))
        while not (self._server.started or serving.done()):
            await asyncio.sleep(0.01)
        started()
        await stop.wait()
        self._server.should_exit = True
        await serving
