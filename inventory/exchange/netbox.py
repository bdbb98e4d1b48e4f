"""NetBox's CSV files: exports of sites, devices and cables as on the screen, and templates."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from inventory.errors import Fault, IntentError, Location
from inventory.exchange.netbox_headings import columns_of, plain_heading
from inventory.exchange.report import Entry, Imported, Report, known, number_devices
from inventory.exchange.values import (
    MEDIA,
    PLATFORMS,
    ROLES,
    address_of,
    name_of,
    shown,
    text_of,
    word_of,
)

_SEPARATORS: Final = ",;\t|"
_CABLES: Final = (
    frozenset({"termination-a", "termination-b"}),
    frozenset({"device-a", "device-b"}),
)
_OF_DEVICES: Final = frozenset({"platform", "manufacturer", "ip-address", "ipv4-address"})
# Headings that only another table of NetBox has, and what that lists.
_OTHERS: Final[Mapping[str, str]] = {
    "vcpus": "virtual machines",
    "vid": "VLANs",
    "facility id": "racks",
    "u height": "racks or device types",
    "rack count": "locations",
    "racks": "locations",
    "cid": "circuits of providers",
    "circuit id": "circuits of providers",
    "side z": "circuits of providers",
    "prefix": "prefixes",
    "address": "IP addresses",
    "sites": "regions or site groups",
    "device": "parts of devices, such as interfaces",
    "model": "device types",
    "power feeds": "power panels",
}
_TAKEN: Final[Mapping[str, frozenset[str]]] = {
    "sites": frozenset(
        {"name", "slug", "region", "latitude", "longitude", "level", "parent", "description"}
    ),
    "devices": frozenset(
        {"name", "site", "role", "platform", "ip-address", "ipv4-address", "description"}
    ),
    "circuits": frozenset(
        {
            "label",
            "termination-a",
            "termination-b",
            "device-a",
            "device-b",
            "type",
            "status",
            "description",
        }
    ),
}
_PLANNED: Final = frozenset({"planned", "decommissioning"})


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row by the number of their column."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV: its headings in order, its rows, and what separates them."""

    file: str
    headings: Sequence[str]
    rows: Sequence[Row]
    separator: str

    def decimal(self, text: str) -> str:
        """Return a figure with a decimal point; where ';' separates, a comma is one."""
        return text if self.separator == "," else text.replace(",", ".")


