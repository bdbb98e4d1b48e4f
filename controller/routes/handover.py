"""Routes of a shift's handover: what is open and whose it is, what comes next, who is on call."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from controller.api.context import Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.rights import needs
from controller.api.scope import sites_of, visible_incidents
from controller.consultations.model import Announcement, Standing
from controller.incidents.model import SEVERITIES, ChangeKind, Incident, MaintenanceWindow
from controller.incidents.windows import openings
from controller.notices.schedule import Shift, shifts
from controller.roles import Right
from controller.routes.incident_json import incident_json, window_json
from controller.wording import count

router: Final = APIRouter()
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
_HOUR_S: Final = 3_600.0
_TURNS: Final = timedelta(days=14)
# The timeline of an acknowledged incident in which nobody writes for so long is asked about.
FORGOTTEN_S: Final = 8 * _HOUR_S
_COPIED: Final = (
    "number", "severity", "state", "title", "title_fr", "opened_at", "ended_at", "sites", "people",
    "consultations", "acknowledged_by", "acknowledged_at", "assigned_to", "muted_until",
    "maintenance",
)  # fmt: skip


@router.get("/handover", openapi_extra=needs(Right.LOOK))
def hand_over(
    reader: Reader, hours: Annotated[int, Query(ge=1, le=72, description="of a shift")] = 12
) -> dict[str, Any]:
    """Return what the next shift must know: incidents, windows and consultations of some hours."""
    now_s = reader.context.now()
    until_s = now_s + hours * _HOUR_S
    every = visible_incidents(reader, ended=True)
    open_ones = [_incident(one, reader, now_s) for one in sorted(every, key=_rank) if one.open]
    lately = (one for one in every if (one.ended_s or 0.0) > now_s - hours * _HOUR_S)
    windows = [*_windows(reader, now_s, until_s)]
    calls = [*_consultations(reader, now_s, until_s)]
    return {
        "at": rfc3339(now_s),
        "hours": hours,
        "sentence": _sentence(open_ones, windows, calls, hours),
        "open": open_ones,
        "ended": [_incident(one, reader, now_s) for one in lately],
        "windows": windows,
        "consultations": calls,
    }


@router.get("/rotas", openapi_extra=needs(Right.LOOK))
def list_rotas(reader: Reader) -> dict[str, Any]:
    """List who is on call, now and in the turns of the next two weeks."""
    now = datetime.fromtimestamp(reader.context.now(), UTC)
    items = [
        {"name": rota.name, "turns": [_turn(one) for one in shifts(rota, now, now + _TURNS)]}
        for rota in reader.context.rotas
    ]
    return {"items": items, "total": len(items), "next": None}


def _turn(shift: Shift) -> dict[str, Any]:
    """Return somebody's time on call; of the first and the last, what is within the two weeks."""
    begins, ends = (one.timestamp() for one in (shift.during.begins, shift.during.ends))
    return {"person": shift.person or None, "from": rfc3339(begins), "until": rfc3339(ends)}


def _rank(incident: Incident) -> tuple[int, int]:
    return -SEVERITIES.index(incident.severity), incident.number


def _incident(incident: Incident, reader: Viewer, now_s: float) -> dict[str, Any]:
    """Return an incident in brief, with what a person last did about it, and what it lacks."""
    acts = (
        one
        for one in reversed(reader.context.incidents.timeline(incident.number))
        if one.kind is ChangeKind.ACT
    )
    last, shown = next(acts, None), incident_json(incident, reader)
    silent_s = now_s - (last.at_s if last else incident.opened_s)
    return {
        **{name: shown[name] for name in _COPIED},
        "last_act": last and {"at": rfc3339(last.at_s), "by": last.by, "sentence": last.sentence},
        "lacks": _lack(incident, silent_s) if incident.open else "",
    }


def _lack(incident: Incident, silent_s: float) -> str:
    """Return what somebody of the next shift has to do about an incident, if anything."""
    if not incident.acknowledged_by:
        return "nobody has taken it on"
    if silent_s >= FORGOTTEN_S:
        hours = int(silent_s // _HOUR_S)
        return f"{incident.acknowledged_by} took it on; nothing was written for {hours} h"
    return ""


def _windows(reader: Viewer, now_s: float, until_s: float) -> Iterable[dict[str, Any]]:
    context = reader.context
    known = (*context.network.windows, *context.incidents.current().windows.values())
    times = [
        (begin, end, window)
        for window in known
        if _touches(window, reader)
        for begin, end in openings(window, now_s, until_s)
    ]
    for begin, end, window in sorted(times, key=lambda one: (*one[:2], one[2].name)):
        at = {"opens_at": rfc3339(begin), "closes_at": rfc3339(end), "open": begin <= now_s}
        yield window_json(window) | at


def _touches(window: MaintenanceWindow, reader: Viewer) -> bool:
    return any(reader.sees(sites_of(subject, reader)) for subject in window.subjects)


def _consultations(reader: Viewer, now_s: float, until_s: float) -> Iterable[dict[str, Any]]:
    every = reader.context.consultations.between(now_s, until_s)
    wanted = {Standing.RUNNING, Standing.ANNOUNCED}
    for one in sorted(every, key=lambda one: (one.begins_s, one.name)):
        if one.standing(now_s) in wanted and reader.sees(one.sites):
            yield _consultation(one, reader, now_s)


def _consultation(one: Announcement, reader: Viewer, now_s: float) -> dict[str, Any]:
    return {
        "name": one.name,
        "state": one.standing(now_s).value,
        "sites": [site for site in one.sites if site in reader.sites],
        "begins_at": rfc3339(one.begins_s),
        "ends_at": rfc3339(one.ends_s),
    }


def _sentence(
    incidents: Sequence[dict[str, Any]],
    windows: Sequence[dict[str, Any]],
    calls: Sequence[dict[str, Any]],
    hours: int,
) -> str:
    """Return what is handed over, in one sentence."""
    lacking = sum(bool(one["lacks"]) for one in incidents)
    muted = sum(one["state"] == "muted" for one in incidents)
    verb = "is" if len(incidents) == 1 else "are"
    parts = [
        f"{count(len(incidents), 'incident')} {verb} open" if incidents else "no incident is open"
    ]
    if lacking:
        parts.append(f"{lacking} of them {'needs' if lacking == 1 else 'need'} somebody")
    if muted:
        parts.append(f"{muted} {'is' if muted == 1 else 'are'} muted")
    parts.append(f"within {hours} h: {count(len(windows), 'maintenance window')}")
    return f"{', '.join(parts)}, {count(len(calls), 'consultation')}"
