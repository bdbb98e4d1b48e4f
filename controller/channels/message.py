"""A message on its way to a channel, what it reports, and how a channel answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from controller.incidents.model import Severity


def severity_of(word: str) -> Severity:
    """Return the severity that a word means; an unknown word is at least a warning."""
    return next((one for one in Severity if one == word.lower()), Severity.WARNING)


class ChannelKind(StrEnum):
    """Ways to reach a person or a program."""

    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"
    MESSENGER = "messenger"


class MessageKind(StrEnum):
    """What a notice says."""

    OPENED = "opened"
    CHANGED = "changed"
    ESCALATED = "escalated"
    ENDED = "ended"
    DIGEST = "digest"
    TEST = "test"
    BEAT = "beat"
    ALL_CLEAR = "all-clear"
    REPORT = "report"
    FAILING = "failing"
    WORKING = "working"


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """One way to reach a person; webhooks and messengers hold references to secrets."""

    name: str
    kind: ChannelKind
    address: str
    secret: str = ""
    wakes: bool = False
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes mail; password is a reference to a secret."""

    host: str
    sender: str
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SmsCentre:
    """The operator's short message centre (SMPP 3.4); password is a reference to a secret."""

    host: str
    system_id: str
    sender: str
    port: int = 2775
    tls: bool = False
    password: str = field(default="", repr=False)
    per_second: float = 5.0


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One row that the incidents wrote together with the change it reports."""

    id: int
    incident: int | None
    kind: str
    dedup_key: str
    created_s: float
    payload: Mapping[str, object]

    def text(self, key: str) -> str:
        """Return a text of the payload, "" where there is none."""
        value = self.payload.get(key)
        return value if isinstance(value, str) else ""

    def names(self, key: str) -> tuple[str, ...]:
        """Return a list of names of the payload, empty where there is none."""
        value = self.payload.get(key)
        return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()

    def number(self, key: str) -> float | None:
        """Return a number of the payload, or the length of a list; None where there is neither."""
        value = self.payload.get(key)
        if isinstance(value, (list, tuple)):
            return len(value)
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if plain else None  # type: ignore[arg-type]

    @property
    def severity(self) -> Severity:
        """Return how bad the incident is."""
        return severity_of(self.text("severity"))


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