def read_table(file: str, text: str) -> Table:
    """Return a CSV as a table; raises IntentError when it is none."""
    text = text.lstrip("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=lambda s: _outside_quotes(first).count(s))
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator)
    try:
        rows = [Row(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        where = Location(file, reader.line_num, 1)
        raise IntentError([Fault(where, f"this is not CSV: {error}", "export it again")]) from error
    full = [row for row in rows if any(row.cells)]
    if not full:
        fault = Fault(Location(file), "the file is empty", "export it again, with its headings")
        raise IntentError([fault])
    return Table(file, full[0].cells, full[1:], separator)


def _outside_quotes(line: str) -> str:
    """Return a line without what stands between quotes."""
    return "".join(line.split('"')[::2])


def by_heading(columns: Mapping[str, int], row: Row) -> dict[str, str]:
    """Return the cells of a row by the names that columns have."""
    return {name: row.cells[at] for name, at in columns.items() if at < len(row.cells)}


def import_netbox(file: str, text: str) -> Imported:
    """Return what a CSV of NetBox lists; its headings tell what that is.

    Raises IntentError when they are those of none of NetBox's sites, devices and cables.
    """
    table = read_table(file, text)
    columns = columns_of(table.headings)
    section = _section(table, columns)
    report = Report(file)
    _note_columns(table, columns, section, report)
    rows = [(row, by_heading(columns, row)) for row in table.rows]
    for row, _ in rows:
        if len(row.cells) > len(table.headings):
            report.note("this row has more cells than headings; the rest is not taken", row.line)
    make = {"sites": _site, "devices": _device, "circuits": _cable}[section]
    entries = [make(table, number, item, report) for number, item in enumerate(rows, start=1)]
    if section == "devices":
        entries = list(number_devices(entries))
    return Imported({section: entries}, report.notices())


def _section(table: Table, columns: Mapping[str, int]) -> str:
    """Return the section that a table is for."""
    here, headings = columns.keys(), {plain_heading(heading) for heading in table.headings}
    if any(ends <= here for ends in _CABLES):
        return "circuits"
    other = next((what for h, what in _OTHERS.items() if h in headings), None)
    if other is None and "name" in here:
        if "site" in here and (here & _OF_DEVICES or len(here) == len(table.headings)):
            return "devices"
        if "site" not in here and ({"latitude", "longitude"} <= here or _is_sites(columns)):
            return "sites"
    what = "these are not the headings of a NetBox export of sites, devices or cables"
    if other:
        what = f"this looks like a NetBox export of {other}, which the intent has no place for"
    if not columns or plain_heading(table.headings[0]) not in {"id", "name", "label"}:
        what += f" ({shown(', '.join(table.headings))})"
    hint = "export sites, devices or cables as CSV, 'All data' under NetBox's 'Export'"
    raise IntentError([Fault(Location(table.file, 1, 1), what, hint)])


def _is_sites(columns: Mapping[str, int]) -> bool:
    return "region" in columns and bool(columns.keys() & {"facility", "slug"})


def _note_columns(table: Table, columns: Mapping[str, int], section: str, report: Report) -> None:
    """Note every column with something in it that is not taken."""
    taken = {columns[name] for name in _TAKEN[section] if name in columns}
    for at, heading in enumerate(table.headings):
        full = sum(1 for row in table.rows if at < len(row.cells) and row.cells[at])
        if at not in taken and full and plain_heading(heading) != "id":
            what = "columns are not taken, since the intent has no such keys"
            rows = "1 row" if full == 1 else f"{full:,} rows"
            report.drop(what, f"{heading or 'one without heading'} ({rows})")


def _site(table: Table, number: int, item: tuple[Row, dict[str, str]], report: Report) -> Entry:
    row, cells = item
    name = cells.get("slug") or name_of(cells.get("name", ""), report, row.line)
    return known(
        {
            "name": name,
            "number": number,
            "level": word_of(cells.get("level", ""), {}),
            "parent": word_of(cells.get("parent", ""), {}),
            "title": cells.get("name"),
            "region": cells.get("region"),
            "place": _place(table, cells),
            "description": text_of(cells.get("description", ""), name, report),
        }
    )


def _place(table: Table, cells: Mapping[str, str]) -> Entry | None:
    latitude, longitude = cells.get("latitude"), cells.get("longitude")
    if not latitude or not longitude:
        return None
    return {"latitude": _figure(table, latitude), "longitude": _figure(table, longitude)}


def _figure(table: Table, text: str) -> float | str:
    try:
        return float(table.decimal(text))
    except ValueError:
        return text


def _device(_: Table, _number: int, item: tuple[Row, dict[str, str]], report: Report) -> Entry:
    row, cells = item
    name = name_of(cells.get("name", ""), report, row.line)
    written = cells.get("ipv4-address") or cells.get("ip-address", "")
    address = address_of(written, name or f"line {row.line}", report)
    return known(
        {
            "name": name,
            "site": name_of(cells.get("site", ""), report, row.line),
            "role": word_of(cells.get("role", ""), ROLES),
            "platform": word_of(cells.get("platform", ""), PLATFORMS),
            "management": {"address": address} if address else None,
            "description": text_of(cells.get("description", ""), name, report),
        }
    )


def _cable(_: Table, number: int, item: tuple[Row, dict[str, str]], report: Report) -> Entry:
    row, cells = item
    ends = {side: _end(cells, side, row.line, report) for side in "ab"}
    joined = "-".join(end["device"] for end in ends.values() if "device" in end)
    label = cells.get("label", "")
    name = word_of(label, {}) or f"{joined or 'cable'}-{number}"
    return known(
        {
            "name": name,
            "number": number,
            **ends,
            "medium": word_of(cells.get("type", ""), MEDIA),
            "enabled": False if cells.get("status", "").casefold() in _PLANNED else None,
            "description": text_of(cells.get("description", ""), name, report),
        }
    )


def _end(cells: Mapping[str, str], side: str, line: int, report: Report) -> Entry:
    """Return one end of a cable; without a column of devices it has an interface alone."""
    device, interface = cells.get(f"device-{side}", ""), cells.get(f"termination-{side}", "")
    if f"device-{side}" not in cells:
        report.drop(
            "ends of cables have no device, since the export has no columns 'Device A' and "
            "'Device B'; export 'All data'",
            f"line {line}",
        )
    several = [word for word in (device, interface) if "," in word]
    for word in several:
        report.note(f"end {side} has several terminations, {shown(word)}; name one of them", line)
    return known(
        {
            "device": "" if device in several else name_of(device, report, line),
            "interface": "" if interface in several else interface,
        }
    )
