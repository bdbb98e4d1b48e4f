"""What our server tells of a connection beside ASGI: its peer, and how to abort it."""

import socket
import struct
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from controller.api.sse import ABORT

# ASGI extension that names the user at the other end of a local socket.
LOCAL_PEER: Final = "sanaga.local-peer"
# struct ucred of unix(7): process, user, group.
_CREDENTIALS: Final = struct.Struct("3i")


class ConnectionProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with the extensions of this module."""

    def on_message_begin(self) -> None:
        """Begin a request with our extensions in its scope."""
        super().on_message_begin()
        extensions: dict[object, dict[object, object]] = {ABORT: {"call": self.transport.abort}}
        uid = _local_uid(self.transport.get_extra_info("socket"))
        if uid is not None:
            extensions[LOCAL_PEER] = {"uid": uid}
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]


def _local_uid(connection: socket.socket | None) -> int | None:
    """Return who speaks over a local socket (SO_PEERCRED of unix(7)); None for any other."""
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(found)
    return int(uid)
