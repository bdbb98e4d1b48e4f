"""Notices as values: contact points, subscriptions, outbox entries, deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Protocol

from controller.incidents.model import SEVERITIES, Severity
from controller.notices.rota import Rota
from controller.notices.wall_time import Window


def severity_of(word: str) -> Severity:
    """Return the severity that a word means; an unknown word is at least a warning."""
    return next((one for one in Severity if one == word.lower()), Severity.WARNING)


def rank(severity: Severity) -> int:
    """Return the place of a severity in their order, 0 for the least."""
    return SEVERITIES.index(severity)


class Language(StrEnum):
    """Languages in which people are told."""

    FRENCH = "fr"
    ENGLISH = "en"


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


class DeliveryState(StrEnum):
    """Where a delivery stands.

    HELD waits for a digest, FOLDED stands in one, CLAIMED is being sent, DROPPED needed no sending.
    """

    WAITING = "waiting"
    HELD = "held"
    CLAIMED = "claimed"
    SENT = "sent"
    FOLDED = "folded"
    FAILED = "failed"
    DROPPED = "dropped"


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
class Person:
    """Somebody who is told, with their language, zone, contact points and quiet hours."""

    name: str
    language: Language
    zone: str
    contacts: tuple[ContactPoint, ...]
    quiet: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Party:
    """People by name and whoever is on call by rota."""

    people: tuple[str, ...] = ()
    rotas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of which incidents; under is a path of the hierarchy, "" for everything."""

    who: Party
    least: Severity = Severity.WARNING
    under: str = ""
    causes: frozenset[str] = frozenset()
    channels: frozenset[ChannelKind] = frozenset(ChannelKind)


@dataclass(frozen=True, slots=True)
class Step:
    """Who else is told when nobody acknowledges within a time."""

    wait_s: float
    who: Party


@dataclass(frozen=True, slots=True)
class Escalation:
    """Steps that follow an incident until somebody acknowledges it."""

    steps: tuple[Step, ...]
    least: Severity = Severity.CRITICAL
    under: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many notices a person gets one by one within a time, and when a digest follows."""

    notices: int = 10
    within_s: float = 600.0
    digest_after_s: float = 300.0


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
class Beat:
    """A sign of life for another machine; url and secret are references to secrets."""

    url: str
    secret: str
    every_s: float = 60.0
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class AllClear:
    """A message each day that says the chain works and how many incidents are open."""

    people: tuple[str, ...]
    at: time
    zone: str


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """Everything that the section notices of an intent says."""

    people: Mapping[str, Person] = field(default_factory=dict)
    rotas: Mapping[str, Rota] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    limits: Limits = Limits()
    mail: MailServer | None = None
    sms: SmsCentre | None = None
    beat: Beat | None = None
    all_clear: AllClear | None = None
    authorities: str = ""


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
class IncidentNow:
    """What an incident is at this moment, read again before each step of an escalation."""

    ended: bool = False
    acknowledged: bool = False
    muted: bool = False
    in_maintenance: bool = False


class IncidentReader(Protocol):
    """What notices ask of the incidents."""

    def read_incident(self, number: int) -> IncidentNow | None:
        """Return an incident as it is now, None when there is none of that number."""
        ...

    def count_open(self) -> int:
        """Return how many incidents are open."""
        ...
