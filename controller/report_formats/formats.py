"""Formats in which a report is written, with their media types."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib import import_module
from typing import Any, Final, TypeAlias

import msgspec

from controller.incidents.model import Health
from controller.incidents.sentences import Language
from controller.reports.availability import (
    AvailabilityReport,
    Figures,
    availability_document,
    by_region,
    together,
)
from controller.reports.document import Document
from controller.reports.maintenance import MaintenanceReport, maintenance_document

Report: TypeAlias = AvailabilityReport | MaintenanceReport


class ReportFormat(StrEnum):
    """How a report is written."""

    TABLE = "table"
    HTML = "html"
    PDF = "pdf"
    CSV = "csv"
    JSON = "json"


MEDIA_TYPES: Final[Mapping[ReportFormat, str]] = {
    ReportFormat.TABLE: "text/plain; charset=utf-8",
    ReportFormat.HTML: "text/html; charset=utf-8",
    ReportFormat.PDF: "application/pdf",
    ReportFormat.CSV: "text/csv; charset=utf-8",
    ReportFormat.JSON: "application/json",
}
# The library behind PDF takes long to import, and the one behind HTML a while.
_WRITERS: Final[Mapping[ReportFormat, tuple[str, str]]] = {
    ReportFormat.TABLE: ("controller.report_formats.plain", "render_text"),
    ReportFormat.HTML: ("controller.report_formats.html", "render_html"),
    ReportFormat.PDF: ("controller.report_formats.pdf", "render_pdf"),
    ReportFormat.CSV: ("controller.report_formats.csv_table", "render_csv"),
}


def document_of(report: Report, language: Language) -> Document:
    """Return a report as it is read in a language."""
    if isinstance(report, AvailabilityReport):
        return availability_document(report, language)
    return maintenance_document(report, language)


def write_report(report: Report, form: ReportFormat, language: Language) -> bytes:
    """Return a report in a format and a language. Raises ExtraError where a font is missing."""
    if form is ReportFormat.JSON:
        return msgspec.json.format(msgspec.json.encode(report_json(report, language)))
    module, name = _WRITERS[form]
    write: Callable[[Document], str | bytes] = getattr(import_module(module), name)
    written = write(document_of(report, language))
    return written.encode() if isinstance(written, str) else written


def report_json(report: Report, language: Language) -> dict[str, Any]:
    """Return a report as JSON: its figures, with what follows from them."""
    document = document_of(report, language)
    said = {"name": report.name, "title": document.title, "headline": document.headline}
    figures: dict[str, Any] = msgspec.to_builtins(report)
    if isinstance(report, AvailabilityReport):
        regions = by_region(report.sites).items()
        figures["all"] = _figures(together(report.sites))
        figures["regions"] = {name: _figures(one) for name, one in regions}
    else:
        figures["sentences"] = [dict(zip(_KEYS, row, strict=True)) for row in document.table.rows]
    return said | figures


_KEYS: Final = ("check", "subject", "state", "finding")


def _figures(one: Figures) -> dict[str, Any]:
    return {
        "sites": one.sites,
        "people": one.people,
        "availability": one.share,
        "seconds": {state.value: one.seconds[state] for state in Health},
        "outages": one.outages,
        "longest_outage_s": one.longest_s,
        "people_hours": one.people_hours,
    }
