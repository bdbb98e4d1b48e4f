"""What an import took, what it left, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from inventory.errors import Location

Entry: TypeAlias = dict[str, Any]
Sections: TypeAlias = dict[str, list[Entry]]

MOST_NAMES: Final = 8
# No person reads more of them.
MOST_NOTICES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a source holds and the intent does not, and why."""

    where: Location
    what: str

    def __str__(self) -> str:
        """Return the notice as one line."""
        return printable(f"{self.where}: {self.what}")


@dataclass(frozen=True, slots=True)
class Imported:
    """The sections that a source became, and what of it was not taken."""

    sections: Sections
    notices: tuple[Notice, ...] = ()


@dataclass(slots=True)
class Report:
    """What is left of one file while it is read; equal losses of many entries become one line."""

    file: str
    lines: list[Notice] = field(default_factory=list)
    groups: dict[str, dict[str, None]] = field(default_factory=dict)

    def note(self, what: str, line: int = 0) -> None:
        """Note one loss."""
        self.lines.append(Notice(Location(self.file, line, 1 if line else 0), what))

    def drop(self, what: str, name: str) -> None:
        """Note a loss that others may share; what says it of all, name says whose it is."""
        self.groups.setdefault(what, {})[name] = None

    def notices(self) -> tuple[Notice, ...]:
        """Return every loss, the shared ones last."""
        shared = (f"{what}: {listed([*names])}" for what, names in self.groups.items())
        found = [*self.lines, *(Notice(Location(self.file), what) for what in shared)]
        if len(found) > MOST_NOTICES:
            more = f"{len(found) - MOST_NOTICES:,} further facts were not taken"
            found[MOST_NOTICES:] = [Notice(Location(self.file), more)]
        return tuple(found)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them, the tail of a long list counted."""
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES:,} more"
    return ", ".join(names)


def printable(text: str) -> str:
    """Return a text with escapes where a terminal would not show what stands there."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def merged(several: Sequence[Imported]) -> Imported:
    """Return what several sources became, as one."""
    sections: Sections = {}
    for one in several:
        for name, entries in one.sections.items():
            sections.setdefault(name, []).extend(entries)
    return Imported(sections, tuple(notice for one in several for notice in one.notices))


def number_devices(devices: Sequence[Entry]) -> Iterator[Entry]:
    """Yield devices with a number each, counted from 1 at every site that is known."""
    taken: dict[str, int] = {}
    for entry in devices:
        site = str(entry.get("site", ""))
        taken[site] = taken.get(site, 0) + 1
        number = taken[site] if site else None
        first = {"name": entry.get("name"), "site": site, "number": number}
        yield {**known(first), **entry}


def known(entry: Mapping[str, Any]) -> Entry:
    """Return an entry without the keys that the source says nothing of."""
    return {key: value for key, value in entry.items() if value not in ("", None, {})}


def to_yaml(sections: Sections) -> str:
    """Return sections as an intent document."""
    return yaml.safe_dump(sections, allow_unicode=True, sort_keys=False, default_flow_style=False)
