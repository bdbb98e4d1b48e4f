"""The decision: state, network, news and time in; state, timeline and notices out. Nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from controller.decisions.acts import do_acts
from controller.decisions.excused import excused_words
from controller.decisions.fold import PastFault, fold_news
from controller.decisions.ledger import Ledger
from controller.decisions.reconcile import reconcile
from controller.decisions.renames import follow_intent
from controller.diagnosis.diagnose import Diagnosis, diagnose
from controller.diagnosis.health import health_changes, judge_health
from controller.incidents.model import (
    Act,
    Cause,
    ChangeKind,
    Effect,
    Incident,
    IncidentState,
    News,
    Outcome,
    Severity,
    Subject,
    SubjectKind,
)
from controller.incidents.policy import Policy
from controller.incidents.view import NetworkView
from controller.incidents.windows import next_turn_s

DEFAULT_POLICY: Final = Policy()


def decide(
    state: IncidentState,
    network: NetworkView,
    news: tuple[News, ...],
    now_s: float,
    policy: Policy = DEFAULT_POLICY,
) -> Outcome:
    """Return what is so after news; the same news in another order ends in the same."""
    followed, removed = follow_intent(state, network)
    folded, past = fold_news(followed, network, news, now_s)
    diagnosis = diagnose(folded, network, now_s, policy)
    ledger = Ledger(folded, network, now_s, policy)
    ledger.dead = diagnosis.scene.dead | diagnosis.scene.silent
    for incident in removed:
        ledger.end(incident, f"{incident.root.name} was removed from the intent")
    acts = tuple(item for item in news if isinstance(item, Act))
    refusals = do_acts(ledger, diagnosis, acts)
    work = reconcile(ledger, diagnosis, folded.found_s)
    _write_history(ledger, network, past)
    health = judge_health(diagnosis, network)
    turned = tuple(health_changes(folded.health, health, now_s))
    after = replace(
        folded,
        decided_s=now_s,
        shadow_s=_shadows(folded, diagnosis, now_s, policy),
        found_s=work.found_s,
        excused=excused_words(ledger, diagnosis),
        health=health,
        incidents=_kept(ledger.incidents, now_s, policy),
        next_number=ledger.next_number,
    )
    wakes_s = (*work.wakes_s, *_window_turns_s(folded, network, now_s))
    return Outcome(
        state=after,
        changes=tuple(ledger.changes),
        health_changes=turned,
        notices=tuple(ledger.notices),
        refusals=refusals,
        wake_s=min(wakes_s, default=None),
        touched=tuple(
            i for n, i in sorted(ledger.incidents.items()) if state.incidents.get(n) is not i
        ),
    )


def started(state: IncidentState, now_s: float) -> IncidentState:
    """Return a state as read after a start: only what is measured from now on opens incidents."""
    return replace(state, started_s=now_s, found_s={})


def _shadows(
    state: IncidentState, diagnosis: Diagnosis, now_s: float, policy: Policy
) -> Mapping[Subject, float]:
    """Return when subjects were last hidden; kept as long as an old measurement could mislead."""
    lasting_s = policy.unknown_s + policy.grace_s
    kept = {
        subject: at_s
        for subject, at_s in state.shadow_s.items()
        if subject.kind is SubjectKind.COLLECTOR or now_s - at_s < lasting_s
    }
    kept |= dict.fromkeys(diagnosis.hidden, now_s)
    lost = (Subject(SubjectKind.COLLECTOR, name) for name in diagnosis.scene.hearing.lost)
    return kept | dict.fromkeys(lost, now_s)


def _kept(
    incidents: Mapping[int, Incident], now_s: float, policy: Policy
) -> Mapping[int, Incident]:
    """Return the incidents that still go on, or that ended so recently that they may reopen."""
    return {
        number: incident
        for number, incident in incidents.items()
        if incident.ended_s is None or now_s - incident.ended_s <= policy.reopen_s
    }


def _window_turns_s(state: IncidentState, network: NetworkView, now_s: float) -> tuple[float, ...]:
    windows = (*network.windows, *state.windows.values())
    turns = (next_turn_s(window, now_s) for window in windows)
    return tuple(turn for turn in turns if turn is not None)


def _write_history(ledger: Ledger, network: NetworkView, past: tuple[PastFault, ...]) -> None:
    """Write down incidents that are over and that only replayed messages knew of; no notice."""
    for fault in past:
        if _is_known(ledger, fault):
            continue
        made = ledger.put(
            Incident(
                number=ledger.next_number,
                root=fault.subject,
                root_id=network.identities.get(fault.subject, ""),
                cause=Cause.UNKNOWN,
                effect=Effect.NONE,
                severity=Severity.INFO,
                opened_s=fault.began_s,
                changed_s=fault.ended_s,
                ended_s=fault.ended_s,
                end_reason="over before it was heard of",
                sentence=f"{fault.subject.name} was down while nobody could hear it",
                replayed=True,
            )
        )
        ledger.next_number += 1
        ledger.tell(made, ChangeKind.HISTORY, made.sentence)


def _is_known(ledger: Ledger, fault: PastFault) -> bool:
    """Return whether an incident covers a fault already."""
    for known in ledger.incidents.values():
        about = known.root == fault.subject or fault.subject in known.members
        ended_s = known.ended_s if known.ended_s is not None else ledger.now_s
        if about and known.opened_s <= fault.ended_s and ended_s >= fault.began_s:
            return True
    return False
