"""Asking a FRR daemon directly on its socket, as vtysh does, without starting a process."""

import json
import socket
from pathlib import Path
from typing import Any, Final

ANSWER_WITHIN_S: Final = 30.0
# An answer ends with three zero octets and the status of the command.
TRAILER: Final = b"\0\0\0"


def ask_vty(socket_path: Path, command: str) -> str | None:
    """Return a daemon's answer to a show command; None when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(ANSWER_WITHIN_S)
            door.connect(str(socket_path))
            _exchange(door, "enable")
            return _exchange(door, command)
    except OSError:
        return None


def ask_json(socket_path: Path, command: str) -> Any:
    """Return a daemon's answer as parsed JSON; None when it does not answer or is not ready."""
    try:
        return json.loads(ask_vty(socket_path, command) or "")
    except ValueError:
        return None


def _exchange(door: socket.socket, command: str) -> str:
    door.sendall(command.encode() + b"\0")
    received = bytearray()
    while not (len(received) > len(TRAILER) and received[-4:-1] == TRAILER):
        chunk = door.recv(65_536)
        if not chunk:
            raise ConnectionResetError
        received += chunk
    return received[:-4].decode(errors="replace")
