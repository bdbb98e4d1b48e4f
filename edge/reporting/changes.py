"""Changes that are reported at once: states of paths, moves, consultations and faults.

A path that comes and goes many times a second is reported a few times, and what it is at last.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from edge.clock import Moment
from edge.reporting.summaries import WayKey
from edge.selection.evaluate import PathChange
from edge.telemetry.model import Change, ChangeKind, PathState

# How long a state must stand before it is reported. A handover of a satellite never is.
HOLDS_S: Final[Mapping[PathState, float]] = {
    PathState.DEAD: 0.0,
    PathState.UP: 1.0,
    PathState.BROWNOUT: 2.0,
    PathState.UNKNOWN: 1.0,
}
# So many reports of one thing at once, and one more in so many seconds.
BURST: Final = 12
AGAIN_S: Final = 10.0
MOST_PENDING: Final = 400


@dataclass(slots=True)
class Allowance:
    """How many reports one thing may make: a burst, and then one now and then."""

    left: float = BURST
    at_s: float = 0.0

    def take(self, now_s: float) -> bool:
        """Return whether one more may be made, and count it."""
        self.left = min(float(BURST), self.left + (now_s - self.at_s) / AGAIN_S)
        self.at_s = now_s
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class _Watched:
    """What was last reported of a path, and what it has been since when."""

    told: PathState
    state: PathState
    since_s: float
    allowance: Allowance = field(default_factory=Allowance)


@dataclass(slots=True)
class ChangeCollector:
    """Collects changes until they are sent; the oldest go when there are too many."""

    pending: list[Change] = field(default_factory=list)
    _paths: dict[WayKey, _Watched] = field(default_factory=dict)
    _moves: dict[WayKey, Allowance] = field(default_factory=dict)
    _live: frozenset[str] = frozenset()
    _faults: tuple[str, ...] = ()
    _repairs: int = 0

    def take(self) -> tuple[Change, ...]:
        """Return what waits and forget it."""
        taken, self.pending = tuple(self.pending), []
        return taken

    def add(self, change: Change) -> None:
        """Add a change."""
        self.pending.append(change)
        del self.pending[:-MOST_PENDING]

    def note_state(self, way: WayKey, state: PathState, now: Moment) -> bool:
        """Note the state of a path; True if that is to be reported now."""
        seen = self._paths.get(way)
        if seen is None:
            self._paths[way] = _Watched(state, state, now.monotonic_s)
            return False
        if state is PathState.HANDOVER:
            return False
        if state is not seen.state:
            seen.state, seen.since_s = state, now.monotonic_s
        if state is seen.told or now.monotonic_s - seen.since_s < HOLDS_S[state]:
            return False
        if not seen.allowance.take(now.monotonic_s):
            return False
        before, seen.told = seen.told, state
        reason = f"{before.value} before"
        self.add(Change(ChangeKind.PATH_STATE, now.unix_s, *way, "", state.value, reason))
        return True

    def note_moves(
        self, changes: Iterable[PathChange], circuits: Mapping[WayKey, str], now: Moment
    ) -> bool:
        """Note classes that take another path; circuits are those of a peer's paths."""
        told = False
        for change in changes:
            decision = change.decision
            allowance = self._moves.setdefault((change.peer, change.service), Allowance())
            if decision.path == change.before or not allowance.take(now.monotonic_s):
                continue
            circuit = circuits.get((change.peer, decision.path or ""), "")
            self.add(
                Change(
                    ChangeKind.MOVE,
                    now.unix_s,
                    change.peer,
                    circuit,
                    change.service,
                    reason=decision.reason,
                )
            )
            told = True
        return told

    def note_calls(self, live: frozenset[str], now: Moment) -> bool:
        """Note the peers that consultations are going on with."""
        for peer in sorted(live - self._live):
            self.add(Change(ChangeKind.CONSULTATION_BEGAN, now.unix_s, peer))
        for peer in sorted(self._live - live):
            self.add(Change(ChangeKind.CONSULTATION_ENDED, now.unix_s, peer))
        changed, self._live = live != self._live, live
        return changed

    def note_faults(self, faults: tuple[str, ...], repairs: int, last: str, now: Moment) -> bool:
        """Note what is wrong with the edge, how often its kernel was repaired, and what last."""
        new = [words for words in faults if words not in self._faults]
        over = [words for words in self._faults if words not in faults]
        for words in new:
            self.add(Change(ChangeKind.FAULT, now.unix_s, reason=words))
        for words in over:
            self.add(Change(ChangeKind.REPAIR, now.unix_s, reason=f"no longer: {words}"))
        if repaired := repairs > self._repairs:
            self.add(Change(ChangeKind.REPAIR, now.unix_s, reason=last))
        self._faults, self._repairs = faults, repairs
        return bool(new or over or repaired)

    def forget(self, known: Iterable[WayKey]) -> None:
        """Forget paths that a policy no longer has."""
        ways = {*known}
        self._paths = {way: seen for way, seen in self._paths.items() if way in ways}
        peers = {peer for peer, _ in ways}
        self._moves = {key: one for key, one in self._moves.items() if key[0] in peers}

    def settling(self) -> Iterator[WayKey]:
        """Yield the paths whose state is not reported yet."""
        return (way for way, seen in self._paths.items() if seen.state is not seen.told)
