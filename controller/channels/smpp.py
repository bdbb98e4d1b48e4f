"""A session with a short message centre: SMPP 3.4 frames over one connection, by smpplib.

The library makes and reads the frames; the socket is ours, because the library's own loses frames
when a read times out, checks no certificate and knows only IPv4.
"""

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from select import POLLIN, poll
from threading import Condition, Lock
from time import monotonic
from typing import Any, Final

from smpplib import exceptions, smpp

SMPP_VERSION: Final = 0x34
LONGEST_PASSWORD: Final = 8
OK: Final = 0x00
THROTTLED: Final = frozenset({0x58, 0x14})
# Refusals that another attempt does not change: wrong source or destination, no such service.
PERMANENT: Final = frozenset({0x0A, 0x0B, 0x15, 0x40, 0x48, 0x49, 0x50, 0x51, 0x65})
_HEAD: Final = struct.Struct(">LLLL")
_LONGEST_FRAME: Final = 65_536
_RESPONSE: Final = 0x80000000
_GENERIC_NACK: Final = 0x80000000
_UNBIND: Final = 0x06
_ENQUIRE: Final = 0x15
_DELIVER: Final = 0x05
_SUBMIT_RESPONSE: Final = 0x80000004
_DELIVER_RESPONSE: Final = 0x80000005
_UNKNOWN_COMMAND: Final = 0x03
_RECEIPT: Final = 0x04
_BROKEN: Final = (
    exceptions.PDUError,
    exceptions.UnknownCommandError,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


class SessionLostError(Exception):
    """The session ended, or never began; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The centre's answer to a message: its status, and its id where it took the message."""

    status: int
    message_id: str


@dataclass(frozen=True, slots=True)
class Bind:
    """Where to bind and as whom."""

    host: str
    port: int
    system_id: str
    password: str
    context: ssl.SSLContext | None
    timeout_s: float


class SmppSession:
    """One bound session; a thread of its own must run read_on() until it raises."""

    def __init__(self, bind: Bind, on_receipt: Callable[[str, str], None]) -> None:
        """Connect and bind as a transceiver. Raises SessionLostError."""
        self._timeout_s = bind.timeout_s
        self._on_receipt = on_receipt
        self._number = 0
        self._buffer = b""
        self._writing = Lock()
        self._changed = Condition()
        self._answers: dict[int, Answer | None] = {}
        self._lost = ""
        try:
            self._socket = _connect(bind)
        except (OSError, ValueError) as error:
            raise SessionLostError(f"no connection to {bind.host}:{bind.port}: {error}") from None
        self._poll = poll()
        self._poll.register(self._socket, POLLIN)
        try:
            self._bind(bind)
        except BaseException:
            self._socket.close()
            raise

    @property
    def sequence(self) -> int:
        """Return the number of the last frame, as the library asks for it."""
        return self._number

    def next_sequence(self) -> int:
        """Return the number of the next frame."""
        self._number = self._number % 0x7FFFFFFF + 1
        return self._number

    def submit(self, **fields: object) -> Answer | None:
        """Send a message and return the answer, None when none came in time.

        Raises SessionLostError before the message was sent.
        """
        with self._writing:
            frame = smpp.make_pdu("submit_sm", client=self, **fields)
            number = frame.sequence
            with self._changed:
                if self._lost:
                    raise SessionLostError(self._lost)
                self._answers[number] = None
            self._write(frame.generate())
        with self._changed:
            self._changed.wait_for(
                lambda: self._answers[number] is not None or bool(self._lost), self._timeout_s
            )
            return self._answers.pop(number)

    def read_on(self, enquire_s: float, stopped: Callable[[], bool]) -> None:
        """Answer what comes, and ask for a sign of life when nothing does.

        Returns when stopped says so. Raises SessionLostError when the session ends.
        """
        heard, asked = monotonic(), False
        while not stopped():
            frames = list(self._frames(0.2))
            now = monotonic()
            if frames:
                heard, asked = now, False
            for frame in frames:
                self._answer(frame)
            if asked and now - heard > enquire_s + self._timeout_s:
                raise SessionLostError("the centre does not answer to enquire_link")
            if not asked and now - heard > enquire_s:
                asked = True
                self._send("enquire_link")

    def end(self, why: str, *, unbind: bool = False) -> None:
        """Close the session; whoever waits for an answer is told that none comes."""
        if unbind:
            with suppress(SessionLostError):
                self._send("unbind")
        with self._changed:
            self._lost = why
            self._changed.notify_all()
        self._socket.close()

    def _bind(self, bind: Bind) -> None:
        if len(bind.password.encode()) > LONGEST_PASSWORD:
            # The library would cut it, and the centre call it wrong.
            what = f"the password is too long: SMPP carries at most {LONGEST_PASSWORD} characters"
            raise SessionLostError(what)
        with self._writing:
            frame = smpp.make_pdu(
                "bind_transceiver",
                client=self,
                system_id=bind.system_id,
                password=bind.password,
                system_type="",
                interface_version=SMPP_VERSION,
            )
            self._write(frame.generate())
        end = monotonic() + self._timeout_s
        while monotonic() < end:
            for frame in self._frames(0.2):
                _, command, status, number = _HEAD.unpack_from(frame)
                if number == self._number and command & _RESPONSE:
                    if status != OK:
                        raise SessionLostError(f"the centre refuses to bind (status {status:#04x})")
                    return
        raise SessionLostError(f"the centre did not answer to bind within {self._timeout_s:g} s")

    def _answer(self, frame: bytes) -> None:
        _, command, status, number = _HEAD.unpack_from(frame)
        if command == _SUBMIT_RESPONSE or (command == _GENERIC_NACK and number):
            self._resolve(number, Answer(status, _message_id(frame)))
        elif command == _DELIVER:
            self._send("deliver_sm_resp", number)
            self._receipt(frame)
        elif command == _ENQUIRE:
            self._send("enquire_link_resp", number)
        elif command == _UNBIND:
            self._send("unbind_resp", number)
            raise SessionLostError("the centre ended the session")
        elif not command & _RESPONSE:
            self._write_locked(_HEAD.pack(16, _GENERIC_NACK, _UNKNOWN_COMMAND, number))

    def _resolve(self, number: int, answer: Answer) -> None:
        with self._changed:
            if number in self._answers:
                self._answers[number] = answer
                self._changed.notify_all()

    def _receipt(self, frame: bytes) -> None:
        try:
            read = smpp.parse_pdu(frame, client=self, allow_unknown_opt_params=True)
            if (read.esm_class or 0) & _RECEIPT:
                self._on_receipt(*_receipt_of(read))
        except _BROKEN:
            # It was answered, so that the centre does not send it for ever; nothing waits for it.
            return

    def _frames(self, wait_s: float) -> Iterator[bytes]:
        """Yield whole frames as they come. Raises SessionLostError."""
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        if pending or self._poll.poll(wait_s * 1000):
            try:
                read = self._socket.recv(_LONGEST_FRAME)
            except (ssl.SSLWantReadError, TimeoutError):
                return
            except OSError as error:
                raise SessionLostError(f"the connection broke: {error}") from None
            if not read:
                raise SessionLostError("the centre closed the connection")
            self._buffer += read
        while len(self._buffer) >= _HEAD.size:
            length = _HEAD.unpack_from(self._buffer)[0]
            if not _HEAD.size <= length <= _LONGEST_FRAME:
                raise SessionLostError(f"the centre sent a frame of {length} octets")
            if len(self._buffer) < length:
                return
            frame, self._buffer = self._buffer[:length], self._buffer[length:]
            yield frame

    def _send(self, command: str, number: int | None = None) -> None:
        with self._writing:
            frame = smpp.make_pdu(command, client=self)
            if number is not None:
                frame.sequence = number
            self._write(frame.generate())

    def _write_locked(self, octets: bytes) -> None:
        with self._writing:
            self._write(octets)

    def _write(self, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except OSError as error:
            raise SessionLostError(f"the connection broke: {error}") from None


def _connect(bind: Bind) -> socket.socket:
    raw = socket.create_connection((bind.host, bind.port), bind.timeout_s)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if bind.context is None:
        return raw
    try:
        return bind.context.wrap_socket(raw, server_hostname=bind.host)
    except BaseException:
        raw.close()
        raise


def _message_id(frame: bytes) -> str:
    return frame[_HEAD.size :].split(b"\0", 1)[0].decode("ascii", "replace")[:65]


def _receipt_of(read: Any) -> tuple[str, str]:
    """Return the message id and the state of a delivery receipt (SMPP 3.4, appendix B)."""
    text = (read.short_message or b"").decode("latin-1")
    words = dict(word.split(":", 1) for word in text.split() if ":" in word)
    told = getattr(read, "receipted_message_id", None) or words.get("id", "")
    told = told.decode("ascii", "replace") if isinstance(told, bytes) else str(told)
    return told.strip("\0"), words.get("stat", "UNKNOWN")
