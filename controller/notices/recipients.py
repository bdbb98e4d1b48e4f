"""Who is told of what, by which contact point and when: the pure decision on an outbox entry."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from controller.channels.message import ChannelKind, ContactPoint, MessageKind, OutboxEntry
from controller.incidents.model import Severity
from controller.notices.model import DeliveryState, NoticePolicy, Party, Person, rank
from controller.notices.schedule import on_call, quiet_until

BEAT: Final = "beat"
_OPEN: Final = frozenset({DeliveryState.WAITING, DeliveryState.HELD})
_ON_ITS_WAY: Final = frozenset({DeliveryState.SENT, DeliveryState.CLAIMED, DeliveryState.FOLDED})
_REPORTS: Final = frozenset({MessageKind.OPENED, MessageKind.CHANGED, MessageKind.ESCALATED})

# What tells of no incident.
_OWN: Final = frozenset(
    {
        *(MessageKind.BEAT, MessageKind.ALL_CLEAR, MessageKind.REPORT),
        *(MessageKind.FAILING, MessageKind.WORKING),
    }
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice for one contact point; maybe_told means that a failed attempt may have arrived."""

    outbox_id: int
    incident: int | None
    person: str
    contact: str
    kind: MessageKind
    state: DeliveryState
    due_s: float
    step: int = 0
    id: int = 0
    urgent: bool = False
    maybe_told: bool = False

    @property
    def told(self) -> bool:
        """Return whether the receiver has it, may have it, or is about to get it."""
        return self.state in _ON_ITS_WAY or self.maybe_told


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of an escalation that falls due unless somebody acknowledges before."""

    outbox_id: int
    incident: int
    rule: int
    step: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What was planned and sent before.

    deliveries are those of the incident, lately counts the notices of each person within the time
    that limits say, has_steps tells whether an escalation follows the incident already.
    """

    deliveries: tuple[Delivery, ...] = ()
    lately: Mapping[str, int] = field(default_factory=dict)
    has_steps: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from an entry, with its reason in one sentence."""

    planned: tuple[Delivery, ...] = ()
    dropped: tuple[Delivery, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    ends_steps: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """The policy, and where each site stands in the hierarchy, as plain paths."""

    policy: NoticePolicy
    places: Mapping[str, str] = field(default_factory=dict)

    def decide(self, entry: OutboxEntry, memory: Memory, now_s: float) -> Outcome:
        """Return who is told of an entry, and what needs no sending any more."""
        if entry.kind in _OWN:
            return self._own(entry, memory, now_s)
        before = _since_last_end(memory.deliveries)
        if entry.kind == MessageKind.ENDED:
            return self._ended(entry, before, now_s)
        return self._reported(entry, replace(memory, deliveries=before), now_s)

    def _own(self, entry: OutboxEntry, memory: Memory, now_s: float) -> Outcome:
        """Return who is told of what is no incident."""
        match entry.kind:
            case MessageKind.BEAT:
                return Outcome((_beat(entry, now_s),), reason="a sign of life for another machine")
            case MessageKind.ALL_CLEAR:
                return self._all_clear(entry, now_s)
            case MessageKind.REPORT:
                return self._calmly(entry, self.policy.reports, MessageKind.REPORT, now_s)
            case MessageKind.FAILING:
                return self._calmly(entry, self._administrators(), MessageKind.FAILING, now_s)
            case _:
                return self._works(entry, memory.deliveries, now_s)

    def escalate(
        self, entry: OutboxEntry, step: PlannedStep, memory: Memory, now_s: float
    ) -> Outcome:
        """Return who is told because nobody acknowledged in time."""
        rules = self.policy.escalations
        if step.rule >= len(rules) or step.step >= len(rules[step.rule].steps):
            return Outcome(reason="the intent has no such step any more")
        rule = rules[step.rule]
        if not self._concerns(entry, rule.least, rule.under):
            return Outcome(reason="the incident is less severe now")
        who = rule.steps[step.step].who
        wanted = {name: frozenset(ChannelKind) for name in self._people(who, now_s)}
        planned = self._plan(entry, wanted, MessageKind.ESCALATED, memory, now_s)
        return Outcome(tuple(replace(one, step=step.step + 1) for one in planned))

    def is_within(self, entry: OutboxEntry, under: str) -> bool:
        """Return whether an incident touches a place of the hierarchy; "" is everything."""
        names = [*entry.names("sites"), entry.text("root_name")]
        paths = {self.places[name] for name in names if name in self.places}
        paths = paths or {entry.text("region")}
        return not under or any(f"{path}/".startswith(f"{under}/") for path in paths)

    def _reported(self, entry: OutboxEntry, memory: Memory, now_s: float) -> Outcome:
        told = {name for name, _ in _receivers(memory.deliveries)}
        wanted = self._subscribed(entry, now_s)
        fresh = {name: kinds for name, kinds in wanted.items() if name not in told}
        # What still waits says less than this entry; its receivers get this one instead.
        stale = tuple(one for one in memory.deliveries if one.state in _OPEN)
        planned = [*self._plan(entry, fresh, MessageKind.OPENED, memory, now_s)]
        if entry.kind != MessageKind.OPENED or stale:
            planned += self._changed(entry, told, memory, now_s)
        reason = "" if planned else "nobody subscribes to it"
        steps = self._steps(entry, memory)
        return Outcome(_no_later(planned, stale), stale, steps, reason=reason)

    def _changed(
        self, entry: OutboxEntry, told: Collection[str], memory: Memory, now_s: float
    ) -> Iterator[Delivery]:
        """Yield what those get who were told, also where the first notice still waits."""
        waiting = ((one.person, one.contact) for one in memory.deliveries if one.state in _OPEN)
        for name, contact in dict.fromkeys((*_receivers(memory.deliveries), *waiting)):
            person = self.policy.people.get(name) if name in told else None
            point = _contact(person, contact)
            if person and point:
                yield from self._capped(entry, person, [point], MessageKind.CHANGED, memory, now_s)

    def _ended(self, entry: OutboxEntry, before: tuple[Delivery, ...], now_s: float) -> Outcome:
        planned: dict[tuple[str, str], Delivery] = {}
        for (name, contact), first in _receivers(before).items():
            person = self.policy.people.get(name)
            point = _contact(person, contact)
            if person is None or point is None:
                continue
            point = _waking_nobody(person, point, now_s)
            one = _draft(entry, person, point, MessageKind.ENDED, _calm_time(person, point, now_s))
            if first.state is DeliveryState.FOLDED:
                due_s = now_s + self.policy.limits.digest_after_s
                one = replace(one, state=DeliveryState.HELD, due_s=due_s)
            planned.setdefault((name, point.name), one)
        stale = tuple(one for one in before if one.state in _OPEN)
        reason = "" if planned else "nobody was told of the problem"
        return Outcome(tuple(planned.values()), stale, ends_steps=True, reason=reason)

    def _all_clear(self, entry: OutboxEntry, now_s: float) -> Outcome:
        wanted = self.policy.all_clear.people if self.policy.all_clear else ()
        planned = []
        for person in (self.policy.people[name] for name in wanted):
            phones = [one for one in person.contacts if one.kind is ChannelKind.SMS]
            for point in phones or person.contacts:
                due_s = _calm_time(person, point, now_s)
                planned.append(_draft(entry, person, point, MessageKind.ALL_CLEAR, due_s))
        return Outcome(tuple(planned), reason="the daily all-clear")

    def _administrators(self) -> Party:
        """Return who looks after the controller: whoever gets its reports, unless others do."""
        named = self.policy.administrators
        return named if named.people or named.rotas else self.policy.reports

    def _works(self, entry: OutboxEntry, before: tuple[Delivery, ...], now_s: float) -> Outcome:
        """Return who is told that something works again: whoever was told that it failed."""
        planned = []
        for one in before:
            person = self.policy.people.get(one.person)
            point = _contact(person, one.contact)
            if one.told and person and point:
                due_s = _calm_time(person, point, now_s)
                planned.append(_draft(entry, person, point, MessageKind.WORKING, due_s))
        stale = tuple(one for one in before if one.state in _OPEN)
        reason = "" if planned else "nobody was told that it failed"
        return Outcome(tuple(planned), stale, reason=reason)

    def _calmly(self, entry: OutboxEntry, who: Party, kind: MessageKind, now_s: float) -> Outcome:
        """Return who is told of something that wakes nobody."""
        planned = []
        for person in (self.policy.people[name] for name in self._people(who, now_s)):
            calm = [one for one in person.contacts if not one.wakes]
            for point in calm or person.contacts:
                due_s = _calm_time(person, point, now_s)
                planned.append(_draft(entry, person, point, kind, due_s))
        return Outcome(tuple(planned), reason="" if planned else "the intent names nobody for it")

    def _plan(
        self,
        entry: OutboxEntry,
        wanted: Mapping[str, frozenset[ChannelKind]],
        kind: MessageKind,
        memory: Memory,
        now_s: float,
    ) -> Iterator[Delivery]:
        for name, kinds in wanted.items():
            person = self.policy.people[name]
            points = [one for one in person.contacts if one.kind in kinds]
            yield from self._capped(entry, person, points, kind, memory, now_s)

    def _capped(  # noqa: PLR0913, PLR0917 - what a delivery is made of
        self,
        entry: OutboxEntry,
        person: Person,
        points: Iterable[ContactPoint],
        kind: MessageKind,
        memory: Memory,
        now_s: float,
    ) -> Iterator[Delivery]:
        """Yield deliveries; beyond a person's limit they wait for a digest unless critical."""
        urgent, limits = entry.severity is Severity.CRITICAL, self.policy.limits
        over = not urgent and memory.lately.get(person.name, 0) >= limits.notices
        for point in points:
            due_s = now_s if urgent else _calm_time(person, point, now_s)
            one = replace(_draft(entry, person, point, kind, due_s), urgent=urgent)
            digest_s = now_s + limits.digest_after_s
            yield replace(one, state=DeliveryState.HELD, due_s=digest_s) if over else one

    def _subscribed(self, entry: OutboxEntry, now_s: float) -> dict[str, frozenset[ChannelKind]]:
        wanted: dict[str, frozenset[ChannelKind]] = defaultdict(frozenset)
        for one in self.policy.subscriptions:
            causes = not one.causes or entry.text("cause") in one.causes
            if causes and self._concerns(entry, one.least, one.under):
                for name in self._people(one.who, now_s):
                    wanted[name] |= one.channels
        return wanted

    def _concerns(self, entry: OutboxEntry, least: Severity, under: str) -> bool:
        return rank(entry.severity) >= rank(least) and self.is_within(entry, under)

    def _people(self, who: Party, now_s: float) -> tuple[str, ...]:
        """Return the people of a party as the rotas have it now, each once."""
        now = _instant(now_s)
        rotas = (self.policy.rotas[name] for name in who.rotas if name in self.policy.rotas)
        names = (*who.people, *(on_call(rota, now) for rota in rotas))
        return tuple(dict.fromkeys(name for name in names if name in self.policy.people))

    def _steps(self, entry: OutboxEntry, memory: Memory) -> tuple[PlannedStep, ...]:
        if memory.has_steps or entry.incident is None:
            return ()
        return tuple(
            PlannedStep(entry.id, entry.incident, rule, number, step.wait_s)
            for rule, one in enumerate(self.policy.escalations)
            if self._concerns(entry, one.least, one.under)
            for number, step in enumerate(one.steps)
        )


