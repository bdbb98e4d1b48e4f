"""Path selection: reads the probes, decides, moves traffic and sets how often paths are probed."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from edge.clock import Moment
from edge.forwarding.steering import Steering
from edge.policy.model import ClassKey, EdgePolicy, PathKey, Peer, TrafficClass
from edge.probes.probe_set import ProbeSet
from edge.selection import evaluate, pacing
from edge.selection.evaluate import PathChange, PeerState
from edge.selection.listener import SelectionListener
from edge.storage.journal import DecisionJournal, JournalRecord
from inventory.model import CircuitName, DeviceName
from policies.path_selection.decide import Memory
from topology.quality.health import Measurement, PathName

# How often, in seconds, the probes are read while a consultation runs or a path is in doubt, and
# otherwise; those of paths that are probed more rarely are read more rarely, too.
QUICK_S: Final = 0.01
CALM_S: Final = 0.1
RARELY_S: Final = 0.5


class PathSelector:
    """Selects paths for every peer of the policy that runs; peer_states is what it knows."""

    def __init__(
        self,
        probes: ProbeSet,
        steer: Callable[[Steering], None],
        journal: DecisionJournal,
        clock: Callable[[], Moment],
    ) -> None:
        self._probes = probes
        self._steer = steer
        self._journal = journal
        self._clock = clock
        self._policy: EdgePolicy | None = None
        self._classes: tuple[TrafficClass, ...] = ()
        self.peer_states: dict[DeviceName, PeerState] = {}
        self.changed = asyncio.Event()
        self.drained: frozenset[CircuitName] = frozenset()
        self._bare = False
        self.pause_s = 0.0
        self.listener: SelectionListener | None = None

    @property
    def steering(self) -> Steering:
        """Return the paths that the present decisions take."""
        return evaluate.steering(self.peer_states, bare=self._bare)

    @property
    def memories(self) -> Mapping[ClassKey, Memory]:
        """Return what must be remembered over this daemon's end."""
        return {
            (peer, service): memory
            for peer, state in self.peer_states.items()
            for service, memory in state.memories.items()
        }

    def set_policy(self, policy: EdgePolicy | None, memories: Mapping[ClassKey, Memory]) -> None:
        """Decide for a policy from now on; what is known of paths that stay is kept."""
        now_s = self._clock().monotonic_s
        kept = self.peer_states
        self._policy = policy
        self._classes = evaluate.classes_to_decide(policy) if policy else ()
        self.peer_states = {}
        for peer in policy.peers if policy else ():
            own = {service: m for (device, service), m in memories.items() if device == peer.device}
            fresh = evaluate.initial(peer, now_s, own)
            self.peer_states[peer.device] = _continued(fresh, kept.get(peer.device), peer)

    def drain(self, circuits: Collection[CircuitName], *, bare: bool) -> None:
        """Send nothing over some circuits while there are others, and with bare no care tunnel."""
        self.drained, before = frozenset(circuits), self._bare
        self._bare = bare
        # Decisions follow at once.
        self.peer_states = {
            device: replace(state, snapshots={}) for device, state in self.peer_states.items()
        }
        if bare != before and self._policy is not None:
            self._steer(self.steering)

    def answered_sent_s(self, key: PathKey) -> float:
        """Return when the newest test packet that was answered on a path had been sent."""
        return self._probes.answered_sent_s(key)

    def set_live_calls(self, live: frozenset[DeviceName]) -> None:
        """Set the peers that a consultation is going on with."""
        for device, state in self.peer_states.items():
            if state.consultation != (device in live):
                # Paces and copies follow at once.
                changed = replace(state, consultation=device in live, snapshots={})
                self.peer_states[device] = changed

    def select_paths(self) -> None:
        """Read the probes, decide, and move what must move; pause_s is how soon to do it again."""
        self.pause_s = CALM_S
        if self._policy is None:
            return
        changes: list[PathChange] = []
        for peer in self._policy.peers:
            changes += self._peer(peer)
        if changes:
            self._move(changes)
        if any(evaluate.needs_fast_polling(state) for state in self.peer_states.values()):
            self.pause_s = QUICK_S

    def _peer(self, peer: Peer) -> tuple[PathChange, ...]:
        now_s = self._clock().monotonic_s
        before = self.peer_states[peer.device]
        measured = self._measured(peer, before, now_s)
        state = evaluate.with_measurements(before, measured)
        if self.listener is not None:
            for name, measurement in measured.items():
                self.listener.on_measured(peer.device, name, measurement, state.healths[name])
        for path in peer.paths:
            if not self._probes.can_measure((peer.device, path.name)):
                state = evaluate.without_path(state, path.name)
        state, changes = evaluate.evaluate(peer, self._classes, state, now_s, self.drained)
        self.peer_states[peer.device] = state
        if state.decisions is not before.decisions:
            paces = pacing.probe_intervals_s(peer, state)
            self._probes.pace({(peer.device, name): pace for name, pace in paces.items()})
        return changes

    def _measured(
        self, peer: Peer, state: PeerState, now_s: float
    ) -> Mapping[PathName, Measurement]:
        measured = {}
        for path in peer.paths:
            key = (peer.device, path.name)
            rare = (self._probes.pace_s(key) or 0.0) > pacing.PATH_PROBE_S
            if rare and now_s - state.healths[path.name].at_s < RARELY_S:
                continue
            if (measurement := self._probes.measure(key)) is not None:
                measured[path.name] = measurement
        return measured

    def _move(self, changes: list[PathChange]) -> None:
        """Move traffic in one exchange with the kernel, then write down why."""
        self._steer(self.steering)
        self.changed.set()
        unix_s = self._clock().unix_s
        self._journal.write(tuple(_entry(change, unix_s) for change in changes))
        if self.listener is not None:
            self.listener.on_moved(changes)


def _continued(fresh: PeerState, kept: PeerState | None, peer: Peer) -> PeerState:
    """Return a new state with the health of those paths that it shares with the one before."""
    if kept is None:
        return fresh
    healths = {
        path.name: kept.healths[path.name]
        for path in peer.paths
        if path.name in kept.healths and kept.healths[path.name].medium is path.medium
    }
    return replace(fresh, healths={**fresh.healths, **healths}, consultation=kept.consultation)


def _entry(change: PathChange, unix_s: float) -> JournalRecord:
    decision = change.decision
    return JournalRecord(
        unix_s,
        "decision",
        decision.reason,
        peer=change.peer,
        service=change.service,
        path=decision.path,
        second=decision.second,
        before=change.before,
    )
