"""The pages of consultations: those that run, those that come, and what past ones were like."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from controller.api.paging import PageRequest
from controller.api.rights import needs
from controller.roles import Right
from controller.routes import consultations, network
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
_PAGE: Final = 100
Cursor = Annotated[str | None, Query(max_length=500)]


@router.get("/consultations", openapi_extra=needs(Right.LOOK))
def show_consultations(request: Request, reader: Reader, cursor: Cursor = None) -> Response:
    """Show consultations that run, that come within a day, and past ones."""

    def listed(state: Literal["running", "coming", "past"]) -> dict[str, object]:
        asked = PageRequest(cursor if state == "past" else None, _PAGE)
        return consultations.list_consultations(reader, asked, state)

    values = {
        "running": listed("running"),
        "coming": listed("coming"),
        "past": listed("past"),
        "titles": network.site_titles(reader),
    }
    return render(request, Page("consultations.html.j2", "consultations"), values, reader)


@router.get("/consultations/{name}", openapi_extra=needs(Right.LOOK))
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
