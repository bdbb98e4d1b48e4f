"""The worker: decides on new outbox entries and hands deliveries to the channels.

One thread decides; each channel has threads of its own, so that a mail server that does not answer
holds up no SMS. Every step takes the time as an argument.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Condition, Event, Thread
from typing import Final
from zoneinfo import ZoneInfo

from controller.channels.message import (
    ChannelKind,
    ContactPoint,
    Message,
    MessageKind,
    Sender,
    SendError,
)
from controller.clock import Clock, StepWatch
from controller.notices.decisions import DecisionRows
from controller.notices.model import AllClear, Beat, IncidentReader, Language, NoticePolicy, Person
from controller.notices.recipients import BEAT, Audience
from controller.notices.schedule import instant_of
from controller.notices.sending import KEPT_S, Claimed, DeliveryRows, forget_old
from controller.notices.texts import Report, write_message
from inventory.errors import SanagaError

_LOG: Final = logging.getLogger(__name__)
_LOOK_S: Final = 1.0
_LAST_S: Final = 24 * 3600.0
_RELEASE_S: Final = 15.0
_PRUNE_S: Final = 3600.0
_THREADS: Final[Mapping[str, int]] = {
    ChannelKind.EMAIL: 2,
    ChannelKind.SMS: 1,
    ChannelKind.WEBHOOK: 2,
    ChannelKind.MESSENGER: 1,
    BEAT: 1,
}
# After a longer absence the all-clear of the morning says nothing.
_LATEST_S: Final = 6 * 3600.0
_PAGES: Final = frozenset({MessageKind.OPENED, MessageKind.CHANGED, MessageKind.ESCALATED})


@dataclass(frozen=True, slots=True)
class NoticeParts:
    """What a worker works with; alive says whether the deciding of incidents goes on.

    may_send says whether no other controller can have taken over.
    """

    decisions: DecisionRows
    deliveries: DeliveryRows
    reader: IncidentReader
    senders: Mapping[str, Sender]
    clock: Clock
    alive: Callable[[], bool] = lambda: True
    may_send: Callable[[], bool] = lambda: True


class NoticeWorker:
    """Tells people; start() lets it work by itself, the other methods do one step."""

    def __init__(self, parts: NoticeParts, audience: Audience) -> None:
        self._parts = parts
        self._audience = audience
        self._steps = StepWatch(parts.clock)
        self._bell = _Bell()
        self._stopped = Event()
        self._threads: list[Thread] = []
        self._done_s: dict[str, float] = {}

    def use(self, audience: Audience) -> None:
        """Go on with another policy, after the intent was changed."""
        self._audience = audience
        self.wake()

    def wake(self) -> None:
        """Look for new outbox entries now instead of within a second."""
        self._bell.ring()

    def start(self, *, alone: bool = False) -> None:
        """Begin to work, with what a process of the same owner left unfinished.

        alone says that no other process sends, so that all that is unfinished is so.
        """
        self._parts.deliveries.release(self._now_s(), at_start=True, alone=alone)
        self._begin("notices-decide", self.decide_once)
        for channel in self._parts.senders:
            for number in range(_THREADS[channel]):
                self._begin(f"notices-{channel}-{number}", partial(self._send_all, channel))

    def stop(self) -> None:
        """Finish what is being sent, and end."""
        self._stopped.set()
        self._bell.ring()
        for thread in self._threads:
            thread.join()
        for sender in self._parts.senders.values():
            sender.close()

    def decide_once(self, now_s: float) -> int:
        """Decide on everything that is new or due at a time; return how many entries were new."""
        rows, audience = self._parts.decisions, self._audience
        if by_s := self._steps.step_s():
            self._parts.deliveries.follow_step(by_s)
            rows.prune_beats(now_s - _LAST_S, now_s)
        self._write_own(audience.policy, now_s)
        new = 0
        while not self._stopped.is_set() and (found := rows.decide_pending(audience, now_s)):
            new += found
        late = rows.escalate_due(audience, self._parts.reader, now_s)
        folded = rows.fold_held(audience, now_s)
        if self._is_time("release", _RELEASE_S, now_s):
            self._parts.deliveries.release(now_s)
        if self._is_time("prune", _PRUNE_S, now_s):
            rows.prune_beats(now_s - _LAST_S, now_s)
            forget_old(rows.engine, self._parts.reader, now_s - KEPT_S)
        if new or late or folded:
            self._bell.ring()
        return new

    def send_once(self, channel: str, now_s: float) -> bool:
        """Send the most urgent delivery of a channel, and return whether there was one."""
        if not self._parts.may_send():
            return False
        claimed = self._parts.deliveries.claim(channel, now_s)
        if claimed is None:
            return False
        if reason := self._needless(claimed):
            self._parts.deliveries.drop(claimed, reason)
            return True
        self._send(claimed, channel)
        return True

    def _send(self, claimed: Claimed, channel: str) -> None:
        rows = self._parts.deliveries
        try:
            message = self._message(claimed)
            self._check_alone()
            provider_id = self._parts.senders[channel].send(message)
        except SendError as error:
            rows.record_fault(claimed, error, self._now_s(), self._lasts_s(claimed))
        except SanagaError as error:
            # A secret that is not there, or an extra: somebody has to act, so it is tried again.
            rows.record_fault(claimed, SendError(str(error)), self._now_s(), self._lasts_s(claimed))
        else:
            said = (message.subject, message.short if channel == "sms" else message.text)
            rows.record_sent(claimed, provider_id, said, self._now_s())

    def _check_alone(self) -> None:
        if not self._parts.may_send():
            raise SendError("this controller is not sure that it alone sends")

    def _message(self, claimed: Claimed) -> Message:
        person, point = self._receiver(claimed)
        report = Report(
            claimed.kind,
            claimed.key,
            claimed.entries,
            claimed.left_out,
            claimed.severities,
            claimed.ended,
        )
        return write_message(report, person, point)

    def _receiver(self, claimed: Claimed) -> tuple[Person, ContactPoint]:
        policy = self._audience.policy
        if claimed.kind is MessageKind.BEAT and policy.beat:
            beat = policy.beat
            kind = ChannelKind.WEBHOOK
            point = ContactPoint(BEAT, kind, beat.url, beat.secret, loopback=beat.loopback)
            return Person(BEAT, Language.ENGLISH, "UTC", (point,)), point
        person = policy.people.get(claimed.person)
        points = person.contacts if person else ()
        found = next((one for one in points if one.name == claimed.contact), None)
        if person is None or found is None:
            who = f"{claimed.person}'s {claimed.contact}"
            raise SendError(f"the intent no longer names {who}", permanent=True)
        return person, found

    def _needless(self, claimed: Claimed) -> str:
        """Return why a page that waited would wake its person for nothing, if it would."""
        entry = claimed.entries[0] if claimed.entries else None
        if entry is None or entry.incident is None or claimed.kind not in _PAGES:
            return ""
        if claimed.kind is not MessageKind.ESCALATED and not self._pages_late(claimed):
            return ""
        now = self._parts.reader.read_incident(entry.incident)
        reasons = {
            "the incident has ended": now is None or now.ended,
            "somebody acknowledged it": now is not None and now.acknowledged,
            "the incident is muted": now is not None and now.muted,
            "the incident is in maintenance": now is not None and now.in_maintenance,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _pages_late(self, claimed: Claimed) -> bool:
        try:
            return claimed.was_deferred and self._receiver(claimed)[1].wakes
        except SendError:
            return False

    def _lasts_s(self, claimed: Claimed) -> float:
        beat = self._audience.policy.beat
        return beat.every_s if beat and claimed.kind is MessageKind.BEAT else _LAST_S

    def _write_own(self, policy: NoticePolicy, now_s: float) -> None:
        own: list[OwnEntry | None] = []
        if policy.beat and self._parts.alive():
            own.append(beat_entry(policy.beat, now_s))
        if policy.all_clear:
            own.append(all_clear_entry(policy.all_clear, self._parts.reader.count_open(), now_s))
        for entry in filter(None, own):
            rows = self._parts.decisions
            rows.write_outbox(entry.kind, entry.dedup_key, entry.payload, now_s)

    def _send_all(self, channel: str, _now_s: float) -> None:
        while not self._stopped.is_set() and self.send_once(channel, self._now_s()):
            pass

    def _begin(self, name: str, step: Callable[[float], object]) -> None:
        thread = Thread(target=self._repeat, args=(step,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _is_time(self, what: str, every_s: float, now_s: float) -> bool:
        """Return whether something is to be done again; also after a clock that went back."""
        if 0 <= now_s - self._done_s.get(what, float("-inf")) < every_s:
            return False
        self._done_s[what] = now_s
        return True

    def _repeat(self, step: Callable[[float], object]) -> None:
        heard = 0
        while not self._stopped.is_set():
            try:
                step(self._now_s())
            except Exception:  # noqa: BLE001 - the one guard of these threads
                # The database may be busy or full; the next step finds everything as it was.
                _LOG.exception("a step of the notices failed; it is repeated")
            heard = self._bell.wait(heard, _LOOK_S)

    def _now_s(self) -> float:
        return self._parts.clock.instant().timestamp()


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry that notices write into the outbox themselves, once for each key."""

    kind: MessageKind
    dedup_key: str
    payload: dict[str, object]


