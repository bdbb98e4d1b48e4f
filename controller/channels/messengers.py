"""Messengers through Apprise, an optional extra: chat and some hundred other services.

Apprise blocks and has no time-out of its own, so each call runs in a thread that is left behind
when it takes too long. SMS goes over our own transceiver: Apprise reports success for messages that
an operator refuses.
"""

from collections.abc import Callable
from threading import BoundedSemaphore, Thread
from typing import Final

from controller.channels.message import Message, SendError
from inventory.errors import ExtraError, how_to_install

_TIMEOUT_S: Final = 30.0
_MOST_THREADS: Final = 4
_LONGEST: Final = 1_500
_NOT_BY_APPRISE: Final = ("smpp://", "smpps://")


class MessengerSender:
    """Sends messages to the addresses of contact points."""

    def __init__(self, resolve: Callable[[str], str], *, timeout_s: float = _TIMEOUT_S) -> None:
        self._resolve = resolve
        self._timeout_s = timeout_s
        self._free = BoundedSemaphore(_MOST_THREADS)

    def send(self, message: Message) -> str:
        """Send a message and return its key. Raises SendError, or ExtraError without Apprise."""
        url = self._resolve(message.to.address)
        if url.lower().startswith(_NOT_BY_APPRISE):
            raise SendError(
                "an SMS does not go through Apprise; write 'sms: NUMBER'", permanent=True
            )
        if not self._free.acquire(blocking=False):
            raise SendError(f"{_MOST_THREADS} earlier messages still wait for their services")
        call = _Call(url, message, self._free.release)
        call.start()
        call.join(self._timeout_s)
        if call.is_alive():
            what = f"the service did not answer within {self._timeout_s:g} s"
            raise SendError(what, unsure=True)
        if call.fault:
            raise call.fault
        return message.key

    def close(self) -> None:
        """Do nothing: no connection stays open."""


class _Call(Thread):
    """One call of Apprise."""

    def __init__(self, url: str, message: Message, done: Callable[[], object]) -> None:
        super().__init__(name="notices-messenger", daemon=True)
        self._url = url
        self._message = message
        self._done = done
        self.fault: Exception | None = None

    def run(self) -> None:
        """Send; what goes wrong is kept for who waits."""
        try:
            self.fault = _notify(self._url, self._message)
        except Exception as error:  # noqa: BLE001 - plug-ins of Apprise raise what they like
            self.fault = SendError(f"the service fails: {type(error).__name__}")
        finally:
            self._done()


def _notify(url: str, message: Message) -> Exception | None:
    try:
        from apprise import Apprise, NotifyFormat  # noqa: PLC0415 - an optional extra, and slow
    except ModuleNotFoundError:
        return ExtraError(f"Apprise is not installed; {how_to_install('messengers')}")
    service = Apprise()
    if not service.add(url):
        return SendError("Apprise knows no service of this address", permanent=True)
    text = message.text[:_LONGEST]
    told = service.notify(title=message.subject, body=text, body_format=NotifyFormat.TEXT)
    return None if told else SendError("the service did not take it")
