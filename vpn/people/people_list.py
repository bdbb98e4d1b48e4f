"""Reading a list of people, as CSV or YAML, or everything that is wrong with it at its line.

One row or item is a device of a person; whoever has several stands there several times.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import StringIO
from itertools import islice
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field

from inventory.documents.entries import DocumentEntry, parse_entries, repeated_names
from inventory.documents.fields import Document, Slug, Title
from inventory.documents.messages import refuse_value
from inventory.documents.yaml_reader import MAX_FAULTS, compose_yaml
from inventory.documents.yaml_writer import inline_yaml
from inventory.errors import Fault, IntentError, Location
from inventory.free_text import quoted
from inventory.names import closest_name
from vpn.key_text import PublicKey
from vpn.model import Person, PersonDevice
from vpn.wireguard import keys

SECTION: Final = "people"
LONGEST: Final = 8_000_000
MOST: Final = 100_000


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse_value(f"{quoted(value)} is no day", "write it as '2027-02-28'") from None


def _key(value: object) -> PublicKey:
    # What stands there may be a private key by mistake: no message repeats it.
    try:
        return keys.parse_public(value if isinstance(value, str) else "")
    except ValueError as error:
        raise refuse_value(
            str(error), "show the public key with 'wg pubkey' on the device"
        ) from None


Day: TypeAlias = Annotated[Any, BeforeValidator(_day)]
WireGuardKey: TypeAlias = Annotated[Any, BeforeValidator(_key)]


class PersonDocument(Document):
    """A person and one of their devices."""

    name: Slug = Field(examples=["a-ngono"])
    title: Title = Field(examples=["Dr A. Ngono"])
    role: Slug = Field(examples=["oncologist"])
    site: Slug = Field(examples=["yaounde"])
    licence: Title | None = Field(default=None, examples=["ONMC 1234"])
    licence_until: Day | None = Field(default=None, examples=["2027-12-31"])
    until: Day | None = Field(default=None, examples=["2027-02-28"])
    device: Slug = Field(default="tablet", examples=["tablet"])
    public_key: WireGuardKey | None = Field(default=None, examples=["(from 'wg pubkey')"])

    def person(self) -> Person:
        """Return the person; access ends with the licence unless an earlier day is written."""
        return Person(
            self.name,
            self.title.strip() or self.name,
            self.role,
            self.site,
            (self.licence or "").strip(),
            self.licence_until,
            self.until or self.licence_until,
        )


COLUMNS: Final = tuple(PersonDocument.model_fields)
# What a list need not speak of: then people keep what they have of it.
OPTIONAL: Final = frozenset({"licence", "licence_until", "until"})


def people_rows(found: Iterable[tuple[Person, PersonDevice]]) -> list[dict[str, str]]:
    """Return devices of people as rows of a list, without what nothing is known of."""
    return [
        {
            key: str(value)
            for key, value in {
                **{name: getattr(person, name) for name in COLUMNS if hasattr(person, name)},
                "device": device.name,
                "public_key": device.public_key,
            }.items()
            if value
        }
        for person, device in found
    ]


def people_csv(found: Iterable[tuple[Person, PersonDevice]]) -> str:
    """Return devices of people as a list in CSV, which reads back as what it was made of."""
    stream = StringIO()
    table = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(people_rows(found))
    return stream.getvalue()


def people_yaml(found: Iterable[tuple[Person, PersonDevice]]) -> str:
    """Return devices of people as a list in YAML, which reads back as what it was made of."""
    rows = [f"  - {inline_yaml(row)}\n" for row in people_rows(found)]
    return f"{SECTION}:\n{''.join(rows)}" if rows else f"{SECTION}: []\n"


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device that a person is to have; public_key is None where it is to be made.

    unsaid is what the list does not speak of, for want of a column or a key.
    """

    person: Person
    device: str
    public_key: PublicKey | None
    where: Location
    unsaid: frozenset[str] = frozenset()


def read_people_list(file: str, text: str) -> tuple[ListedDevice, ...]:
    """Return the devices that a list names, in its order.

    Raises IntentError with every fault.
    """
    if len(text) > LONGEST:
        raise IntentError([Fault(Location(file), "the file is longer than 8 MB", "split it")])
    if file.lower().endswith((".yaml", ".yml")):
        (entries, faults), columns = _yaml(file, text), frozenset[str]()
    else:
        entries, faults, columns = _csv(file, text)
    written: list[tuple[DocumentEntry, PersonDocument]] = []
    for entry in entries:
        document, found = parse_entries(entry, PersonDocument)
        faults += found
        if document is not None:
            written.append((entry, document))
    faults += repeated_names(written, lambda one: (one.name, one.device), "this device of a person")
    faults += _differing(written)
    faults += _shared(written)
    if faults:
        raise IntentError(sorted(set(faults))[:MAX_FAULTS])
    return tuple(
        ListedDevice(
            one.person(), one.device, one.public_key, entry.where(), _unsaid(entry, columns)
        )
        for entry, one in written
    )


