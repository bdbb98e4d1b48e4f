"""Routers that exist as SSH servers on the loopback and speak the door's language.

What FRR makes of a configuration is not imitated: a router runs whatever it is given. The door
itself is tested against real FRR elsewhere.
"""

import json
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from paramiko import (
    Channel,
    ECDSAKey,
    ServerInterface,
    SSHException,
    Transport,
)
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

PASSWORD = "not-a-key"  # noqa: S105


class RefusedError(Exception):
    """The door's answer when it will not."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass
class Router:
    """One router; what it refuses and whether it reaches the others can be set by a test."""

    name: str
    running: str = ""
    rejects: str | None = None
    isolated: bool = False
    hold_commit: threading.Event = field(default_factory=threading.Event)
    committing: threading.Event = field(default_factory=threading.Event)
    staged: tuple[str, str] | None = None
    pending: tuple[str, str, float] | None = None
    last: dict[str, str] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Commit without waiting, until a test says otherwise."""
        self.hold_commit.set()

    def answer(self, words: list[str], data: bytes) -> Mapping[str, Any]:
        """Do what a request asks."""
        verbs: dict[str, Callable[..., Mapping[str, Any]]] = {
            "read": lambda: {"config": self.running},
            "status": self._status,
            "stage": lambda *more: self._stage(data, *more),
            "commit": self._commit,
            "extend": self._extend,
            "confirm": lambda txn: self._end(txn, "confirmed"),
            "rollback": lambda txn: self._end(txn, "rolled-back"),
            "probe": lambda _, *targets: {"unreached": targets if self.isolated else ()},
        }
        with self.lock:
            if self.pending and time.monotonic() >= self.pending[2]:
                self._end(self.pending[0], "rolled-back")
            if words[0] not in verbs:
                raise RefusedError("unknown", f"{words[0]} is not known here")
            return verbs[words[0]](*words[1:])

    def _status(self) -> Mapping[str, Any]:
        return {
            "pending": self.pending and self.pending[0],
            "left_s": self.pending and self.pending[2] - time.monotonic(),
            "staged": self.staged and self.staged[0],
            "last": self.last,
        }

    def _stage(self, data: bytes, txn: str, length: str, digest: str) -> Mapping[str, Any]:
        if len(data) != int(length) or sha256(data).hexdigest() != digest:
            raise RefusedError("incomplete", "not all of it came")
        self.staged = txn, data.decode()
        return {"delta": "something"}

    def _commit(self, txn: str, seconds: str) -> Mapping[str, Any]:
        if self.staged is None or self.staged[0] != txn:
            raise RefusedError("unknown", f"{txn} is not staged")
        self.committing.set()
        self.hold_commit.wait(60)
        if self.rejects and self.rejects in self.staged[1]:
            raise RefusedError("rejected", f"% Unknown command: {self.rejects}")
        self.pending = txn, self.running, time.monotonic() + int(seconds)
        self.running = self.staged[1]
        return {"pending": txn, "left_s": seconds}

    def _extend(self, txn: str, seconds: str) -> Mapping[str, Any]:
        if self.pending is None or self.pending[0] != txn:
            raise RefusedError("unknown", f"{txn} is not pending")
        self.pending = txn, self.pending[1], time.monotonic() + int(seconds)
        return {"pending": txn, "left_s": seconds}

    def _end(self, txn: str, outcome: str) -> Mapping[str, Any]:
        if self.pending and self.pending[0] == txn:
            if outcome != "confirmed":
                self.running = self.pending[1]
            self.pending, self.last = None, {"txn": txn, "outcome": outcome}
        if self.last and self.last["txn"] == txn and outcome == "confirmed" != self.last["outcome"]:
            raise RefusedError("undone", f"{txn} was undone before")
        return {"last": self.last}


class _Door(ServerInterface):
    """The SSH side of a router."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def check_auth_password(self, username: str, password: str) -> int:
        return int(AUTH_SUCCESSFUL if password == PASSWORD else AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(OPEN_SUCCEEDED)

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: Channel) -> bool:
        threading.Thread(target=self._greet, args=(channel,), daemon=True).start()
        return True

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        words = shlex.split(command.decode())
        threading.Thread(target=self._serve, args=(channel, words), daemon=True).start()
        return True

    def _greet(self, channel: Channel) -> None:
        with suppress(OSError, EOFError, SSHException):
            channel.sendall(f"{self._router.name}# ".encode())

    def _serve(self, channel: Channel, words: list[str]) -> None:
        with suppress(OSError, EOFError, SSHException):
            data = b""
            while piece := channel.recv(65536):
                data += piece
            try:
                answer: dict[str, Any] = {"ok": True, **self._router.answer(words, data)}
            except RefusedError as refusal:
                answer = {"ok": False, "error": refusal.code, "message": str(refusal)}
            channel.sendall(json.dumps(answer).encode())
            channel.close()


@dataclass
class Routers:
    """Routers by name with the port of each on 127.0.0.1, and the key that all of them show."""

    key: ECDSAKey
    by_name: dict[str, Router] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    _listening: dict[str, socket.socket] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, name: str) -> None:
        """Start a router; one that stopped comes back at its port, as it was."""
        self.by_name.setdefault(name, Router(name))
        listening = socket.create_server(("127.0.0.1", self.ports.get(name, 0)))
        self.ports[name] = listening.getsockname()[1]
        self._listening[name] = listening
        thread = threading.Thread(target=self._accept, args=(name, listening))
        self._threads.append(thread)
        thread.start()

    def stop(self, name: str) -> None:
        """Let a router answer no more."""
        listening = self._listening.pop(name)
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()

    def stop_all(self) -> None:
        """Stop every router and wait for its thread."""
        for name in list(self._listening):
            self.stop(name)
        for thread in self._threads:
            thread.join(20)

    def running(self) -> dict[str, str]:
        """Return what every router runs."""
        return {name: router.running for name, router in self.by_name.items()}

    def _accept(self, name: str, listening: socket.socket) -> None:
        transports = []
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                break
            transport = Transport(connection)
            transport.add_server_key(self.key)
            # Given an event, paramiko negotiates in its own thread instead of waiting here.
            transport.start_server(event=threading.Event(), server=_Door(self.by_name[name]))
            transports.append(transport)
        for transport in transports:
            transport.close()


@contextmanager
def fake_routers(names: list[str]) -> Iterator[Routers]:
    """Run routers for as long as the block does."""
    routers = Routers(ECDSAKey.generate())
    try:
        for name in names:
            routers.start(name)
        yield routers
    finally:
        for router in routers.by_name.values():
            router.hold_commit.set()
        routers.stop_all()
