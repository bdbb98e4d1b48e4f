"""Notices on a database of their own: people, an outbox written by hand, senders that are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from sqlalchemy import Engine, insert, select

from controller.channels.message import ChannelKind, ContactPoint, Message, SendError
from controller.notices.decisions import DecisionRows
from controller.notices.model import (
    IncidentNow,
    Language,
    NoticePolicy,
    Party,
    Person,
    Subscription,
)
from controller.notices.open import upgrade_notices
from controller.notices.recipients import Audience
from controller.notices.schedule import Window
from controller.notices.schema import OUTBOX_OWNER, deliveries, outbox
from controller.notices.sending import DeliveryRows
from controller.notices.worker import NoticeParts, NoticeWorker
from database.engine import open_engine, reading
from tests.simulated_time import START, TestClock

MAIL = ContactPoint("email", ChannelKind.EMAIL, "awa@example.cm")
PHONE = ContactPoint("sms", ChannelKind.SMS, "+237650000001", wakes=True)
NIGHT = Window(time(22), time(6))
PLACES = {
    "yaounde": "",
    "maroua": "far-north",
    "mora": "far-north/mayo-sava/mora",
    "kolofata": "far-north/mayo-sava/kolofata",
    "garoua": "north",
}
NOW_S = START.timestamp()


def person(name="awa", contacts=(MAIL, PHONE), quiet=(), language=Language.ENGLISH, zone=None):
    return Person(name, language, zone or "Africa/Douala", tuple(contacts), tuple(quiet))


def subscribed(*people: Person, **subscription: object) -> NoticePolicy:
    """Return a policy in which people are told of everything, or of what subscription says."""
    party = Party(tuple(one.name for one in people))
    return NoticePolicy(
        {one.name: one for one in people},
        subscriptions=(Subscription(party, **subscription),),  # type: ignore[arg-type]
    )


def payload(incident: int, **more: object) -> dict[str, object]:
    return {
        "incident": incident,
        "severity": "warning",
        "title": f"Fibre cut at mora ({incident})",
        "title_fr": f"Coupure de fibre à Mora ({incident})",
        "sentence": "Both ends lost light within a second.",
        "sentence_fr": "Les deux bouts ont perdu la lumière en une seconde.",
        "cause": "fibre-cut",
        "root_kind": "circuit",
        "root_name": "mora-kolofata-fibre",
        "region": "CM-EN",
        "sites": ["mora", "kolofata"],
        "people": 34000,
        "consultations": ["c-1"],
        "opened_s": NOW_S,
        "ended_s": None,
        **more,
    }


@dataclass
class Incidents:
    """Incidents as tests set them."""

    known: dict[int, IncidentNow] = field(default_factory=dict)

    def read_incident(self, number: int) -> IncidentNow | None:
        return self.known.get(number, IncidentNow())

    def count_open(self) -> int:
        return sum(not one.ended for one in self.known.values())


@dataclass
class Box:
    """A sender that keeps what it takes; faults are raised one after the other first."""

    taken: list[Message] = field(default_factory=list)
    faults: list[SendError] = field(default_factory=list)

    def send(self, message: Message) -> str:
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append(message)
        return f"id-{len(self.taken)}"

    def close(self) -> None:
        pass


class NoticeRig:
    """A worker whose steps a test takes by hand."""

    def __init__(self, place: Path | str, policy: NoticePolicy, owner: str = "noc-1") -> None:
        self.engine: Engine = open_engine(place)
        OUTBOX_OWNER.create_all(self.engine)
        upgrade_notices(self.engine)
        self.clock = TestClock()
        self.incidents = Incidents()
        self.boxes = {kind: Box() for kind in [*ChannelKind, "beat"]}
        self.alive = True
        self.rows = DeliveryRows(self.engine, owner)
        parts = NoticeParts(
            DecisionRows(self.engine),
            self.rows,
            self.incidents,
            self.boxes,
            self.clock,
            lambda: self.alive,
        )
        self.worker = NoticeWorker(parts, Audience(policy, PLACES))

    def write(self, incident: int, kind: str = "opened", **more: object) -> None:
        self.write_all([(incident, kind, payload(incident, kind=kind, **more))])

    def write_all(self, entries: list[tuple[int, str, Mapping[str, object]]]) -> None:
        with self.engine.begin() as connection:
            before = len(connection.execute(select(outbox.c.id)).all())
            rows = [
                {
                    "incident": incident,
                    "kind": kind,
                    "dedup": f"{incident}:{before + place}:{kind}",
                    "created_s": self.now_s,
                    "payload": dict(payload),
                }
                for place, (incident, kind, payload) in enumerate(entries)
            ]
            connection.execute(insert(outbox), rows)

    @property
    def now_s(self) -> float:
        return self.clock.instant().timestamp()

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, decide, and send everything that is due."""
        self.clock.pause(seconds)
        self.worker.decide_once(self.now_s)
        self.send()

    def send(self) -> None:
        for channel in self.boxes:
            while self.worker.send_once(channel, self.now_s):
                pass

    def said(self, channel: str = "email") -> list[str]:
        """Return the kinds of message that went over a channel, with their incident."""
        return [
            f"{one.kind} {one.incident}" if one.incident else str(one.kind)
            for one in self.boxes[channel].taken
        ]

    def states(self) -> list[tuple[str, str, str]]:
        query = select(deliveries.c.contact, deliveries.c.kind, deliveries.c.state)
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(query.order_by(deliveries.c.id))]

    def close(self) -> None:
        self.engine.dispose()
