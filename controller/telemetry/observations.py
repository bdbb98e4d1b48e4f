"""Observations from edges' messages: what an edge's word says of circuits, devices and itself.

Of a circuit an edge says that it is well if any far end answers over it: a dead far end is no dead
circuit. A path has a circuit at either end and the quality of the poorer one: what satellites do at
the far end is no fault of the fibre here. A lost session alone says nothing of the traffic, so the
edge is unknown then, not down.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from controller.incidents.model import Health, Observation, Source, Subject, SubjectKind
from controller.telemetry.current_state import SILENT_S
from controller.telemetry.slices import message_shift_s
from edge.telemetry.model import ChangeKind, PathNow, PathState, TelemetryMessage
from inventory.model import CircuitName, DeviceName, Intent, Medium

COLLECTOR: Final = "controller"
_LIVE: Final = 16
_HEALTH: Final[Mapping[PathState, Health]] = {
    PathState.UP: Health.OK,
    PathState.HANDOVER: Health.DEGRADED,
    PathState.BROWNOUT: Health.DEGRADED,
    PathState.DEAD: Health.DOWN,
    PathState.UNKNOWN: Health.UNKNOWN,
}
_BEST_FIRST: Final = (
    PathState.UP,
    PathState.HANDOVER,
    PathState.BROWNOUT,
    PathState.DEAD,
    PathState.UNKNOWN,
)
_WORDS: Final[Mapping[PathState, str]] = {
    PathState.UP: "answers",
    PathState.HANDOVER: "changes its satellite",
    PathState.BROWNOUT: "loses more than usual",
    PathState.DEAD: "does not answer",
    PathState.UNKNOWN: "is not measured",
}


@dataclass(frozen=True, slots=True)
class KnownCircuits:
    """What is known of an intent's circuits.

    routed are those beyond which our own routers choose the way: there a path that fails says
    nothing of the circuit itself.
    """

    routed: Container[CircuitName] = ()
    media: Mapping[CircuitName, Medium] = field(default_factory=dict)

    @classmethod
    def of(cls, intent: Intent) -> "KnownCircuits":
        """Return what an intent says of its circuits."""
        circuits = intent.circuits.values()
        routed = frozenset(one.name for one in circuits if one.b is not None)
        return cls(routed, {one.name: one.medium for one in circuits})


_NONE_KNOWN: Final = KnownCircuits()


def observations(
    message: TelemetryMessage,
    received_s: float,
    *,
    spool_began_s: int = 0,
    collector: str = COLLECTOR,
    circuits: KnownCircuits = _NONE_KNOWN,
) -> tuple[Observation, ...]:
    """Return what a message says: of circuits, of devices at far ends, and of the edge itself.

    spool_began_s keeps numbers rising when an edge begins another spool.
    """
    shift_s = message_shift_s(message, received_s, 0)
    words = _Words(message, received_s, shift_s, number_of(message, spool_began_s))
    device = Subject(SubjectKind.DEVICE, message.device)
    said = words.say(device, Source.EDGE_SESSION, Health.OK)
    alive = replace(said, observer=collector)
    return (alive, *_gasps(words), *_circuits(words, circuits), *_far_ends(words))


@dataclass(frozen=True, slots=True)
class LastWord:
    """When an edge was heard last by any controller (Unix time), and the number of that."""

    heard_s: float
    number: int


def session_lost(
    device: DeviceName, last: LastWord, now_s: float, collector: str = COLLECTOR
) -> Observation:
    """Return that an edge is not heard any more: unknown, for its traffic may well flow."""
    return Observation(
        subject=Subject(SubjectKind.DEVICE, device),
        observer=collector,
        source=Source.EDGE_SESSION,
        state=Health.UNKNOWN,
        sequence=last.number + 1,
        at_s=now_s,
        received_s=now_s,
        reason=f"no report since {now_s - last.heard_s:.0f} s; reports come every 60 s",
    )


def never_heard(device: DeviceName, now_s: float, collector: str = COLLECTOR) -> Observation:
    """Return that an edge was never heard; whatever it reports later is newer."""
    return Observation(
        subject=Subject(SubjectKind.DEVICE, device),
        observer=collector,
        source=Source.EDGE_SESSION,
        state=Health.UNKNOWN,
        sequence=0,
        at_s=now_s,
        received_s=now_s,
        reason="it never reported; look at 'sanaga edge status' there",
    )


def silent_edges(edges: Mapping[DeviceName, LastWord], now_s: float) -> Iterator[Observation]:
    """Yield that edges are not heard any more, those that have been silent for too long."""
    for device, last in edges.items():
        if now_s - last.heard_s > SILENT_S:
            yield session_lost(device, last, now_s)


def number_of(message: TelemetryMessage, spool_began_s: int) -> int:
    """Return a number that rises with the messages of an edge; odd ones are for losses after them.

    A spool numbers less than one message a second over its life, so a later one goes on higher.
    """
    live = min(message.live, (1 << _LIVE) - 1)
    return ((spool_began_s + message.sequence) << _LIVE | live) << 1


@dataclass(frozen=True, slots=True)
class _Words:
    """What all observations of one message share."""

    message: TelemetryMessage
    received_s: float
    shift_s: int
    number: int

    def say(self, subject: Subject, source: Source, state: Health) -> Observation:
        """Return what the edge says of a subject at the moment of the message."""
        message = self.message
        return Observation(
            subject=subject,
            observer=message.device,
            source=source,
            state=state,
            sequence=self.number,
            at_s=self.at_s(message.sent_unix_s),
            received_s=self.received_s,
            replayed=message.replayed,
            clock_trusted=message.clock_trusted and not self.shift_s,
        )

    def at_s(self, claimed_unix_s: float) -> float:
        """Return a time of the edge's clock by the controller's."""
        return min(claimed_unix_s + self.shift_s, self.received_s)


def _gasps(words: _Words) -> Iterator[Observation]:
    device = Subject(SubjectKind.DEVICE, words.message.device)
    for change in words.message.changes:
        if change.kind is ChangeKind.LAST_GASP:
            said = words.say(device, Source.LAST_GASP, Health.DOWN)
            reason = change.reason or "sent its last gasp"
            yield replace(said, at_s=words.at_s(change.at_unix_s), reason=reason)


def _circuits(words: _Words, known: KnownCircuits) -> Iterator[Observation]:
    for circuit, paths in _grouped(words.message.paths, lambda path: path.circuit):
        medium = known.media.get(circuit)
        own = [path for path in paths if medium is None or path.medium == medium]
        yield _measured(words, own, known.routed) if own else _better_end(words, paths)


def _measured(
    words: _Words, paths: Iterable[PathNow], routed: Container[CircuitName]
) -> Observation:
    """Return what the best of a circuit's paths says of it, with its figures."""
    best = _best(paths)
    state = _HEALTH[best.state]
    if state is not Health.OK and best.circuit in routed:
        state = Health.UNKNOWN
    at_s, why = _since(words, best)
    told = f"{words.message.device}: {best.peer} {_WORDS[best.state]} over {best.circuit}"
    return replace(
        words.say(Subject(SubjectKind.CIRCUIT, best.circuit), Source.EDGE_PATH, state),
        at_s=at_s,
        reason="" if state is Health.OK else why or told,
        mos=best.mos,
        delay_ms=best.delay_ms,
        loss=max(best.loss_out, best.loss_in),
    )


