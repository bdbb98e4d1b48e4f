"""A driver's half of a door: netmiko's SSH connection to what answers instead of a shell.

The doors of all platforms know the same verbs and answer in one line of JSON.
"""

import json
import shlex
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from ipaddress import IPv4Address
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, Final
from uuid import uuid4

from netmiko import BaseConnection, NetmikoBaseException
from paramiko import Channel, ECDSAKey, Ed25519Key, PKey, RejectPolicy, RSAKey, SSHClient, Transport
from paramiko.hostkeys import HostKeyEntry
from paramiko.ssh_exception import AuthenticationException, BadHostKeyException, SSHException

from controller.model import DeviceConfig
from controller.transport.netns import inside
from controller.transport.untrusted_text import last_line, printable
from inventory.errors import DeviceError, HostKeyError, RejectedError, UnreachableError
from inventory.model import Device, Management

_KEYS: Final[tuple[type[PKey], ...]] = (Ed25519Key, ECDSAKey, RSAKey)
_MOST_TARGETS: Final = 256
_LARGEST_ANSWER: Final = 32_000_000
# What the door's refusals mean; with any other the device's state is not what it should be.
_REFUSALS: Final[Mapping[str, type[DeviceError]]] = {
    "rejected": RejectedError,
    "changed": RejectedError,
    "unknown": RejectedError,
    "pending": RejectedError,
    "undone": RejectedError,
    "guard": RejectedError,
    "usage": RejectedError,
    "incomplete": UnreachableError,
    "busy": UnreachableError,
    "vtysh": UnreachableError,
    "hanging": UnreachableError,
}


@dataclass(frozen=True, slots=True)
class SshTimeouts:
    """How long to wait: for a connection, for the next sign of life and for a whole answer."""

    connect_s: float = 10.0
    silence_s: float = 30.0
    answer_s: float = 1200.0


USUAL_PATIENCE: Final = SshTimeouts()


