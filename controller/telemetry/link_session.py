"""One connection of an edge as a state machine: what comes in, what is to be done; no socket here.

The handshake and its frames are those of edge/telemetry/handshake.py and frames.py, for which
docs/design/telemetry-link.md is the specification.
"""

import json
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.telemetry.series import LastMessage
from edge.telemetry import handshake
from edge.telemetry.frames import FrameError, decode
from edge.telemetry.handshake import LinkRefusedError
from edge.telemetry.model import TelemetryMessage
from inventory.model import DeviceName, Intent
from vpn.key_text import PublicKey

WINDOW: Final = 32
LONGEST_TEXT: Final = 4096
# Reasons for closing, RFC 6455 section 7.4.2.
BAD_FRAME: Final = 4400
BAD_PROOF: Final = 4401
NOT_ADMITTED: Final = 4403
TOO_SLOW: Final = 4408
REPLACED: Final = 4409
BUSY: Final = 4429


@dataclass(frozen=True, slots=True)
class Say:
    """Send a text message."""

    text: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The edge has proved who it is; welcome it with what is known of its spool."""

    device: DeviceName
    spool: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the edge, with the frame that it came in."""

    message: TelemetryMessage
    frame: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What an edge tells of itself beside its messages: its version and its disk."""

    device: DeviceName
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """Close the connection; sentence says why, for the log."""

    code: int
    sentence: str


Step: TypeAlias = Say | Opened | Received | Told | Refused
Admitted: TypeAlias = Callable[[DeviceName], PublicKey | None]


@dataclass(frozen=True, slots=True)
class Desk:
    """What every session needs: the signing key, and which edges are let in.

    admitted gives the pinned key of an edge; None if it has none or a key of it is revoked.
    """

    key: Ed25519PrivateKey
    admitted: Admitted


class _Phase(Enum):
    HELLO = auto()
    PROOF = auto()
    OPEN = auto()
    CLOSED = auto()


class LinkSession:
    """The controller's side of one connection."""

    def __init__(self, desk: Desk, leaf: bytes, secret: bytes) -> None:
        """Begin a session; leaf is the SHA-256 of the TLS leaf, secret 32 fresh random octets."""
        self.device: DeviceName = ""
        self._desk = desk
        self._leaf = leaf
        self._secret = secret
        self._phase = _Phase.HELLO
        self._session: handshake.Session | None = None

    @property
    def open(self) -> bool:
        """Return whether the edge has proved who it is."""
        return self._phase is _Phase.OPEN

    def receive(self, given: str | bytes, now: datetime) -> Step | None:
        """Return what to do about a message; None is nothing."""
        try:
            return self._receive(given, now)
        except LinkRefusedError as error:
            return self._refuse(BAD_PROOF, str(error))

    def _receive(self, given: str | bytes, now: datetime) -> Step | None:
        if self._phase is _Phase.CLOSED:
            return None
        if isinstance(given, bytes):
            return self._frame(given)
        if self._phase is _Phase.HELLO:
            return self._hello(_parsed(given), now)
        return self._proof(_parsed(given)) if self._phase is _Phase.PROOF else self._told(given)

    def _told(self, given: str) -> Told | None:
        """Return what an edge tells of itself; other words are of another version."""
        with suppress(LinkRefusedError):
            facts = _parsed(given).get("about")
            return Told(self.device, facts) if isinstance(facts, dict) else None
        return None

    def _hello(self, message: Mapping[str, Any], now: datetime) -> Step:
        session = handshake.read_hello(message, self._leaf)
        key = self._desk.admitted(session.device)
        if key is None:
            return self._refuse(
                NOT_ADMITTED,
                f"{session.device}: not let in: no key in edge_keys, or a key that is revoked",
            )
        self.device, self._session, self._phase = session.device, session, _Phase.PROOF
        sealed = handshake.seal_challenge(session, key, self._secret, self._desk.key, now)
        return Say(json.dumps(sealed))

    def _proof(self, message: Mapping[str, Any]) -> Step:
        if self._session is None or not handshake.holds(message, self._secret, self._session):
            return self._refuse(
                BAD_PROOF, f"{self.device}: did not prove that it has the key in edge_keys"
            )
        self._phase = _Phase.OPEN
        return Opened(self.device, message["spool"])

    def _frame(self, frame: bytes) -> Step:
        if not self.open:
            return self._refuse(BAD_PROOF, "a frame came before the handshake")
        try:
            message = decode(frame)
        except FrameError as error:
            return self._refuse(BAD_FRAME, f"{self.device}: sent what is no frame: {error}")
        if message.device != self.device:
            return self._refuse(BAD_FRAME, f"{self.device}: sent a frame of {message.device}")
        return Received(message, frame)

    def _refuse(self, code: int, sentence: str) -> Refused:
        self._phase = _Phase.CLOSED
        return Refused(code, sentence)


def admitted_edges(intent: Intent, revoked: Container[PublicKey]) -> dict[DeviceName, PublicKey]:
    """Return the edges that are let in with the keys that are pinned for them in an intent."""
    return {
        name: device.public_key
        for name, device in intent.devices.items()
        if device.public_key
        and not any(key in revoked for key in (device.public_key, device.next_key))
    }


def acknowledgement(number: int) -> str:
    """Return the text which says that every number up to this one is committed."""
    return json.dumps({"acknowledged": number})


def welcome(last: LastMessage, now_s: float, look_s: int) -> str:
    """Return the answer to a proof: what is known of the spool, and the controller's clock."""
    known = {
        "acknowledged": last.sequence,
        "boot": last.boot,
        "uptime_ms": round(last.uptime_s * 1000),
        "unix_s": now_s,
        "window": WINDOW,
        "look_s": look_s,
    }
    return json.dumps({"welcome": known})


def look(seconds: int) -> str:
    """Return the text which asks for live seconds, for so long from now; 0 ends them."""
    return json.dumps({"look_s": seconds})


def announced(consultations: Sequence[Mapping[str, Any]]) -> str:
    """Return the text with all consultations that are announced to an edge."""
    return json.dumps({"consultations": consultations})


def _parsed(text: str) -> Mapping[str, Any]:
    if len(text) > LONGEST_TEXT:
        raise LinkRefusedError(f"{len(text):,} characters are more than a handshake has")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise LinkRefusedError("this is no JSON object")
    return found
