"""Findings against incidents: what opens, what is the same, what was taken wrongly, what ends."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from controller.decisions.ledger import Ledger, by_root
from controller.diagnosis.diagnose import Diagnosis
from controller.diagnosis.finding import Finding
from controller.incidents.model import (
    Cause,
    ChangeKind,
    Health,
    Incident,
    NoticeKind,
    Subject,
    SubjectKind,
)
from controller.incidents.policy import Policy

# Causes of what has failed, and of what works and does not work well.
_DEAD: Final = frozenset(
    {
        Cause.POWER_CUT,
        Cause.FIBRE_CUT,
        Cause.RADIO_LOST,
        Cause.ACCESS_LOST,
        Cause.OPERATOR_FAULT,
        Cause.DEVICE_FAULT,
    }
)
_LIVE: Final = frozenset(
    {
        Cause.ON_BATTERY,
        Cause.DEVICE_AILING,
        Cause.CONGESTION,
        Cause.POOR_QUALITY,
        Cause.ROUTING_LOST,
        Cause.SATELLITE_HANDOVER,
    }
)


@dataclass(slots=True)
class Reconciliation:
    """What the next decision needs: since when roots were found, and when to decide again."""

    found_s: dict[Subject, float] = field(default_factory=dict)
    wakes_s: list[float] = field(default_factory=list)


def reconcile(
    ledger: Ledger, diagnosis: Diagnosis, found_s: Mapping[Subject, float]
) -> Reconciliation:
    """Bring the incidents of a ledger in line with a diagnosis."""
    work = _Work(ledger, diagnosis, found_s)
    work.absorb_children()
    work.correct_roots()
    work.update_known()
    work.open_new()
    work.settle_rest()
    return work.result


class _Work:
    """One reconciliation."""

    def __init__(
        self, ledger: Ledger, diagnosis: Diagnosis, found_s: Mapping[Subject, float]
    ) -> None:
        self._ledger, self._diagnosis = ledger, diagnosis
        self._findings, self._found_s = diagnosis.findings, found_s
        self._now_s, self._policy = ledger.now_s, ledger.policy
        self._slow = set[Subject]()
        self.result = Reconciliation()

    def absorb_children(self) -> None:
        """Move incidents to the root that explains them, if they began with it."""
        for incident in self._ledger.open():
            if self._own(incident):
                continue
            finding = next(self._explaining(incident), None)
            if finding is not None:
                self._move(incident, finding)

    def _explaining(self, incident: Incident) -> Iterator[Finding]:
        """Yield the findings of which an incident is a consequence seen early."""
        known, young = by_root(self._ledger.open()), self._is_young(incident)
        new = [f for f in self._findings.values() if f.root not in known]
        together = [f for f in self._findings.values() if self._began_together(incident, f)]
        if not young:
            whole = (f for f in new if f in together and incident.root in f.parts)
            self._slow |= {f.root for f in whole}
        sure = [f for f in new if young or (f in together and self._is_settled(f))]
        former = [f for f in sure if f.root in incident.former]
        if not young and self._left_behind(incident) is not None:
            former = []
        yield from (finding for finding in former if not finding.maintained)
        yield from (f for f in sure if incident.root in f.parts)
        if young:
            here = self._site_of(incident.root)
            around = (finding for finding in together if incident.root in finding.members)
            yield from sorted(around, key=lambda f: (f.maintained, self._site_of(f.root) != here))

    def _site_of(self, subject: Subject) -> str | None:
        return self._diagnosis.scene.network.site_of(subject)

    def _began_together(self, incident: Incident, finding: Finding) -> bool:
        """Return whether an incident began when a cause did; a young one by what it rests on."""
        times_s = [_began_s(incident)]
        if self._is_young(incident):
            since_s = self._diagnosis.scene.state.since_s
            times_s.append(since_s.get(incident.root, times_s[0]))
        return any(abs(at_s - finding.since_s) <= self._policy.merge_s for at_s in times_s)

    def _is_young(self, incident: Incident) -> bool:
        return self._now_s - _began_s(incident) <= self._policy.merge_s

    def _is_settled(self, finding: Finding) -> bool:
        """Return whether a finding has lasted long enough; old incidents follow no other."""
        return self._now_s >= self._due_s(finding)

    def _due_s(self, finding: Finding) -> float:
        """Return when a finding has lasted long enough; longer where it takes over an old incident.

        Routers of one site come back in turn, and a neighbour may have failed unheard.
        """
        found_s = self._found_s.get(finding.root, self._now_s)
        least_s = self._slow_s() if finding.root in self._slow else 0.0
        return found_s + max(finding.settle_s, least_s)

    def _slow_s(self) -> float:
        return self._policy.silent_s + self._policy.grace_s

    def correct_roots(self) -> None:
        """Give incidents whose root is well the part of them that is not."""
        for incident in self._ledger.open():
            if self._own(incident) or not self._diagnosis.is_well(incident.root):
                continue
            part = self._seen_badly(incident) if self._is_young(incident) else None
            left = None if part else self._left_behind(incident)
            if left is not None:
                self._slow.add(left.root)
                part = left if self._is_settled(left) else None
            if part is not None:
                self._move(incident, part)

    def _seen_badly(self, incident: Incident) -> Finding | None:
        """Return the part of a young incident that was its cause from the beginning."""
        part = next(self._parts(incident), None)
        return None if part is None or self._was_hidden(part.root) else part

    def _left_behind(self, incident: Incident) -> Finding | None:
        """Return a device that is still silent at a site that has come back."""
        if incident.root.kind is not SubjectKind.SITE:
            return None
        here = self._diagnosis.scene.network.devices_of(incident.root)
        return next((f for f in self._parts(incident) if _is_device_of(f, here)), None)

    def _parts(self, incident: Incident) -> Iterator[Finding]:
        known = by_root(self._ledger.open())
        for member in incident.members:
            finding = self._findings.get(member)
            if finding and finding.root not in known and not finding.maintained:
                yield finding

    def _was_hidden(self, root: Subject) -> bool:
        return root in self._diagnosis.scene.state.shadow_s

    def _move(self, incident: Incident, finding: Finding) -> None:
        """Give an incident another root, or merge it with the one that this root has."""
        other = by_root(self._ledger.open()).get(finding.root)
        kept = incident if other is None else self._ledger.merge(incident, other)
        former = tuple(dict.fromkeys((*kept.former, incident.root, kept.root)))
        moved = self._rooted(replace(kept, former=former), finding.root)
        words = f"the cause is {finding.root.name}, not {incident.root.name}"
        self._ledger.tell(moved, ChangeKind.CHANGED, words)
        renewed = self._ledger.update(moved, [finding])
        if renewed.sequence == moved.sequence and kept.root != finding.root:
            self._ledger.announce(renewed, NoticeKind.CHANGED)

    def update_known(self) -> None:
        """Keep every incident that its findings confirm up to date."""
        for incident in self._ledger.open():
            found = self._own(incident)
            if not found:
                continue
            renewed = self._ledger.update(self._with_live_root(incident, found), found)
            if self._is_due(renewed, found):
                self._ledger.announce_pending(renewed)

    def _with_live_root(self, incident: Incident, found: list[Finding]) -> Incident:
        """Return an incident whose own root is well under another of the roots merged into it."""
        if any(finding.root == incident.root for finding in found):
            return incident
        root = found[0].root
        left = tuple(other for other in incident.joined if other != root)
        return self._rooted(replace(incident, joined=left), root)

    def _rooted(self, incident: Incident, root: Subject) -> Incident:
        """Return an incident with a root."""
        identity = self._diagnosis.scene.network.identities.get(root, "")
        return replace(incident, root=root, root_id=identity)

    def _is_due(self, incident: Incident, found: list[Finding]) -> bool:
        """Return whether what waits may be sent; after a window the root is judged again."""
        if not incident.pending or incident.maintained:
            self._keep_waiting(incident)
            return not incident.pending
        waits = [f for f in found if f.root in self._found_s]
        times_s = [self._found_s[f.root] + f.settle_s for f in waits]
        if times_s and (due_s := min(times_s)) > self._now_s:
            self.result.wakes_s.append(due_s)
            self.result.found_s.update({f.root: self._found_s[f.root] for f in waits})
            return False
        return True

    def _keep_waiting(self, incident: Incident) -> None:
        if incident.maintained:
            self._ledger.put(replace(incident, pending=True))
            self.result.found_s[incident.root] = self._after_window_s()

    def _after_window_s(self) -> float:
        """Return from when on a root counts as found if its window ends now, as repairs end it."""
        return self._now_s + self._policy.grace_s

    def open_new(self) -> None:
        """Open an incident for every finding that has lasted long enough."""
        known = by_root(self._ledger.open())
        for root, finding in self._findings.items():
            if root in known:
                continue
            found_s = self._found_s.get(root, self._now_s)
            if self._is_remembered(finding):
                self.result.found_s[root] = self._after_window_s()
                continue
            self.result.found_s[root] = self._after_window_s() if finding.maintained else found_s
            due_s = self._due_s(finding)
            if not finding.maintained and self._now_s >= due_s:
                self._ledger.announce_pending(self._open(finding))
                del self.result.found_s[root]
            elif not finding.maintained:
                self.result.wakes_s.append(due_s)

    def _is_remembered(self, finding: Finding) -> bool:
        """Return whether a circuit is dead only by what was said before a collector was deaf.

        It is judged anew once somebody has asked those who said so; they may be dead themselves.
        """
        hearing, root = self._diagnosis.scene.hearing, finding.root
        circuit = self._diagnosis.scene.network.circuits.get(root.name)
        if root.kind is not SubjectKind.CIRCUIT or circuit is None:
            return False
        told = [d for d in circuit.devices if hearing.own_word(d, root.name) is Health.DOWN]
        return bool(told) and not any(map(hearing.is_asked_again, told))

    def _open(self, finding: Finding) -> Incident:
        again = self._recent(finding)
        if again is not None:
            return self._ledger.reopen(again, finding)
        apart = self._merged_wrongly(finding)
        if apart is not None:
            return self._ledger.separate(self._rooted(apart, finding.root), finding)
        parts = (i for i in self._ledger.open() if finding.root in i.members)
        whole = next((i.number for i in parts if self._diagnosis.is_well(i.root)), None)
        return self._ledger.create(finding, whole)

    def _merged_wrongly(self, finding: Finding) -> Incident | None:
        """Return the incident of a root that was taken for a part of another a little while ago.

        It may have had what failed with the root as its own root.
        """
        merged = (
            i
            for i in self._ledger.incidents.values()
            if i.merged_into is not None and i.root in (finding.root, *finding.parts)
            if self._now_s - (i.ended_s or 0.0) <= self._policy.merge_s
        )
        return max(merged, key=lambda i: i.number, default=None)

    def _recent(self, finding: Finding) -> Incident | None:
        """Return the incident of a root that ended within the time in which it may reopen."""
        at_root = (i for i in self._ledger.incidents.values() if i.root == finding.root)
        ended = (i for i in at_root if not i.open and not _is_aftermath(i, finding))
        recent = (
            i
            for i in ended
            if i.merged_into is None and not i.replayed
            if self._now_s - (i.ended_s or 0.0) <= self._policy.reopen_s
        )
        return max(recent, key=lambda i: i.number, default=None)

    def settle_rest(self) -> None:
        """End incidents whose root is well for long enough; mark those that cannot be judged."""
        for incident in self._ledger.open():
            if self._own(incident):
                self._wake_at_mute_end(incident)
            elif self._diagnosis.is_well(incident.root):
                if self._left_behind(incident) is None:
                    self._settle_end(incident)
            else:
                self._ledger.put(replace(incident, hidden=True, clear_s=None))

    def _settle_end(self, incident: Incident) -> None:
        clear_s = self._now_s if incident.clear_s is None else incident.clear_s
        least_s = self._slow_s() if self._is_partly_silent(incident.root) else 0.0
        ends_s = clear_s + max(clear_after_s(self._policy, incident), least_s)
        if self._now_s >= ends_s:
            self._ledger.end(replace(incident, clear_s=None), f"{incident.root.name} is well again")
            self._judge_aftermath(incident.root)
        else:
            self._ledger.put(replace(incident, clear_s=clear_s, hidden=False))
            self.result.wakes_s.append(ends_s)

    def _is_partly_silent(self, root: Subject) -> bool:
        """Return whether a device of a site that is back is silent, and may be found to be left."""
        if root.kind is not SubjectKind.SITE:
            return False
        known, scene = by_root(self._ledger.open()), self._diagnosis.scene
        silent = (d for d in scene.network.devices_of(root) if d in scene.silent)
        return any(Subject(SubjectKind.DEVICE, device) not in known for device in silent)

    def _judge_aftermath(self, root: Subject) -> None:
        """Give what is left at a root that failed the time to become an incident of its own."""
        if left := self._findings.get(root):
            self.result.found_s[root] = self._now_s
            self.result.wakes_s.append(self._now_s + left.settle_s)

    def _wake_at_mute_end(self, incident: Incident) -> None:
        if incident.muted_until_s is not None and incident.muted_until_s > self._now_s:
            self.result.wakes_s.append(incident.muted_until_s)

    def _own(self, incident: Incident) -> list[Finding]:
        roots = (incident.root, *incident.joined)
        found = [self._findings[root] for root in roots if root in self._findings]
        return [finding for finding in found if not _is_aftermath(incident, finding)]


def _is_aftermath(incident: Incident, finding: Finding) -> bool:
    """Return whether a finding shows what failed to work again, though not well yet.

    A fibre that comes back is up for a while before anything is routed over it: that is no other
    cause of the incident.
    """
    here = finding.root == incident.root
    return here and incident.cause in _DEAD and finding.cause in _LIVE


def _is_device_of(finding: Finding, devices: tuple[str, ...]) -> bool:
    return finding.root.kind is SubjectKind.DEVICE and finding.root.name in devices


def _began_s(incident: Incident) -> float:
    return max(incident.opened_s, incident.reopened_s)


def clear_after_s(policy: Policy, incident: Incident) -> float:
    """Return for how long a root must be well before its incident ends: longer if it flaps."""
    longer_s = policy.clear_s * policy.clear_factor ** min(incident.reopened, 20)
    return min(longer_s, policy.most_clear_s)
