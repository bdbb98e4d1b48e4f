"""Routes of incidents and maintenance windows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from controller.api.context import Viewer, viewer
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.api.scope import everywhere, is_visible, sites_of, visible_incidents
from controller.api_requests.free_text import FreeText
from controller.api_requests.matching import IfMatch, require_match, tagged
from controller.api_requests.noting import note_act
from controller.api_requests.repeating import RepeatableRoute
from controller.incidents.model import (
    SEVERITIES,
    Act,
    ActKind,
    Incident,
    MaintenanceWindow,
    Recurrence,
    Refusal,
    Severity,
    Subject,
    SubjectKind,
    WindowRemoved,
    WindowSet,
)
from controller.roles import Right
from controller.routes.incident_json import change_json, incident_json, narrowed, window_json

router: Final = APIRouter(route_class=RepeatableRoute)
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
WindowName = Annotated[str, Path(pattern=r"^[\w .-]{1,80}$")]
_LOOKING: Final = needs(Right.LOOK)
_PLANNING: Final = needs(Right.PLAN_MAINTENANCE)
_LONGEST_MUTE_S: Final = 7 * 86_400


class ActRequest(BaseModel):
    """What a person does to an incident; for_s is how long a mute lasts, in seconds."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["acknowledge", "unacknowledge", "assign", "comment", "mute", "unmute", "resolve"]
    text: FreeText = Field("", max_length=2_000)
    for_s: float | None = Field(None, gt=0, le=_LONGEST_MUTE_S)


class SubjectRequest(BaseModel):
    """Something of the network by its name in the intent."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["site", "device", "circuit"]
    name: str = Field(max_length=200)


class WindowRequest(BaseModel):
    """A maintenance window, in wall time of its zone."""

    model_config = ConfigDict(extra="forbid")

    subjects: list[SubjectRequest] = Field(min_length=1, max_length=500)
    recurrence: Literal["once", "weekly"] = "once"
    zone: str = "Africa/Douala"
    first_day: date
    begins: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    ends: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    reason: FreeText = Field("", max_length=2_000)

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("no such time zone; write one such as Africa/Douala")
        return zone


@router.get("/incidents", openapi_extra=_LOOKING)
def list_incidents(
    reader: Reader,
    pages: PageParameters,
    state: Annotated[Literal["open", "ended", "all"], Query()] = "open",
    severity: Annotated[Severity | None, Query()] = None,
    site: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """List incidents: open ones with the worst first, with ended ones the newest first."""
    found = [
        incident
        for incident in visible_incidents(reader, ended=state != "open")
        if (state != "ended" or not incident.open)
        and severity in {None, incident.severity}
        and site in {None, *incident.sites}
    ]
    by_rank = _by_harm if state == "open" else _by_age
    page = page_of(sorted(found, key=by_rank), by_rank, pages)
    return page.json(lambda incident: incident_json(incident, reader))


@router.get("/incidents/{number}", openapi_extra=_LOOKING)
def read_incident(number: int, reader: Reader, response: Response) -> dict[str, Any]:
    """Return one incident with its timeline; a merged one is answered with what it became."""
    return tagged(response, _whole(number, reader))


def _whole(number: int, reader: Viewer) -> dict[str, Any]:
    incident = _found(number, reader)
    timeline = reader.context.incidents.timeline(incident.number)
    whole = narrowed(incident, reader) is incident
    entries = [change_json(one, whole=whole) for one in timeline]
    return incident_json(incident, reader) | {"timeline": entries}


@router.post("/incidents/{number}/acts", openapi_extra=needs(Right.HANDLE_INCIDENTS))
def act_on_incident(
    number: int,
    asked: ActRequest,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Acknowledge, assign, comment or mute an incident, and return it as it is then."""
    incident = _found(number, reader)
    if not reader.may(Right.HANDLE_INCIDENTS, incident.sites or everywhere(reader)):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "your roles do not cover every site of this incident; ask someone whose roles do",
        )
    if if_match is not None:
        require_match(if_match, _whole(number, reader))
    now_s = reader.context.now()
    until_s = now_s + asked.for_s if asked.for_s else None
    kind, who = ActKind(asked.kind), reader.principal.account.name
    act = Act(kind, incident.number, who, now_s, asked.text, until_s)
    _refuse(reader.context.incidents.submit(act))
    note_act(reader, f"incident.{kind.value}", f"incident {incident.number}", asked.text)
    return tagged(response, _whole(number, reader))


