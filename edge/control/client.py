"""Asking the daemon: a UNIX socket in its folder, one JSON line each way.

A request is {"verb": ..., ...}. An answer is {"ok": true, ...}, or {"ok": false, "error": CODE,
"message": SENTENCE}.
"""

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeAlias

from edge.storage import lock
from inventory.errors import EdgeError, PolicyRefusedError

SOCKET: Final = "control.sock"
_SIGN_OF_LIFE_S: Final = 5.0

Json: TypeAlias = Mapping[str, Any]


class NotRunningError(EdgeError):
    """Nobody answers: the daemon of a folder does not run, or is not ours to ask."""


def send_request(
    folder: Path,
    request: Json,
    *,
    within_s: float = 60.0,
    alive: Callable[[], None] = lambda: None,
) -> Json:
    """Return the daemon's answer to a request; alive is called now and then while it works.

    Raises NotRunningError if no daemon runs.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            with short_name(folder / SOCKET) as name:
                asking.connect(name)
            asking.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(b"".join(_pieces(asking, within_s, alive)))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunningError(_not_running(folder)) from error
    except PermissionError as error:
        raise NotRunningError(f"{folder}: only root may ask the edge; use sudo") from error
    except (OSError, ValueError) as error:
        raise NotRunningError(f"{folder}: the edge did not finish its answer: {error}") from error
    return dict(answer)


def request(folder: Path, verb: str, **request: Any) -> Json:
    """Return the daemon's answer to a verb. Raises EdgeError when it refuses or does not run."""
    answer = send_request(folder, {"verb": verb, **request})
    if answer.get("ok") is not True:
        refusal = PolicyRefusedError if answer.get("error") == "rejected" else EdgeError
        raise refusal(str(answer.get("message")))
    return answer


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
        if holder := lock.folder_holder(folder):
            return f"{folder}: the edge is starting or ending, as {holder}; ask again"
    return f"{folder}: no edge runs here; 'sanaga edge run' starts it"


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Give a socket a name that is short enough for the kernel, however deep its folder is."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
