"""Lists as files: CSV (RFC 4180) of which no cell is a formula, and JSON as the API shows it."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from typing import Any, Final

import msgspec

from controller.report_formats.csv_table import neutral

# Spreadsheets take a file for UTF-8 that begins so.
_MARK: Final = "\ufeff"


class FileForm(StrEnum):
    """How a list is written."""

    CSV = "csv"
    JSON = "json"


MEDIA_TYPES: Final[Mapping[FileForm, str]] = {
    FileForm.CSV: "text/csv; charset=utf-8",
    FileForm.JSON: "application/json",
}


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list to write: its name, its rows as the API shows them, and the columns of a table.

    A column is the path of a value, with a point between names: "root.name".
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]

    def written(self, form: FileForm) -> bytes:
        """Return the list in a form."""
        if form is FileForm.JSON:
            return msgspec.json.format(msgspec.json.encode(self.rows))
        return (_MARK + self._table()).encode()

    def _table(self) -> str:
        out = StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(self.columns)
        for row in self.rows:
            writer.writerow([cell(_value(row, column)) for column in self.columns])
        return out.getvalue()


def cell(value: object) -> str:
    """Return a value as a cell: a number as it is, a text that nothing takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return neutral(msgspec.json.encode(value).decode())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return neutral("; ".join(map(str, value)))
    return neutral(str(value))


def _value(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