@router.get("/maintenance", openapi_extra=_LOOKING)
def list_windows(reader: Reader, pages: PageParameters) -> dict[str, Any]:
    """List maintenance windows by name."""
    windows = reader.context.incidents.current().windows
    found = [windows[name] for name in sorted(windows) if _touches(windows[name], reader)]
    return page_of(found, lambda one: one.name, pages).json(window_json)


@router.get("/maintenance/{name}", openapi_extra=_LOOKING)
def read_window(name: WindowName, reader: Reader, response: Response) -> dict[str, Any]:
    """Return one maintenance window."""
    window = reader.context.incidents.current().windows.get(name)
    if window is None or not _touches(window, reader):
        raise not_found("maintenance window", name)
    return tagged(response, window_json(window))


@router.put("/maintenance/{name}", openapi_extra=_PLANNING)
def set_window(
    name: WindowName,
    asked: WindowRequest,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Announce a maintenance window, or change it."""
    subjects = tuple(Subject(SubjectKind(one.kind), one.name) for one in asked.subjects)
    _check_subjects(subjects, reader)
    before = reader.context.incidents.current().windows.get(name)
    if before is not None:
        _check_subjects(before.subjects, reader)
    require_match(if_match, window_json(before) if before else None)
    window = MaintenanceWindow(
        name,
        subjects,
        Recurrence(asked.recurrence),
        asked.zone,
        asked.first_day.isoformat(),
        asked.begins,
        asked.ends,
        asked.reason,
        reader.principal.account.name,
    )
    _check_wall_time(window)
    _refuse(reader.context.incidents.submit(WindowSet(window)))
    note_act(reader, "window.set", name, asked.reason, **window_json(window))
    return tagged(response, window_json(window))


@router.delete("/maintenance/{name}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=_PLANNING)
def remove_window(name: WindowName, reader: Reader, if_match: IfMatch = None) -> None:
    """Take a maintenance window away."""
    window = reader.context.incidents.current().windows.get(name)
    if window is None or not _touches(window, reader):
        raise not_found("maintenance window", name)
    _check_subjects(window.subjects, reader)
    require_match(if_match, window_json(window))
    _refuse(reader.context.incidents.submit(WindowRemoved(name)))
    note_act(reader, "window.remove", name)


def _found(number: int, reader: Viewer) -> Incident:
    incident = reader.context.incidents.find(number)
    if incident is None or not is_visible(incident, reader):
        raise not_found("incident", str(number))
    return incident


def _touches(window: MaintenanceWindow, reader: Viewer) -> bool:
    return any(reader.sees(sites_of(subject, reader)) for subject in window.subjects)


def _check_subjects(subjects: tuple[Subject, ...], reader: Viewer) -> None:
    """Raise ProblemError for what is not there, and for what the person may not change."""
    missing = [one.name for one in subjects if not sites_of(one, reader)]
    hidden = [
        one.name
        for one in subjects
        if one.name not in missing and not reader.sees(sites_of(one, reader))
    ]
    if missing or hidden:
        raise not_found("site, device or circuit", ", ".join([*missing, *hidden]))
    for subject in subjects:
        if not reader.may(Right.PLAN_MAINTENANCE, sites_of(subject, reader)):
            raise ProblemError(
                HTTPStatus.FORBIDDEN, f"your roles do not cover both ends of {subject.name}"
            )


def _check_wall_time(window: MaintenanceWindow) -> None:
    """Raise ProblemError for a beginning that the clocks of its zone skip."""
    zone = ZoneInfo(window.zone)
    hour, minute = map(int, window.begins.split(":"))
    typed = _instant(window.first_day, time(hour, minute), zone)
    if typed is None:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{window.begins} does not exist on {window.first_day} in {window.zone}; "
            "the clocks skip it",
        )


def _instant(day: str, at: time, zone: ZoneInfo) -> float | None:
    """Return when a wall clock shows a time; None if it skips it."""
    typed = datetime.combine(date.fromisoformat(day), at, zone)
    there_and_back = typed.astimezone(UTC).astimezone(zone)
    return typed.timestamp() if there_and_back.time() == at else None


def _refuse(refusals: Sequence[Refusal]) -> None:
    if refusals:
        raise ProblemError(HTTPStatus.CONFLICT, "; ".join(refusal.sentence for refusal in refusals))


def _by_harm(incident: Incident) -> str:
    """Return what sorts the worst first: cut off, severity, people, then age."""
    rank = SEVERITIES.index(incident.severity)
    harm = (9 - rank, 10_000 - len(incident.cut_off), 10**12 - incident.people, incident.number)
    return ".".join(f"{part:013d}" for part in harm)


def _by_age(incident: Incident) -> int:
    return -incident.number
