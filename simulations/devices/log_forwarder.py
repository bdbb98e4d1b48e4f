"""What stands for a router's syslog daemon: its /dev/log, and what comes there sent to the NOC.

'python -m simulations.devices.log_forwarder SPEC' serves all routers of a laboratory until it is
ended. Messages leave from each router's own address, in the form of RFC 3164 for relays.
"""

import json
import os
import re
import selectors
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inventory.errors import LabError
from simulations.netns.namespaces import entered_namespace

PORT: Final = 514
LONGEST: Final = 8192
# <PRIORITY> and the time, as the C library writes them; the host is what a relay adds.
_HEAD: Final = re.compile(rb"(<\d{1,3}>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ")


@dataclass(frozen=True, slots=True)
class LoggingRouter:
    """A router whose messages are sent on: its /dev/log is socket, sent to noc from address."""

    device: str
    namespace: str
    socket: str
    owner: str
    address: str
    noc: str


def relayed(message: bytes, device: str) -> bytes:
    """Return a message of the C library's syslog() with the name of the host that sends it."""
    return _HEAD.sub(rb"\1 " + device.encode() + rb" ", message.rstrip(b"\n\0"), count=1)


def forward_logs(routers: list[LoggingRouter]) -> None:
    """Send on what comes, until this process is ended; what cannot be sent is lost, as UDP is."""
    waiting = selectors.DefaultSelector()
    for router in routers:
        waiting.register(_listener(router), selectors.EVENT_READ, (router, _sender(router)))
    while True:
        for ready, _ in waiting.select():
            router, out = ready.data
            _send_on(ready.fileobj, router, out)  # type: ignore[arg-type]


def _send_on(listener: socket.socket, router: LoggingRouter, out: socket.socket) -> None:
    with suppress(OSError):
        message = listener.recv(LONGEST)
        out.sendto(relayed(message, router.device), (router.noc, PORT))


def _listener(router: LoggingRouter) -> socket.socket:
    """Return a router's /dev/log; its programs run as another user than root."""
    file = Path(router.socket)
    file.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    before = os.umask(0o177)
    try:
        made.bind(router.socket)
    finally:
        os.umask(before)
    shutil.chown(file, router.owner)
    return made


def _sender(router: LoggingRouter) -> socket.socket:
    with entered_namespace(router.namespace):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((router.address, 0))
    return made


def _read(spec: Path) -> list[LoggingRouter]:
    written: list[Mapping[str, str]] = json.loads(spec.read_text(encoding="utf-8"))
    return [LoggingRouter(**one) for one in written]


if __name__ == "__main__":
    try:
        forward_logs(_read(Path(sys.argv[1])))
    except (OSError, LabError) as problem:
        sys.exit(f"logs: {problem}")