def beat_entry(beat: Beat, now_s: float) -> OwnEntry:
    """Return the beat of this moment; beats that were missed are not made up for."""
    number = int(now_s // beat.every_s)
    payload: dict[str, object] = {
        "title": "sanaga is alive",
        "cause": "SanagaBeat",
        "sequence": number,
        "opened_s": now_s,
        "every_s": beat.every_s,
    }
    return OwnEntry(MessageKind.BEAT, f"beat:{number}", payload)


def all_clear_entry(plan: AllClear, open_incidents: int, now_s: float) -> OwnEntry | None:
    """Return the all-clear of today, None before its time and long after it."""
    zone = ZoneInfo(plan.zone)
    today = datetime.fromtimestamp(now_s, UTC).astimezone(zone).date()
    late_s = now_s - instant_of(today, plan.at, zone).timestamp()
    if not 0 <= late_s < _LATEST_S:
        return None
    return OwnEntry(MessageKind.ALL_CLEAR, f"all-clear:{today}", {"open": open_incidents})


class _Bell:
    """Wakes every thread that waits; each remembers the last ring that it heard."""

    def __init__(self) -> None:
        self._rung = Condition()
        self._rings = 0

    def ring(self) -> None:
        """Wake all."""
        with self._rung:
            self._rings += 1
            self._rung.notify_all()

    def wait(self, heard: int, longest_s: float) -> int:
        """Wait for a ring after the one that was heard, and return the last one."""
        with self._rung:
            self._rung.wait_for(lambda: self._rings != heard, longest_s)
            return self._rings
