"""Lists of the pages as files, with the same filters and of the same scope."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from controller.api.paging import LONGEST_PAGE, PageRequest
from controller.api.rights import needs
from controller.change_routes import audit
from controller.incidents.model import Severity
from controller.pages.sites import (
    CircuitChoice,
    HealthChoice,
    Search,
    matching_circuits,
    matching_sites,
)
from controller.roles import Right
from controller.routes import consultations, incidents
from controller.routes.what_if import Failed, suppose
from controller.web.exports import MEDIA_TYPES, FileForm, ListFile
from controller.web.visitor import PageRoute, Reader

router: Final = APIRouter(prefix="/exports", route_class=PageRoute, include_in_schema=False)
_LOOKING: Final = needs(Right.LOOK)
Form = Annotated[FileForm, Path()]
Rows = Iterator[Mapping[str, Any]]
_SITES: Final = (
    "name", "title", "level", "region", "parent", "health", "people", "facilities", "latitude",
    "longitude",
)  # fmt: skip
_CIRCUITS: Final = (
    "name", "health", "medium", "provider", "a.site", "a.device", "a.interface", "b.site",
    "b.device", "b.interface", "rate_up_mbps", "rate_down_mbps", "delay_ms", "metered", "enabled",
    "maintenance",
)  # fmt: skip
_INCIDENTS: Final = (
    "number", "severity", "state", "cause", "effect", "title", "root.kind", "root.name",
    "opened_at", "ended_at", "sites", "cut_off", "facilities", "people", "consultations",
    "acknowledged_by", "assigned_to",
)  # fmt: skip
_CONSULTATIONS: Final = (
    "name", "state", "service", "sites", "begins_at", "ends_at", "announced_by", "incidents",
)  # fmt: skip
_WHAT_IF: Final = (
    "name", "title", "level", "region", "effect", "facilities", "people", "usual.way",
    "usual.delay_ms", "then.way", "then.delay_ms",
)  # fmt: skip
_AUDIT: Final = (
    "serial", "at", "kind", "who", "what", "subject", "because", "number", "details", "hash",
)  # fmt: skip


@router.get("/sites.{form}", openapi_extra=_LOOKING)
def export_sites(
    form: Form,
    reader: Reader,
    health: HealthChoice = "",
    region: Search = "",
    search: Search = "",
) -> Response:
    """Return the list of sites as a file."""
    rows = matching_sites(reader, health, region, search)
    return _file(ListFile("sites", _SITES, rows), form)


@router.get("/circuits.{form}", openapi_extra=_LOOKING)
def export_circuits(form: Form, reader: Reader, asked: CircuitChoice) -> Response:
    """Return the list of circuits as a file."""
    return _file(ListFile("circuits", _CIRCUITS, matching_circuits(reader, asked)), form)


@router.get("/incidents.{form}", openapi_extra=_LOOKING)
def export_incidents(
    form: Form,
    reader: Reader,
    state: Annotated[Literal["open", "ended", "all"], Query()] = "open",
    severity: Annotated[Severity | Literal[""], Query()] = "",
) -> Response:
    """Return the list of incidents as a file."""
    wanted = Severity(severity) if severity else None
    rows = _every(lambda page: incidents.list_incidents(reader, page, state, wanted))
    return _file(ListFile("incidents", _INCIDENTS, [*rows]), form)


@router.get("/consultations.{form}", openapi_extra=_LOOKING)
def export_consultations(form: Form, reader: Reader) -> Response:
    """Return the consultations that run, come and were as a file."""

    def listed(state: Literal["running", "coming", "past"]) -> Rows:
        return _every(lambda page: consultations.list_consultations(reader, page, state))

    rows = [*listed("running"), *listed("coming"), *listed("past")]
    return _file(ListFile("consultations", _CONSULTATIONS, rows), form)


@router.get("/what-if.{form}", openapi_extra=_LOOKING)
def export_what_if(
    form: Form, reader: Reader, failed: Failed = "", alone: Annotated[str, Query()] = ""
) -> Response:
    """Return the sites that a failure would hurt as a file."""
    rows = [_with_ways(row) for row in suppose(reader, failed, present=not alone)["sites"]]
    return _file(ListFile("what-if", _WHAT_IF, rows), form)


def _with_ways(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row of which each way names its circuits in one text, too."""
    ways = {name: row[name] for name in ("usual", "then") if row[name]}
    named = {
        name: {**way, "way": " > ".join(step["name"] or "…" for step in way["circuits"])}
        for name, way in ways.items()
    }
    return {**row, **named}


@router.get("/audit.{form}", openapi_extra=needs(Right.SEE_AUDIT))
def export_audit(  # noqa: PLR0913, PLR0917 - a parameter for each filter
    form: Form,
    reader: Reader,
    subject: audit.Subject = None,
    kind: audit.Kind = None,
    who: audit.Who = None,
    since: audit.Since = None,
) -> Response:
    """Return entries of the audit chain as a file, the newest first."""
    rows, before = list[Mapping[str, Any]](), None
    while True:
        page = audit.list_newest(reader, before, subject, kind, who, since)
        rows += page["items"]
        if (before := page["next"]) is None:
            return _file(ListFile("audit", _AUDIT, rows), form)


def _every(read: Callable[[PageRequest], Mapping[str, Any]]) -> Rows:
    """Yield the items of all pages of a list."""
    cursor: str | None = None
    while True:
        page = read(PageRequest(cursor, LONGEST_PAGE))
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _file(found: ListFile, form: FileForm) -> Response:
    named = f'attachment; filename="{found.name}.{form.value}"'
    headers = {"Content-Disposition": named, "X-Content-Type-Options": "nosniff"}
    return Response(found.written(form), HTTPStatus.OK, headers, MEDIA_TYPES[form])
