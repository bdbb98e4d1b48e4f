"""A message on its way to a channel, and how a channel answers."""

from dataclasses import dataclass
from typing import Protocol

from controller.notices.model import ContactPoint, MessageKind, OutboxEntry


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery as text; key is the same each time it is sent again.

    entries are the outbox rows that it reports, left_out how many more a digest stands for; short
    is the text of an SMS.
    """

    key: str
    kind: MessageKind
    to: ContactPoint
    subject: str
    text: str
    html: str
    short: str
    entries: tuple[OutboxEntry, ...] = ()
    left_out: int = 0

    @property
    def incident(self) -> int | None:
        """Return the number of the incident, None for a digest and other messages."""
        return self.entries[0].incident if len(self.entries) == 1 else None


class SendError(Exception):
    """A message was not accepted.

    permanent says that another attempt is useless, unsure that the receiver may have it all the
    same, retry_after_s how long to wait at least.
    """

    def __init__(
        self,
        what: str,
        *,
        permanent: bool = False,
        unsure: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        self.permanent = permanent
        self.unsure = unsure
        self.retry_after_s = retry_after_s
        super().__init__(what)


class Sender(Protocol):
    """Hands messages to a provider."""

    def send(self, message: Message) -> str:
        """Send a message and return the provider's id for it. Raises SendError."""
        ...

    def close(self) -> None:
        """Give up connections that are kept open."""
        ...
