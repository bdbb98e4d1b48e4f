"""Incidents as the API, the stream and the command line show them, within a reader's scope."""

from dataclasses import replace
from typing import Any, Final

from controller.api.context import Viewer
from controller.api.instants import rfc3339
from controller.incidents.french import in_french
from controller.incidents.model import (
    ChangeKind,
    Health,
    Incident,
    IncidentChange,
    MaintenanceWindow,
    Subject,
    SubjectKind,
)
from controller.incidents.sentences import Language, sentence, title


def incident_json(incident: Incident, reader: Viewer) -> dict[str, Any]:
    """Return an incident; it names its cause, and counts only what the reader may see."""
    seen, network = narrowed(incident, reader), reader.context.network
    dead = dead_circuits(reader)
    return {
        "number": seen.number,
        "state": incident_state(seen, reader.context.now()),
        "title": title(seen, network, dead),
        "title_fr": title(seen, network, dead, Language.FRENCH),
        "sentence": sentence(seen, network, dead),
        "sentence_fr": sentence(seen, network, dead, Language.FRENCH),
        "root": subject_json(seen.root),
        "cause": seen.cause.value,
        "effect": seen.effect.value,
        "severity": seen.severity.value,
        **{f"{name}_at": rfc3339(getattr(seen, f"{name}_s")) for name in _INSTANTS},
        "end_reason": seen.end_reason,
        "evidence_fr": list(map(in_french, seen.evidence)),
        **{name: getattr(seen, name) for name in _COPIED},
        **{name: list(getattr(seen, name)) for name in _LISTS},
        "muted_until": rfc3339(seen.muted_until_s),
        "maintenance": seen.maintained,
    }


_INSTANTS: Final = ("opened", "changed", "ended", "acknowledged")
_COPIED: Final = ("facilities", "people", "acknowledged_by", "assigned_to", "merged_into")
_LISTS: Final = ("sites", "cut_off", "consultations", "evidence")


def narrowed(incident: Incident, reader: Viewer) -> Incident:
    """Return an incident as far as the reader may see it."""
    sites = tuple(site for site in incident.sites if site in reader.sites)
    if sites == incident.sites:
        return incident
    known = reader.context.incidents.current().consultations
    there = [reader.context.intent.sites[site] for site in sites]
    return replace(
        incident,
        sites=sites,
        cut_off=tuple(site for site in incident.cut_off if site in reader.sites),
        facilities=sum(len(site.facilities) for site in there),
        people=sum(site.population or 0 for site in there),
        consultations=tuple(
            name
            for name in incident.consultations
            if name in known and reader.sees(known[name].sites)
        ),
    )


def dead_circuits(reader: Viewer) -> frozenset[str]:
    """Return the circuits that are down now."""
    healths = reader.context.incidents.current().health
    return frozenset(
        subject.name
        for subject, health in healths.items()
        if subject.kind is SubjectKind.CIRCUIT and health is Health.DOWN
    )


def incident_state(incident: Incident, now_s: float) -> str:
    """Return in a word how far an incident is."""
    if not incident.open:
        return "ended"
    if incident.muted_until_s is not None and incident.muted_until_s > now_s:
        return "muted"
    return "acknowledged" if incident.acknowledged_by else "open"


def change_json(change: IncidentChange, *, whole: bool) -> dict[str, Any]:
    """Return an entry of a timeline; what counts other people's sites is left out unless whole."""
    said = change.sentence if whole or change.kind is ChangeKind.ACT else ""
    # What a person wrote stays as it is; what was done begins with who did it.
    own = change.kind is ChangeKind.ACT and not said.startswith(f"{change.by} ")
    return {
        "at": rfc3339(change.at_s),
        "kind": change.kind.value,
        "by": change.by,
        "sentence": said,
        "sentence_fr": said if own else in_french(said),
    }


def window_json(window: MaintenanceWindow) -> dict[str, Any]:
    """Return a maintenance window."""
    return {
        "name": window.name,
        "subjects": [subject_json(subject) for subject in window.subjects],
        "recurrence": window.recurrence.value,
        "zone": window.zone,
        "first_day": window.first_day,
        "begins": window.begins,
        "ends": window.ends,
        "reason": window.reason,
        "by": window.by,
    }


def subject_json(subject: Subject) -> dict[str, str]:
    """Return what something is and its name."""
    return {"kind": subject.kind.value, "name": subject.name}
