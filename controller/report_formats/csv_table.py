"""A report's table as CSV (RFC 4180): numbers stay numbers, and no text is taken for a formula."""

import csv
import re
from io import StringIO
from typing import Final

from controller.reports.document import Cell, Document, Kind, State

# What spreadsheets take for the beginning of a formula, also behind white space.
_FORMULA: Final = re.compile(r"\s*[=+\-@\t\r\n|%]|[\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def render_csv(document: Document) -> str:
    """Return the table of a report; headings are the same in every language."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = [one for one in document.table.columns if one.kind is not Kind.BAR]
    places = [document.table.columns.index(one) for one in columns]
    writer.writerow([one.key for one in columns])
    for row in document.table.rows:
        writer.writerow([_cell(row[place]) for place in places])
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, State):
        return value.value
    if isinstance(value, (int, float)):
        return _number(value)
    return neutral(str(value))


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def neutral(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; what is a number is left as it is."""
    if _NUMBER.fullmatch(text) or not _FORMULA.match(text):
        return text
    return f"'{text}"
