"""Routes of reports and schedules: what was made, in any format, within the reader's scope."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from controller.api.context import ReportService, Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.problems import ProblemError, not_found
from controller.api.rights import needs
from controller.api.scope import everywhere
from controller.api_requests.noting import note_act
from controller.incidents.sentences import Language
from controller.report_formats.formats import (
    MEDIA_TYPES,
    Report,
    ReportFormat,
    report_json,
    write_report,
)
from controller.report_formats.html import CONTENT_SECURITY_POLICY
from controller.reports import availability, maintenance
from controller.reports.findings import Check, Finding
from controller.roles import Right
from controller.schedules.archive import StoredReport
from controller.schedules.month import MonthError
from controller.schedules.runner import Standing
from inventory.errors import UnknownNameError

router: Final = APIRouter()
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
NEWEST: Final = "maintenance-newest"
# What more than looking it takes to read what a check found.
_RIGHTS: Final = {
    Check.ACCESS: Right.SEE_PEOPLE,
    Check.TOKEN: Right.MANAGE_ACCOUNTS,
    Check.SIGN_IN: Right.SEE_AUDIT,
}
_LOOKING: Final = needs(Right.LOOK)


@router.get("/reports", openapi_extra=_LOOKING)
def list_reports(reader: Reader, pages: PageParameters) -> dict[str, Any]:
    """List the reports that are kept; of each a reader gets what is in scope."""
    found = list(_desk(reader).listed()) if reader.sites else []
    return page_of(found, lambda one: one.name, pages).json(_stored)


@router.get("/reports/{name}", response_class=Response, openapi_extra=_LOOKING)
def read_report(
    name: Annotated[str, Path(max_length=40)],
    reader: Reader,
    format_: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.JSON,
    language: Language = Language.FRENCH,
) -> Response:
    """Return a report; 'availability-YYYY-MM' of a month that goes on is made now."""
    report = _narrowed(_read(name, reader), reader)
    content = write_report(report, format_, language)
    extension = "txt" if format_ is ReportFormat.TABLE else format_.value
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Content-Disposition": f'inline; filename="{report.name}.{extension}"',
    }
    return Response(content, HTTPStatus.OK, headers, MEDIA_TYPES[format_])


@router.get("/schedules", openapi_extra=_LOOKING)
def list_schedules(reader: Reader) -> dict[str, Any]:
    """List what is done by schedule, when it was last done, and when it is due next."""
    items = [_standing(one) for one in _desk(reader).standing()]
    return {"items": items, "total": len(items), "next": None}


@router.post(
    "/schedules/{name}/runs",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=needs(Right.PLAN_MAINTENANCE),
)
def run_schedule(name: str, reader: Reader) -> dict[str, Any]:
    """Do now what is else done by schedule; the list of schedules tells how it ended."""
    if not reader.may(Right.PLAN_MAINTENANCE, everywhere(reader)):
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "this needs a role of a NOC operator for the whole network"
        )
    try:
        began = _desk(reader).start(name)
    except UnknownNameError as error:
        raise not_found("schedule", name) from error
    note_act(reader, "schedule.run", name)
    return {"name": name, "began_at": rfc3339(began.timestamp())}


def newest_findings(
    reader: Viewer, language: Language, checks: Collection[Check]
) -> dict[str, Any]:
    """Return what the newest report of maintenance found of some checks, the worst first.

    Raises ProblemError (404) when there is no such report yet.
    """
    report = _narrowed(_read(NEWEST, reader), reader)
    if not isinstance(report, maintenance.MaintenanceReport):
        raise not_found("report", NEWEST)
    some = maintenance.narrowed(report, lambda one: one.check in checks, reader.sites)
    return {"date": report.date, "lines": report_json(some, language)["sentences"]}


def _desk(reader: Viewer) -> ReportService:
    if reader.context.reports is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "this controller makes no reports")
    return reader.context.reports


def _read(name: str, reader: Viewer) -> Report:
    desk = _desk(reader)
    if not reader.sites:
        raise not_found("report", name)
    try:
        return desk.newest_maintenance() if name == NEWEST else desk.read(name)
    except (MonthError, UnknownNameError) as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from error


def _narrowed(report: Report, reader: Viewer) -> Report:
    """Return a report as far as the reader may see it; sums are of what is left."""
    whole = reader.sites.issuperset(everywhere(reader))
    if isinstance(report, availability.AvailabilityReport):
        return report if whole else availability.narrowed(report, reader.sites)
    return maintenance.narrowed(report, lambda one: _may_see(one, reader), reader.sites)


def _may_see(finding: Finding, reader: Viewer) -> bool:
    """Return whether a finding may be seen; what belongs to no site takes the whole network."""
    right = _RIGHTS.get(finding.check, Right.LOOK)
    known = finding.site in reader.context.intent.sites
    return reader.may(right, (finding.site,) if known else everywhere(reader))


def _stored(one: StoredReport) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "period": one.period,
        "made_at": rfc3339(one.made_s),
        "formats": [form.value for form in ReportFormat],
    }


def _standing(one: Standing) -> dict[str, Any]:
    last = one.last
    return {
        "name": one.name,
        "next_at": rfc3339(one.next_s),
        "last_due_at": rfc3339(last.due_s if last else None),
        "began_at": rfc3339(last.began_s if last else None),
        "ended_at": rfc3339(last.ended_s if last else None),
        "outcome": last.outcome if last else "",
        "report": last.report if last else "",
    }