class DoorDriver:
    """One device behind its door; connects on first use and again after a broken connection.

    door says what a person must look at when something else answers; its texts are canonical.
    """

    door: ClassVar[str] = "the door"

    def __init__(
        self,
        device: Device,
        *,
        secret: str,
        namespace: str | None,
        state_dir: Path = Path(),
        patience: SshTimeouts = USUAL_PATIENCE,
    ) -> None:
        self._state_dir = state_dir
        self._device = device
        self._secret = secret
        self._namespace = namespace
        self._patience = patience
        self._connection: _PinnedConnection | None = None
        self._txn: str | None = None

    def read(self) -> DeviceConfig:
        """Return the running configuration in canonical form."""
        return DeviceConfig(str(self._part("config", "read")))

    def stage(self, config: DeviceConfig) -> str:
        """Hand over a whole candidate and return the device's account of the difference."""
        self._txn = None
        txn, candidate = str(uuid4()), self._candidate(config)
        digest = sha256(candidate).hexdigest()
        request = ("stage", txn, str(len(candidate)), digest)
        delta = str(self._part("delta", *request, data=candidate))
        self._txn = txn
        return delta or "no difference"

    def commit(self, *, confirm_within_s: int) -> None:
        """Make the staged candidate run, with the device's own timer armed before."""
        txn = self._txn or self._part("staged", "status")
        if not txn:
            raise RejectedError(self._device.name, "nothing is staged; stage a candidate first")
        self._ask("commit", str(txn), str(confirm_within_s))

    def extend(self, *, confirm_within_s: int) -> None:
        """Start the device's timer again."""
        txn = self._txn or self._ask("status")["pending"]
        if not txn:
            raise RejectedError(self._device.name, "nothing waits to be confirmed any more")
        self._ask("extend", str(txn), str(confirm_within_s))

    def confirm(self) -> None:
        """Disarm the timer and keep what runs, also over a restart."""
        txn = self._txn or self._part("pending", "status")
        if txn:
            self._ask("confirm", str(txn))

    def rollback(self) -> None:
        """Return to what ran before the unconfirmed commit, and forget the staged candidate.

        A commit that is still under way to the device, on a connection that broke, then changes
        nothing any more.
        """
        txn = self._txn
        if txn is None:
            status = self._ask("status")
            txn = status.get("pending") or status.get("staged")
        if txn:
            self._ask("rollback", str(txn))

    def unreached(self, targets: Sequence[IPv4Address]) -> frozenset[IPv4Address]:
        """Return those of the targets that do not answer a ping from the device's loopback."""
        missing: set[IPv4Address] = set()
        for some in _batches(targets, _MOST_TARGETS):
            silent = set(self._part("unreached", "probe", "lo", *map(str, some)))
            missing.update(target for target in some if str(target) in silent)
        return frozenset(missing)

    def close(self) -> None:
        """Let go of the connection; a pending commit stays pending."""
        if self._connection:
            self._connection.disconnect()
            self._connection = None

    def _candidate(self, config: DeviceConfig) -> bytes:
        """Return a configuration as the door takes it."""
        return config.text.encode()

    def _part(self, key: str, *words: str, data: bytes = b"") -> Any:
        """Return one part of the door's answer to a request."""
        answer = self._ask(*words, data=data)
        if key not in answer:
            raise UnreachableError(
                self._device.name,
                f"the answer to {words[0]} has no {key}; update {self.door} there",
            )
        return answer[key]

    def _ask(self, *words: str, data: bytes = b"") -> Mapping[str, Any]:
        """Return the door's answer to a request.

        Raises the error that the door's refusal or the connection's fate amounts to.
        """
        with self._faults():
            said = _exchange(self._channel(), shlex.join(words), data, self._patience.answer_s)
        answer = _understood(said)
        if answer is None:
            self.close()
            raise UnreachableError(self._device.name, self._misunderstanding(said, words[0]))
        if answer["ok"] is not True:
            error = _REFUSALS.get(str(answer.get("error")), DeviceError)
            raise error(self._device.name, f"{printable(str(answer.get('message')))} ({words[0]})")
        return answer

    def _printed(self, *words: str) -> str:
        """Return what a program that the door starts prints instead of an answer.

        Raises UnreachableError.
        """
        with self._faults():
            said = _exchange(self._channel(), shlex.join(words), b"", self._patience.answer_s)
        return said.decode("utf-8", "replace")

    def _misunderstanding(self, said: bytes, verb: str) -> str:
        if said.endswith(b"\n"):
            return f"what answers is not the door; is {self.door} the ForceCommand of this user?"
        return (
            f"the connection ended before {verb} was answered; it may have been done all the same"
        )

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn whatever goes wrong on the way into UnreachableError, and drop the connection."""
        name, silence_s = self._device.name, self._patience.silence_s
        try:
            yield
        except TimeoutError as error:
            self.close()
            why = str(error) or f"fell silent for {silence_s:g} s"
            raise UnreachableError(name, why) from None
        except (SSHException, OSError, EOFError, NetmikoBaseException) as error:
            self.close()
            raise UnreachableError(name, f"the connection broke: {last_line(error)}") from None

    def _channel(self) -> Channel:
        if self._connection is None or not self._connection.alive():
            self.close()
            self._connection = self._connect()
        return self._connection.channel_for(self._patience.silence_s)

    def _connect(self) -> "_PinnedConnection":
        name, management = self._device.name, self._device.management
        if management is None:
            raise UnreachableError(name, "no management address; add management: to the device")
        pin = _pin(name, management)
        key = _private_key(name, self._secret) if "-----BEGIN" in self._secret else None
        sock = self._socket(management)
        try:
            return _PinnedConnection(
                pin=pin,
                host=str(management.address),
                port=management.port,
                username=management.username,
                password=None if key else self._secret,
                pkey=key,
                sock=sock,
                conn_timeout=self._patience.connect_s,
                auth_timeout=self._patience.connect_s,
                banner_timeout=self._patience.connect_s,
            )
        except AuthenticationException:
            sock.close()
            raise UnreachableError(
                name, f"login as {management.username} was refused; check the credential"
            ) from None
        except BadHostKeyException as error:
            sock.close()
            raise HostKeyError(
                name,
                f"showed host key {error.key.fingerprint}, not the pinned one; find out whether it "
                "was replaced before you change host_key",
            ) from None
        except (SSHException, OSError, EOFError, NetmikoBaseException) as error:
            sock.close()
            raise UnreachableError(name, f"SSH failed: {last_line(error)}") from None

    def _socket(self, management: Management) -> socket.socket:
        address = str(management.address), management.port
        try:
            return inside(
                self._namespace,
                lambda: socket.create_connection(address, timeout=self._patience.connect_s),
            )
        except OSError as error:
            raise UnreachableError(
                self._device.name, f"no connection to {address[0]} port {address[1]}: {error}"
            ) from None


class _PinnedConnection(BaseConnection):
    """Netmiko's connection, to one host key only; each request on a channel of its own."""

    def __init__(self, *, pin: HostKeyEntry, **parameters: Any) -> None:
        self._pin = pin
        super().__init__(device_type="generic", **parameters)

    def establish_connection(self, width: int = 511, height: int = 1000) -> None:
        """Log in, but start no interactive shell, to which nothing would ever be typed."""
        del width, height
        client = self._build_ssh_client()
        try:
            client.connect(**self._connect_params_dict())
        except BaseException:
            client.close()
            raise
        self.remote_conn_pre = client

    def _try_session_preparation(self, force_data: bool = False) -> None:  # noqa: FBT001, FBT002
        """Do nothing: there is no prompt to wait for."""

    def cleanup(self, command: str = "") -> None:
        """Leave by closing the connection."""

    def alive(self) -> bool:
        """Return whether the connection still stands, as far as this end knows."""
        transport = self._transport()
        return bool(transport and transport.is_active())

    def channel_for(self, silence_s: float) -> Channel:
        """Return a fresh channel whose reads and writes give up after a silence."""
        transport = self._transport()
        if transport is None:
            raise EOFError("the connection is closed")
        channel = transport.open_session(timeout=silence_s)
        channel.settimeout(silence_s)
        return channel

    def _transport(self) -> Transport | None:
        client = self.remote_conn_pre
        return client.get_transport() if isinstance(client, SSHClient) else None

    def _build_ssh_client(self) -> SSHClient:
        client = SSHClient()
        client.set_missing_host_key_policy(RejectPolicy())
        host = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        if self._pin.key:
            client.get_host_keys().add(host, self._pin.key.get_name(), self._pin.key)
        return client


