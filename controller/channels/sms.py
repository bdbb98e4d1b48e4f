"""SMS over a lasting transceiver: it stays bound, hears receipts, and binds again by itself.

A message is sent when the centre answers with status 0. When the centre is busy (0x58) all messages
wait, longer each time. Receipts are noted; nothing waits for them, since failures come after
acceptance and often not at all.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import Final

from controller.channels.gsm7 import sms_parts
from controller.channels.message import Message, SendError, SmsCentre
from controller.channels.smpp import (
    OK,
    PERMANENT,
    THROTTLED,
    Bind,
    SessionLostError,
    SmppSession,
)

_ALPHABETIC: Final = (5, 0)
_INTERNATIONAL: Final = (1, 1)
_HEADER_FLAG: Final = 0x40
_MOST_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a transceiver is, in seconds."""

    timeout_s: float = 10.0
    enquire_s: float = 30.0
    first_wait_s: float = 1.0


class SmsSender:
    """Keeps a session with the centre for as long as it is open."""

    def __init__(
        self,
        centre: SmsCentre,
        password: Callable[[], str],
        context: ssl.SSLContext | None,
        on_receipt: Callable[[str, str], None],
        *,
        pace: Pace | None = None,
    ) -> None:
        self._centre = centre
        self._password = password
        self._context = context
        self._on_receipt = on_receipt
        self._pace = pace or Pace()
        self._stop = Event()
        self._bound = Condition()
        self._session: SmppSession | None = None
        self._trouble = "not bound yet"
        self._turn = Lock()
        self._free_s = 0.0
        self._throttled = 0
        self._thread = Thread(target=self._stay_bound, name="notices-sms", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> str:
        """Submit a message and return the ids of its parts. Raises SendError."""
        reference = sha256(message.key.encode()).digest()[0]
        try:
            parts = sms_parts(message.short, reference)
        except ValueError as error:
            raise SendError(str(error), permanent=True) from None
        with self._turn:
            session = self._bound_session()
            flag = _HEADER_FLAG if parts.has_header else 0
            ids: list[str] = []
            for part in parts.parts:
                fields = self._fields(message.to.address, part, parts.coding, flag)
                ids.append(self._submit(session, fields, accepted=bool(ids)))
            return " ".join(ids)

    def close(self) -> None:
        """End the session and the thread that keeps it."""
        self._stop.set()
        self._thread.join()

    def _submit(self, session: SmppSession, fields: dict[str, object], *, accepted: bool) -> str:
        """Submit one part, in the pace that the operator allows; accepted tells of earlier ones."""
        self._wait_for_turn()
        try:
            answer = session.submit(**fields)
        except SessionLostError as error:
            raise SendError(str(error), unsure=accepted) from None
        if answer is None:
            raise SendError("the centre did not answer; it may have taken the SMS", unsure=True)
        if answer.status in THROTTLED:
            raise self._busy(accepted=accepted)
        self._throttled = 0
        if answer.status != OK:
            what = f"the centre refuses the SMS (status {answer.status:#04x})"
            raise SendError(what, permanent=answer.status in PERMANENT, unsure=accepted)
        return answer.message_id

    def _busy(self, *, accepted: bool) -> SendError:
        wait_s = min(self._pace.first_wait_s * 2**self._throttled, _MOST_WAIT_S)
        self._throttled += 1
        self._free_s = monotonic() + wait_s
        what = f"the centre is busy; the next SMS waits {wait_s:g} s"
        return SendError(what, retry_after_s=wait_s, unsure=accepted)

    def _wait_for_turn(self) -> None:
        wait_s = self._free_s - monotonic()
        if wait_s > self._pace.timeout_s:
            raise SendError("the centre was busy a moment ago", retry_after_s=wait_s)
        if wait_s > 0 and self._stop.wait(wait_s):
            raise SendError("the controller stops")
        self._free_s = monotonic() + 1 / self._centre.per_second

    def _bound_session(self) -> SmppSession:
        with self._bound:
            self._bound.wait_for(
                lambda: self._session is not None or self._stop.is_set(), self._pace.timeout_s
            )
            if self._session is None:
                raise SendError(f"no session with the centre: {self._trouble}")
            return self._session

    def _fields(self, number: str, part: bytes, coding: int, flag: int) -> dict[str, object]:
        sender = self._centre.sender
        numeric = sender.lstrip("+").isdigit()
        source = _INTERNATIONAL if numeric else _ALPHABETIC
        return {
            "source_addr_ton": source[0],
            "source_addr_npi": source[1],
            "source_addr": sender.lstrip("+") if numeric else sender,
            "dest_addr_ton": _INTERNATIONAL[0],
            "dest_addr_npi": _INTERNATIONAL[1],
            "destination_addr": number.lstrip("+"),
            "short_message": part,
            "data_coding": coding,
            "esm_class": flag,
            "registered_delivery": 1,
        }

    def _stay_bound(self) -> None:
        wait_s = self._pace.first_wait_s
        while not self._stop.is_set():
            try:
                session = SmppSession(self._where(), self._on_receipt)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may work
                self._note(None, str(error) or type(error).__name__)
            else:
                wait_s = self._pace.first_wait_s
                self._keep(session)
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, _MOST_WAIT_S)
        self._note(None, "the controller stops")

    def _keep(self, session: SmppSession) -> None:
        self._note(session, "")
        why = "the controller stops"
        try:
            session.read_on(self._pace.enquire_s, self._stop.is_set)
        except Exception as error:  # noqa: BLE001 - a thread that ends would leave nobody told
            why = str(error) or type(error).__name__
        self._note(None, why)
        session.end(why, unbind=self._stop.is_set())

    def _note(self, session: SmppSession | None, trouble: str) -> None:
        with self._bound:
            self._session, self._trouble = session, trouble
            self._bound.notify_all()

    def _where(self) -> Bind:
        one = self._centre
        return Bind(
            one.host, one.port, one.system_id, self._password(), self._context, self._pace.timeout_s
        )
