"""A report as one HTML file: no script, nothing from elsewhere, light and dark, and for paper."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from controller.report_formats.cells import NUMERIC, cell_text
from controller.reports.document import Cell, Column, Document, Kind, Section, State
from controller.reports.words import share_text

_TEMPLATES: Final = Path(__file__).parent / "templates"
# A page of its own: it may load nothing, and runs nothing.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


def render_html(document: Document) -> str:
    """Return a report as a page; every text of it is escaped."""
    sections = [_section(section, document) for section in document.sections]
    return _template().render(document=document, sections=sections, words=document.words)


def _section(section: Section, document: Document) -> dict[str, object]:
    rows = [
        [
            _cell(value, column, document.words)
            for value, column in zip(row, section.columns, strict=True)
        ]
        for row in section.rows
    ]
    heads = [
        {"text": one.heading, "right": one.kind in NUMERIC, "bar": one.kind is Kind.BAR}
        for one in section.columns
    ]
    kind = {"title": section.title, "lines": section.lines, "empty": section.empty}
    return {**kind, "heads": heads, "rows": rows}


def _cell(value: Cell, column: Column, words: Mapping[str, str]) -> dict[str, object]:
    if column.kind is Kind.BAR and isinstance(value, tuple):
        return {"bar": _bar(value), "label": _spoken(value, words)}
    state = value.value if isinstance(value, State) else ""
    text = cell_text(value, column, words)
    return {"text": text, "right": column.kind in NUMERIC, "state": state}


def _bar(parts: tuple[tuple[str, float], ...]) -> list[dict[str, object]]:
    """Return the parts of a bar with their places in percent."""
    found, at = list[dict[str, object]](), 0.0
    for name, share in parts:
        if share > 0:
            found.append({"name": name, "at": f"{at * 100:.3f}", "width": f"{share * 100:.3f}"})
        at += share
    return found


def _spoken(parts: tuple[tuple[str, float], ...], words: Mapping[str, str]) -> str:
    return ", ".join(f"{words[name]} {share_text(share, words)}" for name, share in parts if share)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2")
