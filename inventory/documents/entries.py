"""An intent folder as located entries: what is written, and exactly where."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from inventory.documents.folder import list_sources
from inventory.documents.messages import KEY_FAULTS, follows, validation_messages
from inventory.documents.yaml_reader import MAX_FAULTS, Composed, Mark, Place, compose_yaml
from inventory.errors import Fault, Location
from inventory.free_text import quoted
from inventory.names import closest_name, known_names

T = TypeVar("T")
D = TypeVar("D", bound=BaseModel)

INVENTORY_SECTIONS: Final = ("network", "sites", "devices", "circuits", "zones")
POLICY_SECTIONS: Final = ("classes", "paths", "rules", "expect")
VPN_SECTIONS: Final = ("groups", "grants", "hosts", "gateways")
SERVICE_SECTIONS: Final = ("notices", "schedules")
SECTIONS: Final = INVENTORY_SECTIONS + POLICY_SECTIONS + VPN_SECTIONS + SERVICE_SECTIONS
# Sections that are one mapping instead of a list.
_MAPPINGS: Final = frozenset({"network", *SERVICE_SECTIONS})
# What one entry of a section is called in a sentence.
NOUNS: Final[Mapping[str, str]] = {
    "network": "the network",
    "sites": "a site",
    "devices": "a device",
    "circuits": "a circuit",
    "zones": "a zone",
    "classes": "a class",
    "paths": "a path policy",
    "rules": "a rule",
    "expect": "an expectation",
    "groups": "a group",
    "grants": "a grant",
    "hosts": "a host",
    "gateways": "a gateway",
    "people": "a person",
    "notices": "the notices",
    "schedules": "the schedules",
}
_DECLARED_NAME: Final = re.compile(r"\bname['\"]?:[ \t]+['\"]?([A-Za-z0-9-]+)")


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """One item of a section; value is plain YAML, blamed are places already faulted."""

    value: object
    section: str
    file: str
    mark: Mark
    blamed: frozenset[Place] = field(default=frozenset(), repr=False)

    def where(self, *path: str | int) -> Location:
        """Return where the value at a path begins, or its nearest known ancestor."""
        mark, _ = self._found(path)
        return Location(self.file, mark[0], mark[1])

    def where_key(self, *path: str | int) -> Location:
        """Return where the last key of a path is written, or its nearest known ancestor."""
        _, place = self._found(path)
        return Location(self.file, *place)

    def get(self, *path: str | int) -> object:
        """Return the value at a path, or None where there is nothing."""
        value = self.value
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str | None:
        """Return the text at a path, or None where something else stands."""
        value = self.get(*path)
        return value if isinstance(value, str) else None

    def integer(self, *path: str | int) -> int | None:
        """Return the whole number at a path, or None where something else stands."""
        value = self.get(*path)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def items(self, *path: str | int) -> tuple[object, ...]:
        """Return the list at a path, or nothing where something else stands."""
        value = self.get(*path)
        return tuple(value) if isinstance(value, list) else ()

    def _found(self, path: tuple[str | int, ...]) -> tuple[Mark, Place]:
        mark, place = self.mark, self.mark[:2]
        for step in path:
            inside = mark[2]
            if isinstance(inside, dict) and step in inside:
                line, column, mark = inside[str(step)]
                place = (line, column)
            elif isinstance(inside, list) and isinstance(step, int) and step < len(inside):
                mark = inside[step]
                place = mark[:2]
        return mark, place


@dataclass(frozen=True, slots=True)
class Documents:
    """Every entry of a folder by section, and what is wrong with the notation.

    torn tells that some file could not be read to its end, and mentioned are the names it seems
    to declare; unread tells that some file could not be looked into at all, so that any name may
    be declared there.
    """

    folder: Path
    files: tuple[str, ...]
    entries: Mapping[str, tuple[DocumentEntry, ...]]
    faults: tuple[Fault, ...]
    mentioned: frozenset[str] = frozenset()
    torn: bool = False
    unread: bool = False

    def may_declare(self, name: str) -> bool:
        """Return whether a file that could not be read to its end may declare a name."""
        return self.unread or name in self.mentioned

    def unknown(
        self, where: Location, noun: str, name: str, names: Iterable[str]
    ) -> Iterator[Fault]:
        """Yield the fault of a name that is not among names and that no torn file may hold."""
        known = sorted(names)
        if name not in known and not self.may_declare(name):
            hint = known_names(name, known, f"{noun}s")
            yield Fault(where, f"unknown {noun} {quoted(name)}", hint)

    def written(
        self, section: str, shape: type[D]
    ) -> tuple[list[tuple[DocumentEntry, D]], list[Fault]]:
        """Return the entries of a section with their documents, and the faults of the others."""
        written, faults = list[tuple[DocumentEntry, D]](), list[Fault]()
        for entry in self.entries[section]:
            document, found = parse_entries(entry, shape)
            faults += found
            if document is not None:
                written.append((entry, document))
        return written, faults


def repeated_names(
    written: Iterable[tuple[DocumentEntry, D]], key: Callable[[D], Hashable], noun: str
) -> Iterator[Fault]:
    """Yield a fault for every entry about something that an earlier entry is about."""
    first: dict[Hashable, DocumentEntry] = {}
    for entry, document in written:
        before = first.setdefault(key(document), entry)
        if before is not entry:
            what = f"{noun} is declared twice, first at {before.where()}"
            yield Fault(entry.where(), what, "keep one of them")


def read_documents(folder: Path) -> Documents:
    """Return the entries of all YAML files below a folder; never raises for their content."""
    found = list_sources(folder)
    composed = [(s.text, compose_yaml(s.file, s.text)) for s in found if s.text is not None]
    entries: dict[str, list[DocumentEntry]] = {section: [] for section in SECTIONS}
    faults = [source.fault for source in found if source.fault]
    torn = [text for text, result in composed if not result.whole]
    for _, result in composed:
        faults += result.faults
        for item in _split(result):
            if isinstance(item, Fault):
                faults.append(item)
            else:
                entries[item.section].append(item)
    unread = any(source.text is None for source in found)
    return Documents(
        folder,
        tuple(source.file for source in found if source.text is not None),
        {section: tuple(items) for section, items in entries.items()},
        tuple(sorted(faults)),
        frozenset(name for text in torn for name in _DECLARED_NAME.findall(text)),
        torn=unread or bool(torn),
        unread=unread,
    )


def parse_entries(
    entry: DocumentEntry, document: type[T], *, examples: Mapping[str, str] | None = None
) -> tuple[T | None, tuple[Fault, ...]]:
    """Return an entry as a document, or every fault with what to write instead.

    examples replace the example of a key (dotted path) in hints.
    """
    try:
        # mypy takes no type variable for a hashable value.
        value: T = _adapter(cast("Hashable", document)).validate_python(entry.value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
    else:
        return value, ()
    noun = NOUNS[entry.section]
    faults = []
    for detail in details[:MAX_FAULTS]:
        path = tuple(step for step in detail["loc"] if step != "[key]")
        at_key = detail["type"] in KEY_FAULTS or path != detail["loc"]
        where = entry.where_key(*path) if at_key else entry.where(*path)
        if (where.line, where.column) in entry.blamed or follows(detail):
            continue
        shape = document if isinstance(document, type) and issubclass(document, BaseModel) else None
        faults.append(Fault(where, *validation_messages(detail, shape, noun, examples or {})))
    return None, tuple(sorted(set(faults)))


@cache
def _adapter(document: Any) -> TypeAdapter[Any]:
    return TypeAdapter(document)


def _split(composed: Composed) -> Iterator[DocumentEntry | Fault]:
    """Yield the entries of a file's sections, and a fault for whatever is no section."""
    if not isinstance(composed.value, dict) or not isinstance(composed.mark[2], dict):
        if composed.whole:
            where = Location(composed.file, composed.mark[0], composed.mark[1])
            hint = f"begin with a section such as 'sites:'; the sections are {', '.join(SECTIONS)}"
            yield Fault(where, "the file is not a mapping of sections", hint)
        return
    marks = composed.mark[2]
    for name in (name for name in composed.value if name in SECTIONS):
        at = (marks[name][2], composed.blamed)
        yield from _entries(name, composed.value[name], composed.file, at)
    unknown = (name for name in composed.value if name not in SECTIONS)
    for name in islice(unknown, MAX_FAULTS):
        line, column, _ = marks[name]
        what = f"unknown section {quoted(name)}"
        yield Fault(
            Location(composed.file, line, column), what, closest_name(name, SECTIONS, "sections")
        )


def _entries(
    section: str, value: object, file: str, at: tuple[Mark, frozenset[Place]]
) -> Iterator[DocumentEntry | Fault]:
    """Yield the entries of one section; an empty section has none."""
    mark, blamed = at
    if value is None and section != "network":
        return
    if section in _MAPPINGS:
        yield DocumentEntry(value, section, file, mark, blamed)
    elif isinstance(value, list) and isinstance(mark[2], list):
        yield from (
            DocumentEntry(item, section, file, place, blamed)
            for item, place in zip(value, mark[2], strict=True)
        )
    elif mark[:2] not in blamed:
        example = "- a sentence" if section == "expect" else "- name: ..."
        hint = f"begin {NOUNS[section]} on a line of its own with '{example}'"
        yield Fault(Location(file, mark[0], mark[1]), f"{section} is not a list", hint)