def _better_end(words: _Words, paths: Iterable[PathNow]) -> Observation:
    """Return what paths tell of a circuit whose medium is better than that of every far end."""
    best = _best(paths)
    reached = _HEALTH[best.state] in {Health.OK, Health.DEGRADED}
    state = Health.OK if reached else Health.UNKNOWN
    told = f"{words.message.device}: nobody answers over {best.circuit}; the far end may be cut off"
    said = words.say(Subject(SubjectKind.CIRCUIT, best.circuit), Source.EDGE_PATH, state)
    return replace(said, reason="" if reached else told)


def _far_ends(words: _Words) -> Iterator[Observation]:
    for peer, paths in _grouped(words.message.paths, lambda path: path.peer):
        best = _best(paths)
        # A far end that is reached at all is well; the quality is the circuit's.
        reached = _HEALTH[best.state] in {Health.OK, Health.DEGRADED}
        state = Health.OK if reached else _HEALTH[best.state]
        told = f"{words.message.device}: {peer} {_WORDS[best.state]} over any circuit"
        yield replace(
            words.say(Subject(SubjectKind.DEVICE, peer), Source.EDGE_PATH, state),
            at_s=_since(words, best)[0],
            reason="" if reached else told,
        )


def _grouped(
    paths: Iterable[PathNow], key: Callable[[PathNow], str]
) -> Iterable[tuple[str, list[PathNow]]]:
    found: dict[str, list[PathNow]] = defaultdict(list)
    for path in paths:
        found[key(path)].append(path)
    return found.items()


def _best(paths: Iterable[PathNow]) -> PathNow:
    return min(paths, key=lambda path: _BEST_FIRST.index(path.state))


def _since(words: _Words, path: PathNow) -> tuple[float, str]:
    """Return when a path came into its state, and why, as far as the message tells."""
    for change in reversed(words.message.changes):
        same = (change.peer, change.circuit) == (path.peer, path.circuit)
        if change.kind is ChangeKind.PATH_STATE and same and change.state == path.state:
            return words.at_s(change.at_unix_s), change.reason
    return words.at_s(words.message.sent_unix_s), ""