def calm_time(person: Person, contact: str, now_s: float) -> float:
    """Return when a contact point may be used without waking its person, in seconds of Unix."""
    point = _contact(person, contact)
    return now_s if point is None else _calm_time(person, point, now_s)


def _calm_time(person: Person, point: ContactPoint, now_s: float) -> float:
    end = quiet_until(person.quiet, _instant(now_s), ZoneInfo(person.zone)) if point.wakes else None
    return now_s if end is None else end.timestamp()


def _waking_nobody(person: Person, point: ContactPoint, now_s: float) -> ContactPoint:
    """Return a contact point that does not wake its person, the given one where there is none."""
    if _calm_time(person, point, now_s) == now_s:
        return point
    return next((one for one in person.contacts if not one.wakes), point)


def _receivers(deliveries: Iterable[Delivery]) -> dict[tuple[str, str], Delivery]:
    """Return who was told of the problem by which contact point, one by one before in a digest."""
    found: dict[tuple[str, str], Delivery] = {}
    for one in deliveries:
        key = (one.person, one.contact)
        if one.told and one.kind in _REPORTS:
            folded = key in found and found[key].state is DeliveryState.FOLDED
            found[key] = one if key not in found or folded else found[key]
    return found


def _no_later(planned: Sequence[Delivery], stale: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """Return deliveries of which none waits longer for a digest than the one it replaces."""
    due = {(one.person, one.contact): one.due_s for one in stale if one.state is DeliveryState.HELD}
    return tuple(
        replace(one, due_s=min(one.due_s, due.get((one.person, one.contact), one.due_s)))
        if one.state is DeliveryState.HELD
        else one
        for one in planned
    )


def _since_last_end(deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """Return what belongs to the incident as it is open now; it may have ended and reopened."""
    ends = (one.outbox_id for one in deliveries if one.kind is MessageKind.ENDED)
    last = max(ends, default=-1)
    return tuple(one for one in deliveries if one.outbox_id > last)


def _contact(person: Person | None, name: str) -> ContactPoint | None:
    return next((one for one in person.contacts if one.name == name), None) if person else None


def _draft(
    entry: OutboxEntry, person: Person, point: ContactPoint, kind: MessageKind, due_s: float
) -> Delivery:
    waiting = DeliveryState.WAITING
    return Delivery(entry.id, entry.incident, person.name, point.name, kind, waiting, due_s)


def _beat(entry: OutboxEntry, now_s: float) -> Delivery:
    return Delivery(entry.id, None, "", BEAT, MessageKind.BEAT, DeliveryState.WAITING, now_s)


def _instant(now_s: float) -> datetime:
    return datetime.fromtimestamp(now_s, UTC)
