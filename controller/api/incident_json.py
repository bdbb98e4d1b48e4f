"""Incidents as the API, the stream and the command line show them, within a reader's scope."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from controller.api.context import Viewer
from controller.incidents.model import Incident, IncidentChange, MaintenanceWindow, Subject
from controller.incidents.sentences import incident_title


def incident_json(incident: Incident, reader: Viewer) -> dict[str, Any]:
    """Return an incident; it names its cause, and of sites only those that the reader may see."""
    sites = [site for site in incident.sites if site in reader.sites]
    return {
        "number": incident.number,
        "state": incident_state(incident, reader.context.now()),
        "title": incident_title(incident, "en"),
        "title_fr": incident_title(incident, "fr"),
        "sentence": incident.sentence,
        "root": subject_json(incident.root),
        "cause": incident.cause.value,
        "effect": incident.effect.value,
        "severity": incident.severity.value,
        "opened_at": rfc3339(incident.opened_s),
        "changed_at": rfc3339(incident.changed_s),
        "ended_at": rfc3339(incident.ended_s),
        "end_reason": incident.end_reason,
        "sites": sites,
        "cut_off": [site for site in incident.cut_off if site in reader.sites],
        **_hurt(sites, reader),
        "consultations": _consultations(incident, reader),
        "evidence": list(incident.evidence),
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_at": rfc3339(incident.acknowledged_s),
        "assigned_to": incident.assigned_to,
        "muted_until": rfc3339(incident.muted_until_s),
        "maintenance": incident.maintained,
        "merged_into": incident.merged_into,
    }


def incident_state(incident: Incident, now_s: float) -> str:
    """Return in a word how far an incident is."""
    if not incident.open:
        return "ended"
    if incident.muted_until_s is not None and incident.muted_until_s > now_s:
        return "muted"
    return "acknowledged" if incident.acknowledged_by else "open"


def change_json(change: IncidentChange) -> dict[str, Any]:
    """Return an entry of a timeline."""
    return {
        "at": rfc3339(change.at_s),
        "kind": change.kind.value,
        "by": change.by,
        "sentence": change.sentence,
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


def rfc3339(at_s: float | None) -> str | None:
    """Return an instant in UTC, to the second."""
    if at_s is None:
        return None
    text = datetime.fromtimestamp(at_s, tz=UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


def _hurt(sites: Sequence[str], reader: Viewer) -> dict[str, int]:
    """Return how many facilities and people the sites have that the reader may see."""
    there = [reader.context.intent.sites[site] for site in sites]
    return {
        "facilities": sum(len(site.facilities) for site in there),
        "people": sum(site.population or 0 for site in there),
    }


def _consultations(incident: Incident, reader: Viewer) -> list[str]:
    known = reader.context.incidents.current().consultations
    return [
        name for name in incident.consultations if name in known and reader.sees(known[name].sites)
    ]
