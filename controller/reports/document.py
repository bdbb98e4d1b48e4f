"""A report laid out for reading: headings, sentences and tables, before any format is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from controller.incidents.sentences import Language


class State(StrEnum):
    """How something that was checked stands; unknown is never taken for good."""

    GOOD = "good"
    NOTE = "note"
    ACT = "act"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a column holds: text, a number, a share from 0 to 1, seconds, a state, or a bar."""

    TEXT = "text"
    NUMBER = "number"
    SHARE = "share"
    SECONDS = "seconds"
    STATE = "state"
    BAR = "bar"


Cell: TypeAlias = str | float | int | State | tuple[tuple[str, float], ...] | None
Row: TypeAlias = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; key names it in CSV, where it is the same in every language."""

    key: str
    heading: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, sentences below it, and a table; of a table without rows, empty says why."""

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report in one language.

    headline is the one sentence that a busy person reads, facts are labels with values, table is
    what CSV holds. words are those of the language that every format uses.
    """

    name: str
    language: Language
    title: str
    subtitle: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    table: Section
    footer: str
    words: Mapping[str, str]
