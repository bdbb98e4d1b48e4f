"""From the section notices of an intent to its policy, or everything that is wrong with it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from controller.channels.message import MailServer, SmsCentre
from controller.notices.documents import (
    AllClearDocument,
    BeatDocument,
    EscalationDocument,
    MailDocument,
    NoticesDocument,
    OverrideDocument,
    PartyDocument,
    PersonDocument,
    RotaDocument,
    SmsDocument,
    SubscriptionDocument,
)
from controller.notices.model import (
    AllClear,
    Beat,
    Escalation,
    NoticePolicy,
    Party,
    Person,
    Step,
    Subscription,
)
from controller.notices.schedule import Interval, Override, Rota, typed_time_fault
from inventory.documents.entries import DocumentEntry, Documents, parse_entries
from inventory.errors import Fault
from inventory.free_text import quoted
from inventory.model import Intent, SiteName
from inventory.names import known_names


def check_notices(
    documents: Documents, intent: Intent | None
) -> tuple[NoticePolicy | None, tuple[Fault, ...]]:
    """Return whom a folder says to tell, or every fault in file order.

    A folder without the section tells nobody. Names of places are checked where an intent is given.
    """
    entries = documents.entries["notices"]
    if not entries:
        return NoticePolicy(), ()
    document, faults = parse_entries(entries[0], NoticesDocument)
    again = (_second(entry, entries[0]) for entry in entries[1:])
    if document is None:
        return None, tuple(sorted({*faults, *again}))
    paths = None if intent is None else place_paths(intent)
    found = {*again, *_Checks(entries[0], document, paths).faults()}
    if found or paths is None:
        return None, tuple(sorted(found))
    return _to_policy(document, paths), ()


def place_paths(intent: Intent) -> Mapping[SiteName, str]:
    """Return where each site stands in the hierarchy, such as 'far-north/mayo-sava/mora'.

    The central site is "", which is everything.
    """
    return {name: "/".join(reversed(_upwards(intent, name))) for name in intent.sites}


def _upwards(intent: Intent, name: SiteName) -> list[SiteName]:
    found: list[SiteName] = []
    while (parent := intent.sites[name].parent) is not None:
        found.append(name)
        name = parent
    return found


def _second(entry: DocumentEntry, first: DocumentEntry) -> Fault:
    what = f"the section notices is written twice, first at {first.where()}"
    return Fault(entry.where(), what, "keep one of them")


@dataclass(frozen=True, slots=True)
class _Checks:
    """What the parts of a section say of each other."""

    entry: DocumentEntry
    document: NoticesDocument
    paths: Mapping[SiteName, str] | None

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong."""
        for key in ("people", "rotas"):
            yield from self._repeated(key, [one.name for one in getattr(self.document, key)])
        for index, person in enumerate(self.document.people):
            yield from self._contacts(index, person)
        for index, rota in enumerate(self.document.rotas):
            yield from self._rota(index, rota)
        for index, subscription in enumerate(self.document.subscriptions):
            yield from self._party(subscription, "subscriptions", index)
            yield from self._under(subscription.under, "subscriptions", index)
        for index, escalation in enumerate(self.document.escalations):
            yield from self._escalation(index, escalation)
        if self.document.all_clear:
            people = self.document.all_clear.people
            yield from self._known("person", people, "all_clear", "people")
        yield from self._parties("reports", "administrators")
        yield from self._clear_text()

    def _parties(self, *keys: str) -> Iterator[Fault]:
        for key in keys:
            if party := getattr(self.document, key):
                yield from self._party(party, key)

    def _repeated(self, key: str, names: Iterable[str]) -> Iterator[Fault]:
        seen: Counter[str] = Counter()
        for index, name in enumerate(names):
            if seen[name]:
                what = f"{quoted(name)} stands in {key} twice"
                yield Fault(self.entry.where(key, index, "name"), what, "keep one of them")
            seen[name] += 1

    def _contacts(self, index: int, person: PersonDocument) -> Iterator[Fault]:
        seen: set[str] = set()
        for number, contact in enumerate(person.contacts):
            where = self.entry.where("people", index, "contacts", number)
            if len(contact.kinds) != 1:
                what = f"a contact point has {len(contact.kinds)} of email, sms, webhook, messenger"
                yield Fault(where, what, "write exactly one of them in each")
                continue
            kind, name = contact.kinds[0], contact.name or contact.kinds[0].value
            if name in seen:
                what = f"{person.name} has two contact points called {quoted(name)}"
                yield Fault(where, what, "give one of them another 'name'")
            seen.add(name)
            needed = {"email": "mail", "sms": "sms"}.get(kind.value)
            if needed and getattr(self.document, needed) is None:
                yield Fault(where, f"the notices lack '{needed}'", f"add the server as '{needed}:'")

    def _rota(self, index: int, rota: RotaDocument) -> Iterator[Fault]:
        yield from self._known("person", rota.order, "rotas", index, "order")
        zone = ZoneInfo(rota.timezone or self.document.timezone)
        for number, override in enumerate(rota.overrides):
            place = ("rotas", index, "overrides", number)
            names = () if override.person is None else (override.person,)
            yield from self._known("person", names, *place, "person")
            yield from self._override(override, zone, place)

    def _override(
        self, override: OverrideDocument, zone: ZoneInfo, place: tuple[str | int, ...]
    ) -> Iterator[Fault]:
        for key, local in (("from", override.begins), ("to", override.ends)):
            if what := typed_time_fault(local, zone):
                hint = "write a time before or after the change"
                yield Fault(self.entry.where(*place, key), what, hint)
        if override.ends <= override.begins:
            hint = "write a later date and time"
            yield Fault(self.entry.where(*place, "to"), "the override ends before it begins", hint)

    def _escalation(self, index: int, escalation: EscalationDocument) -> Iterator[Fault]:
        yield from self._under(escalation.under, "escalations", index)
        for number, step in enumerate(escalation.steps):
            yield from self._party(step, "escalations", index, "steps", number)

    def _party(self, party: PartyDocument, *place: str | int) -> Iterator[Fault]:
        yield from self._known("person", party.people, *place, "people")
        yield from self._known("rota", party.rotas, *place, "rotas")
        if not party.people and not party.rotas:
            what = "nobody is named who is to be told"
            yield Fault(self.entry.where(*place), what, "add 'people: [...]' or 'rotas: [...]'")

    def _known(self, noun: str, names: Iterable[str], *place: str | int) -> Iterator[Fault]:
        key = {"person": "people", "rota": "rotas"}[noun]
        known = sorted(one.name for one in getattr(self.document, key))
        for index, name in enumerate(names):
            if name not in known:
                what, hint = f"unknown {noun} {quoted(name)}", known_names(name, known, key)
                yield Fault(self.entry.where(*place, index), what, hint)

    def _under(self, name: str | None, *place: str | int) -> Iterator[Fault]:
        if name is not None and self.paths is not None and name not in self.paths:
            hint = known_names(name, sorted(self.paths), "sites")
            yield Fault(self.entry.where(*place, "under"), f"unknown site {quoted(name)}", hint)

    def _clear_text(self) -> Iterator[Fault]:
        mail = self.document.mail
        if mail and mail.security == "none" and mail.password:
            what = "the mail password would cross the network in clear text"
            hint = "write 'security: starttls', or leave 'password' out"
            yield Fault(self.entry.where("mail", "security"), what, hint)