def _pin(name: str, management: Management) -> HostKeyEntry:
    if not management.host_key:
        raise HostKeyError(
            name,
            f"no host key is pinned; 'sanaga inventory pin {name} --dir DIR' shows it and, once "
            "you have compared it with the device's own, pins it",
        )
    try:
        entry = HostKeyEntry.from_line(f"{management.address} {management.host_key}")
    except (SSHException, ValueError):
        entry = None
    if entry is None:
        raise HostKeyError(name, "the pinned text is not a host key; write 'ssh-ed25519 AAAA…'")
    return entry


def _private_key(name: str, secret: str) -> PKey:
    for kind in _KEYS:
        try:
            return kind.from_private_key(StringIO(secret))
        except (SSHException, ValueError):
            continue
    raise UnreachableError(
        name, "the private key cannot be used; give an Ed25519, ECDSA or RSA key without passphrase"
    )


def _exchange(channel: Channel, command: str, data: bytes, within_s: float) -> bytes:
    """Run one command with its input and return all that it wrote.

    Raises TimeoutError when the answer takes too long, OSError when it has no end.
    """
    deadline = monotonic() + within_s
    with channel:
        channel.exec_command(command)
        channel.sendall(data)
        channel.shutdown_write()
        said = bytearray()
        while piece := channel.recv(65536):
            said += piece
            if len(said) > _LARGEST_ANSWER:
                raise OSError(f"the answer has more than {_LARGEST_ANSWER} bytes")
            if monotonic() > deadline:
                raise TimeoutError(f"did not finish its answer within {within_s:g} s")
        return bytes(said)


def _understood(said: bytes) -> dict[str, Any] | None:
    """Return the answer of a door, or nothing when this is not an answer."""
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and "ok" in answer else None


def _batches(targets: Iterable[IPv4Address], size: int) -> Iterator[tuple[IPv4Address, ...]]:
    left = iter(targets)
    while batch := tuple(islice(left, size)):
        yield batch
