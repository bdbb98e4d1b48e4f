"""What persons do to incidents. An end wins over an acknowledgement; what fails is not resolved."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from controller.decisions.ledger import Ledger
from controller.diagnosis.diagnose import Diagnosis
from controller.incidents.model import (
    Act,
    ActKind,
    ChangeKind,
    Incident,
    Refusal,
    Subject,
)

# Renamings and merges may follow each other, but never in a circle.
_MOST_MERGES: Final = 100


class ActRefusedError(Exception):
    """An act cannot be done; the message says why and what to do instead."""


def do_acts(ledger: Ledger, diagnosis: Diagnosis, acts: tuple[Act, ...]) -> tuple[Refusal, ...]:
    """Do what persons ask for, in order; return what was refused."""
    refusals = []
    for act in acts:
        try:
            incident = _meant(ledger.incidents, act.incident)
            _DOERS[act.kind](ledger, diagnosis, incident, act)
        except ActRefusedError as refused:
            refusals.append(Refusal(act, str(refused)))
    return tuple(refusals)


def _meant(incidents: Mapping[int, Incident], number: int) -> Incident:
    """Return the incident of a number, or the one that it was merged into."""
    for _ in range(_MOST_MERGES):
        incident = incidents.get(number)
        if incident is None:
            break
        if incident.merged_into is None:
            return incident
        number = incident.merged_into
    raise ActRefusedError(f"there is no incident {number} that may still change; list them first")


def _open(incident: Incident) -> Incident:
    if not incident.open:
        raise ActRefusedError(f"incident {incident.number} has ended: {incident.end_reason}")
    return incident


def _acknowledge(ledger: Ledger, _: Diagnosis, incident: Incident, act: Act) -> None:
    taken = replace(_open(incident), acknowledged_by=act.by, acknowledged_s=act.at_s)
    _put(ledger, taken, act, f"{act.by} acknowledged it{_said(act)}")


def _unacknowledge(ledger: Ledger, _: Diagnosis, incident: Incident, act: Act) -> None:
    left = replace(_open(incident), acknowledged_by="", acknowledged_s=None)
    _put(ledger, left, act, f"{act.by} gave it back{_said(act)}")


def _assign(ledger: Ledger, _: Diagnosis, incident: Incident, act: Act) -> None:
    given = replace(_open(incident), assigned_to=act.text)
    _put(ledger, given, act, f"{act.by} assigned it to {act.text or 'nobody'}")


def _comment(ledger: Ledger, _: Diagnosis, incident: Incident, act: Act) -> None:
    _put(ledger, incident, act, act.text)


def _mute(ledger: Ledger, _: Diagnosis, incident: Incident, act: Act) -> None:
    if act.until_s is None or act.until_s <= ledger.now_s:
        raise ActRefusedError("say until when to mute, a time to come")
    muted = replace(_open(incident), muted_until_s=act.until_s)
    _put(ledger, muted, act, f"{act.by} muted it{_said(act)}")


def _unmute(ledger: Ledger, _: Diagnosis, incident: Incident, act: Act) -> None:
    _put(
        ledger,
        replace(_open(incident), muted_until_s=None),
        act,
        f"{act.by} ended the mute{_said(act)}",
    )


def _resolve(ledger: Ledger, diagnosis: Diagnosis, incident: Incident, act: Act) -> None:
    _open(incident)
    failing = [r for r in (incident.root, *incident.joined) if not _seen_well(diagnosis, r)]
    if failing:
        raise ActRefusedError(
            f"{failing[0].name} still fails, so incident {incident.number} goes on; mute it instead"
        )
    ledger.end(incident, f"{act.by} resolved it", act.by)


def _seen_well(diagnosis: Diagnosis, root: Subject) -> bool:
    return root not in diagnosis.findings and diagnosis.is_well(root)


def _merge(ledger: Ledger, _: Diagnosis, incident: Incident, act: Act) -> None:
    if act.other is None:
        raise ActRefusedError("name the incident to merge with")
    one, other = _open(incident), _open(_meant(ledger.incidents, act.other))
    if one.number == other.number:
        raise ActRefusedError(f"incidents {act.incident} and {act.other} are the same already")
    kept = ledger.merge(one, other, act.by)
    roots = dict.fromkeys((kept.root, one.root, *one.joined, other.root, *other.joined))
    ledger.put(replace(kept, joined=tuple(roots)[1:]))


def _split(ledger: Ledger, diagnosis: Diagnosis, incident: Incident, act: Act) -> None:
    """Take merged roots out into incidents of their own, which are noticed."""
    taken = [root for root in _open(incident).joined if root in act.subjects]
    if not taken:
        joined = ", ".join(root.name for root in incident.joined) or "nothing"
        raise ActRefusedError(f"only what was merged can be split off; here that is {joined}")
    left = tuple(root for root in incident.joined if root not in taken)
    names = ", ".join(root.name for root in taken)
    _put(ledger, replace(incident, joined=left), act, f"{act.by} split {names} off")
    for root in taken:
        if root in diagnosis.findings:
            part = ledger.create(diagnosis.findings[root], incident.number)
            ledger.announce_pending(part)


def _said(act: Act) -> str:
    """Return what a person wrote beside an act."""
    return f": {act.text}" if act.text else ""


def _put(ledger: Ledger, incident: Incident, act: Act, words: str) -> None:
    ledger.put(replace(incident, changed_s=ledger.now_s))
    ledger.tell(incident, ChangeKind.ACT, words, act.by)


_Doer = Callable[[Ledger, Diagnosis, Incident, Act], None]
_DOERS: Final[Mapping[ActKind, _Doer]] = {
    ActKind.ACKNOWLEDGE: _acknowledge,
    ActKind.UNACKNOWLEDGE: _unacknowledge,
    ActKind.ASSIGN: _assign,
    ActKind.COMMENT: _comment,
    ActKind.MUTE: _mute,
    ActKind.UNMUTE: _unmute,
    ActKind.RESOLVE: _resolve,
    ActKind.MERGE: _merge,
    ActKind.SPLIT: _split,
}