def _to_policy(document: NoticesDocument, paths: Mapping[SiteName, str]) -> NoticePolicy:
    people = {one.name: _to_person(one, document) for one in document.people}
    rotas = {one.name: _to_rota(one, document) for one in document.rotas}
    return NoticePolicy(
        people,
        rotas,
        tuple(_to_subscription(one, paths) for one in document.subscriptions),
        tuple(_to_escalation(one, paths) for one in document.escalations),
        document.limits.to_model(),
        _to_mail(document.mail),
        _to_sms(document.sms),
        _to_beat(document.beat),
        _to_all_clear(document.all_clear, document.timezone),
        document.authorities or "",
        _to_party(document.reports),
        _to_party(document.administrators),
    )


def _to_person(one: PersonDocument, document: NoticesDocument) -> Person:
    return Person(
        one.name,
        one.language or document.language,
        one.timezone or document.timezone,
        tuple(contact.to_model() for contact in one.contacts),
        tuple(window.to_model() for window in one.quiet),
    )


def _to_rota(one: RotaDocument, document: NoticesDocument) -> Rota:
    zone = ZoneInfo(one.timezone or document.timezone)
    overrides = tuple(_to_override(item, zone) for item in one.overrides)
    hours = one.hours.to_model() if one.hours else None
    return Rota(one.name, zone.key, one.begins, one.at, one.turn_days, one.order, hours, overrides)


def _to_override(one: OverrideDocument, zone: ZoneInfo) -> Override:
    ends = (local.replace(tzinfo=zone).astimezone(UTC) for local in (one.begins, one.ends))
    return Override(one.person or "", Interval(*ends))


def _to_subscription(one: SubscriptionDocument, paths: Mapping[SiteName, str]) -> Subscription:
    under = paths[one.under] if one.under else ""
    causes, channels = frozenset(one.causes), frozenset(one.channels)
    return Subscription(Party(one.people, one.rotas), one.severity, under, causes, channels)


def _to_escalation(one: EscalationDocument, paths: Mapping[SiteName, str]) -> Escalation:
    steps = tuple(
        Step(step.after_minutes * 60.0, Party(step.people, step.rotas)) for step in one.steps
    )
    return Escalation(steps, one.severity, paths[one.under] if one.under else "")


def _to_mail(one: MailDocument | None) -> MailServer | None:
    if one is None:
        return None
    return MailServer(one.server, one.sender, one.port, one.security, one.user or "", one.password)


def _to_sms(one: SmsDocument | None) -> SmsCentre | None:
    if one is None:
        return None
    return SmsCentre(
        one.server, one.system_id, one.sender, one.port, one.tls, one.password, one.per_second
    )


def _to_beat(one: BeatDocument | None) -> Beat | None:
    return (
        None
        if one is None
        else Beat(one.webhook, one.secret, float(one.every_seconds), one.loopback)
    )


def _to_party(one: PartyDocument | None) -> Party:
    return Party() if one is None else Party(one.people, one.rotas)


def _to_all_clear(one: AllClearDocument | None, zone: str) -> AllClear | None:
    return None if one is None else AllClear(one.people, one.at, one.timezone or zone)
