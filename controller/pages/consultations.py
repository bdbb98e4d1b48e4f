"""The pages of consultations: those that run, those that come, and what past ones were like."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.roles import Right
from controller.routes import consultations, network
from controller.web.acting import carry_out, page_with
from controller.web.forms import Form
from controller.web.rendering import CAMEROON, Page, render
from controller.web.visitor import PageRoute, Reader, see_other

PATH: Final = "/consultations"
router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_ALL: Final = Page("consultations.html.j2", "consultations")
_PAGE: Final = 100
_ANNOUNCING: Final = needs(Right.ANNOUNCE_CONSULTATIONS)
_PLACES: Final = ("site", "other_site", "third_site")
_FIELDS: Final = (*_PLACES, "day", "begins", "minutes", "service")
_NO_TIME: Final = "the day or the time is none; write them as 2026-12-01 and 09:30"
Cursor = Annotated[str | None, Query(max_length=500)]


@router.get(PATH, openapi_extra=needs(Right.LOOK))
def show_consultations(request: Request, reader: Reader, cursor: Cursor = None) -> Response:
    """Show consultations that run, that come within a day, and past ones."""
    values = _lists(reader, cursor) | _filled({}, reader.context.now())
    return render(request, _ALL, values, reader)


@router.post(PATH, openapi_extra=_ANNOUNCING)
def announce_consultation(request: Request, reader: Reader, form: Form) -> Response:
    """Announce a consultation and show it, or say what quality one would have, as the form asks."""
    values = _lists(reader) | _filled(form, reader.context.now())

    def act() -> Response:
        sites = _named_sites(form, network.site_titles(reader))
        if form.get("act") == "check":
            found = consultations.check(consultations.CheckRequest(sites=sites), reader)
            return render(request, _ALL, values | {"expected": found}, reader)
        made = consultations.announce(_announcement(form, sites), reader, Response())
        return see_other(f"{PATH}/{made['name']}")

    def again(fault: ProblemError) -> Response:
        page = page_with(_ALL.template, _ALL.section, fault)
        return render(request, page, values | {"fault": fault.detail}, reader)

    return carry_out(act, again)


@router.post(f"{PATH}/{{name}}/end", openapi_extra=_ANNOUNCING)
def end_consultation(name: consultations.NamePath, reader: Reader) -> Response:
    """End a consultation, or take its announcement back, and show it."""
    consultations.cancel(name, reader)
    return see_other(f"{PATH}/{name}")


def _named_sites(form: Mapping[str, str], titles: Mapping[str, str]) -> list[str]:
    """Return the sites of a form, which may be called by their titles."""
    by_title = {title.casefold(): name for name, title in titles.items()}
    written = (form.get(field, "").strip() for field in _PLACES)
    return [by_title.get(text.casefold(), text) for text in written if text]


def _announcement(form: Mapping[str, str], sites: list[str]) -> consultations.AnnouncementRequest:
    try:
        begins = datetime.fromisoformat(f"{form.get('day')}T{form.get('begins')}")
    except ValueError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, _NO_TIME) from error
    return consultations.AnnouncementRequest.model_validate(
        {
            "sites": sites,
            "begins_at": begins.replace(tzinfo=CAMEROON),
            "minutes": form.get("minutes", ""),
            "service": form.get("service", ""),
        }
    )


def _lists(reader: Viewer, cursor: str | None = None) -> dict[str, Any]:
    def listed(state: Literal["running", "coming", "past"]) -> dict[str, object]:
        asked = PageRequest(cursor if state == "past" else None, _PAGE)
        return consultations.list_consultations(reader, asked, state)

    return {
        "running": listed("running"),
        "coming": listed("coming"),
        "past": listed("past"),
        "titles": network.site_titles(reader),
    }


def _filled(form: Mapping[str, str], now_s: float) -> dict[str, Any]:
    """Return the form for another consultation as it was filled, or for one that begins now."""
    now = datetime.fromtimestamp(now_s, CAMEROON)
    usual = {"day": now.date().isoformat(), "begins": f"{now:%H:%M}", "minutes": "30"}
    typed = {key: form.get(key, usual.get(key, "")) for key in _FIELDS}
    return {"typed": typed, "expected": None, "fault": ""}


@router.get(f"{PATH}/{{name}}", openapi_extra=needs(Right.LOOK))
def show_consultation(request: Request, name: consultations.NamePath, reader: Reader) -> Response:
    """Show one consultation: what to expect, how it goes, or what it was like."""
    call = consultations.read_consultation(name, reader, Response())
    over = call["state"] in {"over", "cancelled"}
    values = {
        "call": call,
        "report": consultations.read_consultation_report(name, reader) if over else None,
        "expected": None if over else consultations.expectation(name, reader),
        "titles": network.site_titles(reader),
        "together": moved_together,
    }
    return render(request, Page("consultation.html.j2", "consultations"), values, reader)


def moved_together(moves: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return moves, those of sound and picture to the same way for the same reason as one."""
    same = itemgetter("at", "circuit", "reason")
    ordered = groupby(sorted(moves, key=same), same)
    return [
        {
            "at": at,
            "circuit": circuit,
            "reason": reason,
            "services": [one["service"] for one in some],
        }
        for (at, circuit, reason), some in ordered
    ]
