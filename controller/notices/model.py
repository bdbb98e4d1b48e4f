"""Notices as values: people, subscriptions, escalations, and the policy that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Protocol

from controller.channels.message import ChannelKind, ContactPoint, MailServer, SmsCentre
from controller.incidents.model import SEVERITIES, Severity
from controller.notices.schedule import Rota, Window


def rank(severity: Severity) -> int:
    """Return the place of a severity in their order, 0 for the least."""
    return SEVERITIES.index(severity)


class Language(StrEnum):
    """Languages in which people are told."""

    FRENCH = "fr"
    ENGLISH = "en"


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
    reports: Party = Party()
    administrators: Party = Party()


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