def _unsaid(entry: DocumentEntry, columns: frozenset[str]) -> frozenset[str]:
    keys = entry.value.keys() if isinstance(entry.value, dict) else ()
    return OPTIONAL - columns - {*keys}


def _differing(written: Iterable[tuple[DocumentEntry, PersonDocument]]) -> Iterator[Fault]:
    """Yield a fault for every row that says something else of a person than an earlier one."""
    first: dict[str, tuple[DocumentEntry, Person]] = {}
    for entry, document in written:
        person = document.person()
        before, known = first.setdefault(person.name, (entry, person))
        if known != person:
            what = f"{person.name} is somebody else at {before.where()}"
            yield Fault(entry.where(), what, "say the same in all rows of a person")


def _shared(written: Iterable[tuple[DocumentEntry, PersonDocument]]) -> Iterator[Fault]:
    first: dict[PublicKey, DocumentEntry] = {}
    for entry, document in written:
        if document.public_key:
            before = first.setdefault(document.public_key, entry)
            if before is not entry:
                what = f"this public key is that of another device, at {before.where()}"
                yield Fault(entry.where("public_key"), what, "make a pair on every device")


def _csv(file: str, text: str) -> tuple[list[DocumentEntry], list[Fault], frozenset[str]]:
    """Return the rows, what is wrong with them, and which columns there are."""
    plain = text.removeprefix("\ufeff")
    reader = csv.reader(StringIO(plain, newline=""), strict=True, delimiter=_separator(plain))
    entries: list[DocumentEntry] = []
    try:
        headings = [heading.strip().lower() for heading in next(reader, [])]
        if faults := list(_heading_faults(file, headings)):
            return [], faults, frozenset()
        for line, row in _lines(reader):
            if len(row) != len(headings):
                what = f"the row has {len(row)} columns and the first line {len(headings)}"
                hint = "separate them as the first line does, and quote what holds a separator"
                faults.append(Fault(Location(file, line, 1), what, hint))
            else:
                value = {k: cell.strip() for k, cell in zip(headings, row, strict=True)}
                entries.append(_entry(file, line, value))
    except csv.Error as error:
        where = Location(file, max(reader.line_num, 1), 1)
        return [], [Fault(where, f"this is not CSV: {error}", "write it again")], frozenset()
    return entries, faults, frozenset(headings)


def _separator(text: str) -> str:
    """Return what separates columns: spreadsheets in French write semicolons."""
    first = text.partition("\n")[0]
    return ";" if ";" in first and "," not in first else ","


def _lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold something, with the line at which each begins."""
    line = reader.line_num + 1
    for row in islice(reader, MOST):
        if any(cell.strip() for cell in row):
            yield line, row
        line = reader.line_num + 1
    if next(reader, None) is not None:
        raise csv.Error(f"it has more than {MOST:,} rows")


def _entry(file: str, line: int, row: Mapping[str, str]) -> DocumentEntry:
    value = {key: cell for key, cell in row.items() if cell}
    return DocumentEntry(value, SECTION, file, (line, 1, {}))


def _heading_faults(file: str, headings: list[str]) -> Iterator[Fault]:
    where = Location(file, 1, 1)
    for heading in headings:
        if heading not in COLUMNS:
            yield Fault(
                where,
                f"unknown column {quoted(heading)}",
                closest_name(heading, COLUMNS, "columns"),
            )
    twice = sorted({heading for heading in headings if headings.count(heading) > 1})
    for heading in twice:
        yield Fault(where, f"the column {quoted(heading)} stands there twice", "keep one of them")
    if not headings:
        yield Fault(where, "the file is empty", f"begin with a line '{','.join(COLUMNS)}'")


def _yaml(file: str, text: str) -> tuple[list[DocumentEntry], list[Fault]]:
    composed = compose_yaml(file, text)
    value, mark = composed.value, composed.mark
    faults = list(composed.faults)
    items = value.get(SECTION) if isinstance(value, dict) else None
    inside = mark[2]
    if not (isinstance(value, dict) and isinstance(inside, dict) and value.keys() == {SECTION}):
        items = None
    marks = inside[SECTION][2][2] if items is not None and isinstance(inside, dict) else None
    if not isinstance(items, list) or not isinstance(marks, list):
        if not faults:
            where = Location(file, mark[0], mark[1])
            faults.append(Fault(where, "this is no list of people", f"begin with '{SECTION}:'"))
        return [], faults
    if len(items) > MOST:
        return [], [Fault(Location(file), f"more than {MOST:,} people", "split the file")]
    blamed = composed.blamed
    return [
        DocumentEntry(item, SECTION, file, place, blamed)
        for item, place in zip(items, marks, strict=True)
    ], faults
