"""Routes of consultations: announce one, hear what to expect, see which run and who is hurt."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from controller.api.context import Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.api_requests.matching import IfMatch, require_match, tagged
from controller.api_requests.noting import note_act
from controller.api_requests.repeating import RepeatableRoute
from controller.consultations.conflicts import coming_sentence, conflict_sentence
from controller.consultations.model import LONGEST_S, Announcement, Standing
from controller.consultations.report import consultation_bounds, report_consultation
from controller.roles import Right
from controller.routes.consultation_json import consultation_report_json
from controller.routes.consultation_places import (
    located_sites,
    parse_addresses,
    shown_addresses,
)
from controller.routes.incident_json import dead_circuits

CAMEROON: Final = ZoneInfo("Africa/Douala")
router: Final = APIRouter(prefix="/consultations", route_class=RepeatableRoute)
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
NamePath = Annotated[str, Path(pattern="^[0-9a-z]{1,64}$")]
_LOOKING: Final = needs(Right.LOOK)
_ANNOUNCING: Final = needs(Right.ANNOUNCE_CONSULTATIONS)
_DAY_S: Final = 86_400.0
# How far ahead one may be announced.
_FARTHEST_S: Final = 400 * _DAY_S


class AnnouncementRequest(BaseModel):
    """A consultation to be: where the parties are, from when to when, of what kind.

    Packets between the machines whose addresses are given travel in its class.
    """

    model_config = ConfigDict(extra="forbid")

    sites: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=20)
    addresses: list[Annotated[str, Field(max_length=45)]] = Field(default=[], max_length=20)
    begins_at: AwareDatetime
    minutes: int = Field(gt=0, le=int(LONGEST_S // 60))
    service: Literal["consultation-video", "consultation-audio"] = "consultation-video"


class CheckRequest(BaseModel):
    """Sites between which a consultation might be held."""

    model_config = ConfigDict(extra="forbid")

    sites: list[Annotated[str, Field(max_length=200)]] = Field(min_length=1, max_length=20)


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=_ANNOUNCING)
def announce(asked: AnnouncementRequest, reader: Reader, response: Response) -> dict[str, Any]:
    """Announce a consultation; the answer says what quality to expect and why."""
    addresses = parse_addresses(asked.addresses)
    around = located_sites(reader.context.intent, addresses, reader.sites)
    sites = _sites([*asked.sites, *around], reader)
    now_s, begins_s = reader.context.now(), asked.begins_at.timestamp()
    ends_s = begins_s + asked.minutes * 60
    if ends_s <= now_s or begins_s > now_s + _FARTHEST_S:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "it must end in the future and begin within 400 days"
        )
    who = reader.principal.account.name
    made = Announcement(token_hex(8), sites, asked.service, begins_s, ends_s, who, now_s)
    made = replace(made, addresses=tuple(map(str, addresses)))
    reader.context.consultations.add(made)
    note_act(reader, "consultation.announce", made.name, sites=list(sites))
    shown = tagged(response, _shown(made, reader))
    return shown | {"expectation": _expectation(sites, reader)}


@router.post("/check", openapi_extra=_ANNOUNCING)
def check(asked: CheckRequest, reader: Reader) -> dict[str, Any]:
    """Say what quality a consultation between sites would have now; nothing is announced."""
    return _expectation(_sites(asked.sites, reader), reader)


class TouchRequest(BaseModel):
    """Devices, circuits and sites that somebody is about to change."""

    model_config = ConfigDict(extra="forbid")

    names: list[Annotated[str, Field(max_length=200)]] = Field(min_length=1, max_length=5_000)


@router.post("/touched", openapi_extra=_LOOKING)
def find_touched(asked: TouchRequest, reader: Reader) -> dict[str, Any]:
    """Say which consultations a change would touch: those that run, and those of the next day."""
    desk, now_s = reader.context.consultations, reader.context.now()
    seen = [one for one in desk.touched(asked.names, now_s) if reader.sees(one.sites)]
    coming = [one for one in desk.coming(asked.names, now_s, _DAY_S) if reader.sees(one.sites)]
    over, later = desk.shared(seen, asked.names), desk.shared(coming, asked.names)
    return {
        "sentence": conflict_sentence(seen, over, time_of_day),
        "consultations": [_shown(one, reader) for one in seen],
        "coming_sentence": coming_sentence(coming, later, time_of_day),
        "coming": [_shown(one, reader) for one in coming],
    }


@router.get("", openapi_extra=_LOOKING)
def list_consultations(
    reader: Reader,
    pages: PageParameters,
    state: Annotated[Literal["running", "coming", "past"], Query()] = "running",
) -> dict[str, Any]:
    """List consultations: those that run, those of the next day, or those of the last 30."""
    now_s = reader.context.now()
    periods = {
        "running": (now_s, now_s + 1e-3),
        "coming": (now_s, now_s + _DAY_S),
        "past": (now_s - 30 * _DAY_S, now_s),
    }
    wanted = {
        "running": {Standing.RUNNING},
        "coming": {Standing.ANNOUNCED},
        "past": {Standing.OVER, Standing.CANCELLED},
    }[state]
    found = [
        one
        for one in reader.context.consultations.between(*periods[state])
        if one.standing(now_s) in wanted and reader.sees(one.sites)
    ]
    return page_of(sorted(found, key=_key), _key, pages).json(lambda one: _shown(one, reader))


@router.get("/{name}", openapi_extra=_LOOKING)
def read_consultation(name: NamePath, reader: Reader, response: Response) -> dict[str, Any]:
    """Return one consultation."""
    return tagged(response, _shown(_found(name, reader), reader))


def expectation(name: str, reader: Viewer) -> dict[str, Any]:
    """Return what quality a consultation can have that is not over."""
    return _expectation(_found(name, reader).sites, reader)


@router.get("/{name}/report", openapi_extra=_LOOKING)
def read_consultation_report(name: NamePath, reader: Reader) -> dict[str, Any]:
    """Return what a consultation that is over was like: MOS by the minute, moves, what was lost."""
    found, now_s = _found(name, reader), reader.context.now()
    if found.standing(now_s) in {Standing.ANNOUNCED, Standing.RUNNING}:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"the consultation is not over; it ends at {time_of_day(found.ends_s)}",
        )
    began_s, ended_s = consultation_bounds(found, now_s)
    ends = reader.context.history.call_ends(found.sites, began_s, ended_s)
    seen = [end for end in ends if end.site in reader.sites]
    report = report_consultation(found, seen, now_s)
    return _shown(found, reader) | consultation_report_json(report)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=_ANNOUNCING)
def cancel(name: NamePath, reader: Reader, if_match: IfMatch = None) -> None:
    """End a consultation, or take its announcement back; one that is over stays."""
    found = _found(name, reader)
    if not reader.may(Right.ANNOUNCE_CONSULTATIONS, found.sites):
        raise _not_covered()
    if if_match is not None:
        require_match(if_match, _shown(found, reader))
    reader.context.consultations.cancel(name, reader.context.now())
    note_act(reader, "consultation.end", name)


def _found(name: str, reader: Viewer) -> Announcement:
    found = reader.context.consultations.find(name)
    if found is None or not reader.sees(found.sites):
        raise not_found("consultation", name)
    return found


def _sites(named: list[str], reader: Viewer) -> tuple[str, ...]:
    """Return sites, each once. Raises ProblemError for what is not there or not covered."""
    if not named:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "name a site or an address")
    missing = [name for name in named if name not in reader.sites]
    if missing:
        raise not_found("site", ", ".join(missing))
    if not reader.may(Right.ANNOUNCE_CONSULTATIONS, named):
        raise _not_covered()
    return tuple(sorted(set(named)))


def _not_covered() -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN, "your roles do not cover every site of this consultation"
    )


def _expectation(sites: tuple[str, ...], reader: Viewer) -> dict[str, Any]:
    found = reader.context.consultations.expect(sites, dead_circuits(reader))
    return {
        "quality": found.quality.value,
        "protected": found.protected,
        "ways": found.ways,
        "mos": found.mos,
        "delay_ms": found.delay_ms,
        "because": found.because,
        "because_fr": found.because_fr,
    }


def _shown(one: Announcement, reader: Viewer) -> dict[str, Any]:
    incidents = reader.context.incidents.listed(ended=False)
    return {
        "name": one.name,
        "state": one.standing(reader.context.now()).value,
        "sites": [site for site in one.sites if site in reader.sites],
        "service": one.service,
        "addresses": shown_addresses(reader.context.intent, one.addresses, reader.sites),
        "begins_at": rfc3339(one.begins_s),
        "ends_at": rfc3339(one.ends_s),
        "announced_by": one.announced_by,
        "incidents": [
            incident.number for incident in incidents if one.name in incident.consultations
        ],
    }


def time_of_day(at_s: float) -> str:
    """Return a time (seconds since 1970) as the clocks of the country show it."""
    return datetime.fromtimestamp(at_s, CAMEROON).strftime("%H:%M")


def _key(one: Announcement) -> str:
    return f"{one.begins_s:020.3f} {one.name}"
