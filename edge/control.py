"""The daemon's ear: a UNIX socket on which root asks, one JSON line each way.

A request is {"verb": ..., ...}. An answer is {"ok": true, ...}, or {"ok": false, "error": CODE,
"message": SENTENCE}.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeAlias

from edge import canonical, lock
from edge.store import TransactionError
from inventory.errors import EdgeError, PolicyRefusedError, SanagaError

SOCKET: Final = "control.sock"
# A policy inside JSON inside JSON: every quotation mark has become three characters.
_LARGEST: Final = 4 * canonical.LARGEST_POLICY
_ASKING_S: Final = 10.0
_SIGN_OF_LIFE_S: Final = 5.0
_CREDENTIALS: Final = struct.Struct("3i")

Json: TypeAlias = Mapping[str, Any]
Answerer: TypeAlias = Callable[[Json], Awaitable[Json]]


class NotRunningError(EdgeError):
    """Nobody answers: the daemon of a folder does not run, or is not ours to ask."""


class Ear:
    """Listens in one folder and hands every request to answer."""

    def __init__(self, folder: Path, answer: Answerer) -> None:
        self._path = folder / SOCKET
        self._answer = answer
        self._visits: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen. Raises OSError."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with _short(self._path) as name:
            listening.bind(name)
            # Nobody can connect before it listens.
            self._path.chmod(0o600)
        listening.setblocking(False)  # noqa: FBT003 - the library's signature
        self._server = await asyncio.start_unix_server(self._visit, sock=listening, limit=_LARGEST)

    async def close(self) -> None:
        """Take no more requests and finish the answers that are under way."""
        if self._server:
            self._server.close()
            self._path.unlink(missing_ok=True)
        if self._visits:
            await asyncio.wait(self._visits, timeout=_ASKING_S)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._visits.add(task)
            task.add_done_callback(self._visits.discard)
        with suppress(OSError):
            await _attend(reader, writer, self._answer)
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()


async def _attend(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answerer
) -> None:
    if _stranger(writer.get_extra_info("socket")):
        said: Json = _refused("forbidden", "only root may ask the edge")
    else:
        said = await _answered(reader, answer)
    writer.write(json.dumps(said).encode() + b"\n")
    await writer.drain()


def _stranger(asking: socket.socket) -> bool:
    raw = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(raw)[1] not in {0, os.geteuid()}


async def _answered(reader: asyncio.StreamReader, answer: Answerer) -> Json:
    """Return the answer to one request; whatever goes wrong becomes a refusal."""
    try:
        async with asyncio.timeout(_ASKING_S):
            line = await reader.readline()
        request = json.loads(line)
        if not isinstance(request, dict):
            return _refused("usage", "a request is a JSON object")
        return {"ok": True, **await answer(request)}
    except (SanagaError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        return _refusal(error)


def _refusal(error: Exception) -> Json:
    if isinstance(error, TransactionError):
        return _refused(error.code, str(error))
    if isinstance(error, SanagaError):
        code = "rejected" if isinstance(error, PolicyRefusedError) else "failed"
        return _refused(code, str(error))
    if isinstance(error, OSError):
        return _refused("failed", f"{error.filename or 'the disk'}: {error.strerror or error}")
    return _refused("usage", f"not a request that the edge knows: {error}")


def _refused(code: str, message: str) -> Json:
    return {"ok": False, "error": code, "message": message}


def ask(
    folder: Path,
    request: Json,
    *,
    within_s: float = 60.0,
    alive: Callable[[], None] = lambda: None,
) -> Json:
    """Return the daemon's answer to a request; alive is called now and then while it works.

    Raises NotRunningError when there is none.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            with _short(folder / SOCKET) as name:
                asking.connect(name)
            asking.sendall(json.dumps(request).encode() + b"\n")
            said = json.loads(b"".join(_pieces(asking, within_s, alive)))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunningError(_not_running(folder)) from error
    except PermissionError as error:
        raise NotRunningError(f"{folder}: only root may ask the edge; use sudo") from error
    except (OSError, ValueError) as error:
        raise NotRunningError(f"{folder}: the edge did not finish its answer: {error}") from error
    return dict(said)


def asked(folder: Path, verb: str, **request: Any) -> Json:
    """Return the daemon's answer to a verb. Raises EdgeError when it refuses or does not run."""
    said = ask(folder, {"verb": verb, **request})
    if said.get("ok") is not True:
        refusal = PolicyRefusedError if said.get("error") == "rejected" else EdgeError
        raise refusal(str(said.get("message")))
    return said


def _pieces(asking: socket.socket, within_s: float, alive: Callable[[], None]) -> Iterator[bytes]:
    deadline = monotonic() + within_s
    asking.settimeout(min(within_s, _SIGN_OF_LIFE_S))
    while True:
        try:
            piece = asking.recv(1 << 16)
        except TimeoutError:
            if monotonic() >= deadline:
                raise
            alive()
            continue
        if not piece:
            return
        yield piece


def _not_running(folder: Path) -> str:
    with suppress(EdgeError):
        if holder := lock.holder(folder):
            return f"{folder}: the edge is starting or ending, as {holder}; ask again"
    return f"{folder}: no edge runs here; 'sanaga edge run' starts it"


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a socket a name that is short enough for the kernel, however deep its folder is."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
