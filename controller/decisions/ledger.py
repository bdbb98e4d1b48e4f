"""The incidents while one decision works on them: opened, changed, merged, ended, and noticed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from controller.diagnosis.finding import Finding
from controller.incidents.model import (
    SEVERITIES,
    Cause,
    ChangeKind,
    Effect,
    Incident,
    IncidentChange,
    IncidentState,
    Notice,
    NoticeKind,
    Severity,
    Subject,
)
from controller.incidents.policy import Policy
from controller.incidents.sentences import Language, sentence, title
from controller.incidents.view import NetworkView

_GRAVE: Final = frozenset({Effect.CUT_OFF, Effect.BLIND})
_MILD: Final = frozenset({Cause.SATELLITE_HANDOVER})


class Ledger:
    """Incidents by number, with what is to be written down and sent."""

    def __init__(
        self, state: IncidentState, network: NetworkView, now_s: float, policy: Policy
    ) -> None:
        self.incidents = dict(state.incidents)
        self.changes: list[IncidentChange] = []
        self.notices: list[Notice] = []
        self.next_number = state.next_number
        self.now_s, self.policy, self._network = now_s, policy, network
        self._consultations = state.consultations
        self.dead: frozenset[str] = frozenset()

    def open(self) -> list[Incident]:
        """Return the incidents that go on, the oldest first."""
        return [i for _, i in sorted(self.incidents.items()) if i.open]

    def put(self, incident: Incident) -> Incident:
        """Keep an incident as it is now."""
        self.incidents[incident.number] = incident
        return incident

    def tell(self, incident: Incident, kind: ChangeKind, words: str, by: str = "") -> None:
        """Write an entry into an incident's timeline."""
        self.changes.append(IncidentChange(incident.number, self.now_s, kind, words, by))

    def create(self, finding: Finding, split_from: int | None = None) -> Incident:
        """Open an incident for a finding; its notice is due."""
        made = Incident(
            number=self.next_number,
            root=finding.root,
            root_id=self._network.identities.get(finding.root, ""),
            cause=finding.cause,
            effect=finding.effect,
            severity=Severity.INFO,
            opened_s=self.now_s,
            changed_s=self.now_s,
            split_from=split_from,
            pending=True,
        )
        self.next_number += 1
        made = self.put(self.refreshed(made, [finding]))
        self.tell(made, ChangeKind.OPENED, made.sentence)
        return made

    def reopen(self, incident: Incident, finding: Finding) -> Incident:
        """Open again what ended a little while ago."""
        again = replace(
            incident,
            ended_s=None,
            end_reason="",
            clear_s=None,
            reopened=incident.reopened + 1,
            reopened_s=self.now_s,
            changed_s=self.now_s,
            noticed=False,
            pending=True,
        )
        again = self.put(self.refreshed(again, [finding]))
        self.tell(again, ChangeKind.REOPENED, again.sentence)
        return again

    def separate(self, incident: Incident, finding: Finding) -> Incident:
        """Open again what was merged into another incident, but is none of its consequences."""
        whole = incident.merged_into
        again = replace(incident, ended_s=None, end_reason="", merged_into=None, clear_s=None)
        again = replace(again, changed_s=self.now_s, split_from=whole, pending=True)
        again = self.put(self.refreshed(again, [finding]))
        self.tell(again, ChangeKind.SPLIT, f"no part of incident {whole}: {again.sentence}")
        return again

    def refreshed(self, incident: Incident, findings: Iterable[Finding]) -> Incident:
        """Return an incident with what its findings say now."""
        found = list(findings)
        worst = max(found, key=lambda f: SEVERITIES.index(_severity(f.cause, f.effect)))
        first = next((f for f in found if f.root == incident.root), found[0])
        sites = tuple(sorted({site for f in found for site in f.sites}))
        renewed = replace(
            incident,
            cause=first.cause,
            effect=worst.effect,
            severity=_severity(worst.cause, worst.effect),
            members=tuple(sorted({m for f in found for m in f.members})),
            sites=sites,
            cut_off=tuple(sorted({site for f in found for site in f.cut_off})),
            consultations=self._consultations_at(frozenset(sites)),
            evidence=tuple(dict.fromkeys(words for f in found for words in f.evidence)),
            maintained=all(f.maintained for f in found),
            hidden=False,
            clear_s=None,
        )
        return renewed if _same_words(incident, renewed) else self._worded(renewed)

    def _worded(self, incident: Incident) -> Incident:
        """Return an incident with whom it hurts counted, and its sentence."""
        facts = [self._network.sites[site] for site in incident.sites]
        return replace(
            incident,
            facilities=sum(site.facilities for site in facts),
            people=sum(site.people for site in facts),
            sentence=title(incident, self._network, self.dead),
        )

    def update(self, incident: Incident, findings: Iterable[Finding]) -> Incident:
        """Keep an incident with what its findings say now, and tell of what turned."""
        renewed = self.refreshed(incident, findings)
        if renewed.root == incident.root and not _turned(incident, renewed):
            return self.put(renewed)
        worse = SEVERITIES.index(renewed.severity) > SEVERITIES.index(incident.severity)
        kind = ChangeKind.ESCALATED if worse else ChangeKind.CHANGED
        renewed = self.put(replace(renewed, changed_s=self.now_s))
        self.tell(renewed, kind, renewed.sentence)
        if worse:
            self.announce(renewed, NoticeKind.ESCALATED)
        elif renewed.cause is not incident.cause:
            self.announce(renewed, NoticeKind.CHANGED)
        return self.incidents[renewed.number]

    def announce(self, incident: Incident, kind: NoticeKind) -> None:
        """Send a notice of an incident that was noticed before, unless it is to be quiet now."""
        if not incident.noticed or incident.pending:
            return
        if self.is_quiet(incident):
            self.put(replace(incident, pending=True))
        else:
            self._notice(incident, kind)

    def announce_pending(self, incident: Incident) -> None:
        """Send the notice that waited, when nothing keeps it back any more."""
        if self.is_quiet(incident):
            self.put(replace(incident, pending=True))
        elif incident.pending:
            kind = NoticeKind.CHANGED if incident.noticed else NoticeKind.OPENED
            self._notice(replace(incident, pending=False, noticed=True), kind)

    def is_quiet(self, incident: Incident) -> bool:
        """Return whether an incident is muted or under maintenance."""
        muted = incident.muted_until_s is not None and self.now_s < incident.muted_until_s
        return muted or incident.maintained

    def end(self, incident: Incident, reason: str, by: str = "") -> Incident:
        """End an incident; who got its opening gets its end, quiet or not."""
        ended = replace(
            incident, ended_s=self.now_s, changed_s=self.now_s, end_reason=reason, pending=False
        )
        self.put(ended)
        self.tell(ended, ChangeKind.ENDED, reason, by)
        if ended.noticed:
            self._notice(ended, NoticeKind.ENDED)
        return ended

    def merge(self, one: Incident, other: Incident, by: str = "") -> Incident:
        """Merge two incidents: the older number lives, acknowledgements and notices are kept."""
        kept, gone = sorted((one, other), key=lambda i: i.number)
        acked = kept if kept.acknowledged_by else gone
        kept = replace(
            kept,
            acknowledged_by=acked.acknowledged_by,
            acknowledged_s=acked.acknowledged_s,
            assigned_to=kept.assigned_to or gone.assigned_to,
            noticed=kept.noticed or gone.noticed,
            pending=kept.pending and not gone.noticed,
            changed_s=self.now_s,
        )
        self.put(
            replace(
                gone,
                ended_s=self.now_s,
                merged_into=kept.number,
                end_reason="merged",
                pending=False,
            )
        )
        self.tell(gone, ChangeKind.MERGED, f"merged into incident {kept.number}", by)
        self.tell(kept, ChangeKind.MERGED, f"incident {gone.number} merged into this", by)
        return self.put(kept)

    def _notice(self, incident: Incident, kind: NoticeKind) -> None:
        sent = self.put(replace(incident, sequence=incident.sequence + 1))
        network, dead = self._network, self.dead
        self.notices.append(
            Notice(
                kind=kind,
                incident=sent,
                created_s=self.now_s,
                region=network.region_of(sent.root),
                title=title(sent, network, dead),
                title_fr=title(sent, network, dead, Language.FRENCH),
                sentence=sentence(sent, network, dead),
                sentence_fr=sentence(sent, network, dead, Language.FRENCH),
            )
        )

    def _consultations_at(self, sites: frozenset[str]) -> tuple[str, ...]:
        running = (c for c in self._consultations.values() if c.running)
        return tuple(sorted(c.name for c in running if not sites.isdisjoint(c.sites)))


def _severity(cause: Cause, effect: Effect) -> Severity:
    if effect in _GRAVE:
        return Severity.CRITICAL
    return Severity.INFO if cause in _MILD else Severity.WARNING


def _same_words(before: Incident, now: Incident) -> bool:
    """Return whether the sentence of an incident still holds."""
    same = before.root == now.root and before.consultations == now.consultations
    return bool(now.sentence) and same and not _turned(before, now)


def _turned(before: Incident, now: Incident) -> bool:
    """Return whether an incident differs in what its timeline tells."""
    return (before.cause, before.effect, before.severity, before.sites, before.cut_off) != (
        now.cause,
        now.effect,
        now.severity,
        now.sites,
        now.cut_off,
    )


def by_root(incidents: Iterable[Incident]) -> Mapping[Subject, Incident]:
    """Return incidents by their roots, and by those that persons merged into them."""
    found: dict[Subject, Incident] = {}
    for incident in incidents:
        for root in (incident.root, *incident.joined):
            found.setdefault(root, incident)
    return found
