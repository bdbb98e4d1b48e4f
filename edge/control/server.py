"""The daemon's control socket: answers root and the daemon's own user."""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from edge.control.client import SOCKET, Json, short_name
from edge.policy.errors import LARGEST_POLICY, TransactionError
from inventory.errors import PolicyRefusedError, SanagaError

# A policy inside JSON inside JSON: every quotation mark has become three characters.
_LARGEST: Final = 4 * LARGEST_POLICY
_ASKING_S: Final = 10.0
_CREDENTIALS: Final = struct.Struct("3i")

# Whatever may come of a request that makes no sense.
_REFUSED: Final = (
    SanagaError,
    OSError,
    ArithmeticError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)

Answerer: TypeAlias = Callable[[Json], Awaitable[Json]]


class ControlServer:
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
        with short_name(self._path) as name:
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
        reply: Json = _refused("forbidden", "only root may ask the edge")
    else:
        reply = await _answered(reader, answer)
    writer.write(json.dumps(reply).encode() + b"\n")
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
    except _REFUSED as error:
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
