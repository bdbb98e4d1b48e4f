"""The fast part of the daemon: reads the gauges, decides, moves traffic, sets the paces."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from edge.clock import Moment
from edge.forwarding.steering import Steering
from edge.policy.model import ClassKey, EdgePolicy, Peer, TrafficClass
from edge.probes.probe_set import Gauges
from edge.selection import evaluate, pacing
from edge.selection.evaluate import Change, Mind
from edge.storage.journal import Entry, Journal
from inventory.model import CircuitName, DeviceName
from policies.decide import Memory
from topology.quality.health import Measurement, PathName

# How often the gauges are read while a consultation runs or a path is in doubt, and otherwise;
# those of paths that are probed more rarely are read more rarely, too.
QUICK_S: Final = 0.01
CALM_S: Final = 0.1
RARELY_S: Final = 0.5


class Pilot:
    """Holds what is known about every peer of the policy that runs."""

    def __init__(
        self,
        gauges: Gauges,
        steer: Callable[[Steering], None],
        journal: Journal,
        clock: Callable[[], Moment],
    ) -> None:
        self._gauges = gauges
        self._steer = steer
        self._journal = journal
        self._clock = clock
        self._policy: EdgePolicy | None = None
        self._classes: tuple[TrafficClass, ...] = ()
        self.minds: dict[DeviceName, Mind] = {}
        self.changed = asyncio.Event()
        self.drained: frozenset[CircuitName] = frozenset()
        self._bare = False

    @property
    def steering(self) -> Steering:
        """Return the ways that the present decisions are."""
        return evaluate.steering(self.minds, bare=self._bare)

    @property
    def memories(self) -> Mapping[ClassKey, Memory]:
        """Return what must be remembered over this daemon's end."""
        return {
            (peer, service): memory
            for peer, mind in self.minds.items()
            for service, memory in mind.memories.items()
        }

    def take(self, policy: EdgePolicy | None, memories: Mapping[ClassKey, Memory]) -> None:
        """Decide for a policy from now on; what is known of paths that stay is kept."""
        now_s = self._clock().monotonic_s
        kept = self.minds
        self._policy = policy
        self._classes = evaluate.classes_to_decide(policy) if policy else ()
        self.minds = {}
        for peer in policy.peers if policy else ():
            own = {service: m for (device, service), m in memories.items() if device == peer.device}
            fresh = evaluate.blank(peer, now_s, own)
            self.minds[peer.device] = _continued(fresh, kept.get(peer.device), peer)

    def divert(self, circuits: Collection[CircuitName], *, bare: bool) -> None:
        """Send nothing over some circuits while there are others, and with bare no care tunnel."""
        self.drained, before = frozenset(circuits), self._bare
        self._bare = bare
        # Decisions follow at once.
        self.minds = {device: replace(mind, sights={}) for device, mind in self.minds.items()}
        if bare != before and self._policy is not None:
            self._steer(self.steering)

    def consult(self, live: frozenset[DeviceName]) -> None:
        """Take note of the peers that a consultation is going on with."""
        for device, mind in self.minds.items():
            if mind.consultation != (device in live):
                # Paces and copies follow at once.
                changed = replace(mind, consultation=device in live, sights={})
                self.minds[device] = changed

    def tick(self) -> float:
        """Read the gauges, decide and move what must move; return the seconds until the next."""
        if self._policy is None:
            return CALM_S
        changes: list[Change] = []
        for peer in self._policy.peers:
            changes += self._peer(peer)
        if changes:
            self._move(changes)
        doubt = any(evaluate.in_doubt(mind) for mind in self.minds.values())
        return QUICK_S if doubt else CALM_S

    def _peer(self, peer: Peer) -> tuple[Change, ...]:
        now_s = self._clock().monotonic_s
        before = self.minds[peer.device]
        mind = evaluate.folded(before, self._measured(peer, before, now_s))
        for path in peer.paths:
            if not self._gauges.can_measure((peer.device, path.name)):
                mind = evaluate.without(mind, path.name)
        mind, changes = evaluate.considered(peer, self._classes, mind, now_s, self.drained)
        self.minds[peer.device] = mind
        if mind.decisions is not before.decisions:
            paces = pacing.paces(peer, mind)
            self._gauges.pace({(peer.device, name): pace for name, pace in paces.items()})
        return changes

    def _measured(self, peer: Peer, mind: Mind, now_s: float) -> Mapping[PathName, Measurement]:
        measured = {}
        for path in peer.paths:
            key = (peer.device, path.name)
            rare = (self._gauges.pace_s(key) or 0.0) > pacing.IDLE_S
            if rare and now_s - mind.healths[path.name].at_s < RARELY_S:
                continue
            if (measurement := self._gauges.measure(key)) is not None:
                measured[path.name] = measurement
        return measured

    def _move(self, changes: list[Change]) -> None:
        """Move traffic in one exchange with the kernel, then write down why."""
        self._steer(self.steering)
        self.changed.set()
        unix_s = self._clock().unix_s
        self._journal.write(tuple(_entry(change, unix_s) for change in changes))


def _continued(fresh: Mind, kept: Mind | None, peer: Peer) -> Mind:
    """Return a fresh mind with the health of those paths that it shares with the one before."""
    if kept is None:
        return fresh
    healths = {
        path.name: kept.healths[path.name]
        for path in peer.paths
        if path.name in kept.healths and kept.healths[path.name].medium is path.medium
    }
    return replace(fresh, healths={**fresh.healths, **healths}, consultation=kept.consultation)


def _entry(change: Change, unix_s: float) -> Entry:
    decision = change.decision
    return Entry(
        unix_s,
        "decision",
        decision.reason,
        peer=change.peer,
        service=change.service,
        path=decision.path,
        second=decision.second,
        before=change.before,
    )
