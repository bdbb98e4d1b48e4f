"""YAML text to plain values with the place of every key and value.

Works on libyaml's events, so that anchors, aliases, tags, duplicate keys and positions are seen
in one pass and nothing is ever constructed. Scalars follow the core schema of YAML 1.2.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

import yaml

from inventory.documents.yaml_bounds import deep_bracket
from inventory.errors import Fault, Location

Place: TypeAlias = tuple[int, int]
Mark: TypeAlias = "tuple[int, int, dict[str, KeyMark] | list[Mark] | None]"
KeyMark: TypeAlias = tuple[int, int, Mark]

MAX_DEPTH: Final = 32
MAX_FAULTS: Final = 1_000
# A file of 8 MB that describes a network holds fewer; what is denser is junk, and not read on.
MAX_VALUES: Final = 500_000
_MAX_DIGITS: Final = 64
_CORE_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS: Final[tuple[tuple[re.Pattern[str], Callable[[str], object]], ...]] = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"0o[0-7]+"), partial(int, base=0)),
    (re.compile(r"0x[0-9a-fA-F]+"), partial(int, base=0)),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda _: float("nan")),
)
_NUMBER_STARTS: Final = frozenset("-+.0123456789")
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

_PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "mapping values are not allowed": (
        "a second ':' on one line, or a key indented too deep",
        "put a text that holds ': ' between quotes, or align the key with its neighbours",
    ),
    "found character that cannot start any token": (
        "a value cannot begin with this character",
        "put the value between quotes",
    ),
    "found unexpected end of stream": (
        "a quoted text is opened here and never closed",
        "close the quotation mark",
    ),
    "could not find expected ':'": (
        "a line that is neither 'key: value' nor '- item'",
        "add the ':' after the key, or align the line with its neighbours",
    ),
    "did not find expected key": (
        "a line at an unexpected indentation",
        "align the keys of a mapping in one column, and close every quotation mark",
    ),
    "did not find expected '-' indicator": (
        "a line at an unexpected indentation in a list",
        "begin every item of the list with '- ' in one column",
    ),
    "did not find expected ',' or ']'": (
        "a list opened by [ here is not closed or lacks a comma",
        "separate the items by ', ' and close with ']'",
    ),
    "did not find expected ',' or '}'": (
        "a mapping opened by { here is not closed or lacks a comma",
        "separate the pairs by ', ' and close with '}'",
    ),
    "found unknown escape character": (
        r"a '\' in double quotes that begins no known escape",
        r"use single quotes, or write '\\'",
    ),
    "block sequence entries are not allowed": (
        "a '- ' where no list can begin",
        "begin the list on a line of its own below the key",
    ),
}
_DEEP: Final = (f"more than {MAX_DEPTH} levels of nesting", "no document is that deep; undo it")
_TAB: Final = ("a tab where YAML wants spaces", "replace the tab by spaces")
_OTHER: Final = ("this is not YAML", "compare the line with an example of docs/intent.md")


@dataclass(frozen=True, slots=True)
class Composed:
    """What a text holds; whole is false when reading stopped before its end."""

    file: str
    value: object
    mark: Mark
    faults: tuple[Fault, ...]
    blamed: frozenset[Place]
    whole: bool


def compose_yaml(file: str, text: str) -> Composed:
    """Return the value of a YAML text with every fault of its notation."""
    if unprintable := _UNPRINTABLE.search(text):
        fault = _unprintable(file, text, unprintable.start())
        return Composed(file, None, (1, 1, None), (fault,), frozenset(), whole=False)
    composer = _Composer(file, yaml.parse(text, Loader=yaml.CSafeLoader))
    try:
        value, mark = composer.document()
    except yaml.MarkedYAMLError as error:
        deep = deep_bracket(file, text, error, MAX_DEPTH)
        composer.faults.append(Fault(deep, *_DEEP) if deep else _broken(file, text, error))
    except _StopReadingError as stop:
        composer.faults.append(stop.fault)
    else:
        return composer.composed(value, mark, whole=True)
    return composer.composed(composer.root, composer.root_mark, whole=False)


def scalar_value(text: str) -> object:
    """Return what a plain scalar means in the core schema; raises ValueError for huge numbers."""
    if not text or text in _WORDS:
        return _WORDS.get(text)
    if text[0] not in _NUMBER_STARTS:
        return text
    for pattern, read in _NUMBERS:
        if pattern.fullmatch(text):
            if len(text) > _MAX_DIGITS:
                raise ValueError(len(text))
            return read(text)
    return text


class _StopReadingError(Exception):
    """The rest of the file cannot be judged."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


@dataclass(slots=True)
class _Composer:
    """One pass over the events of one file."""

    file: str
    events: Iterator[yaml.Event]
    faults: list[Fault] = field(default_factory=list)
    blamed: set[Place] = field(default_factory=set)
    root: dict[str, object] = field(default_factory=dict)
    root_mark: Mark = (1, 1, None)
    values: int = 0

    def composed(self, value: object, mark: Mark, *, whole: bool) -> Composed:
        """Return the result with everything noticed on the way."""
        return Composed(self.file, value, mark, tuple(self.faults), frozenset(self.blamed), whole)

    def document(self) -> tuple[object, Mark]:
        """Return the only document of the stream; an empty stream is an empty mapping."""
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return {}, (1, 1, {})
        value, mark = self.node(next(self.events), 0)
        next(self.events)
        if value is None:
            value, mark = {}, (1, 1, {})
        if isinstance(following := next(self.events), yaml.DocumentStartEvent):
            self.root = value if isinstance(value, dict) else {}
            self.root_mark = mark
            fault = self._fault(
                following, "a second document in one file", "put it in a file of its own"
            )
            raise _StopReadingError(fault)
        return value, mark

    def node(self, event: yaml.Event, depth: int) -> tuple[object, Mark]:
        """Return the value that begins with this event."""
        line, column = _place(event)
        self.values += 1
        if self.values > MAX_VALUES:
            what = f"more than {MAX_VALUES:,} values in one file"
            raise _StopReadingError(self._fault(event, what, "split it; sections merge over files"))
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor or event.tag:
                self._decorated(event)
            return self._scalar(event), (line, column, None)
        if isinstance(event, yaml.AliasEvent):
            hint = "write the value out in full; every entry stands for itself"
            self._note(event, f"an alias, '*{_short(event.anchor)}'", hint)
            return None, (line, column, None)
        return self._collection(event, depth + 1)

    def _collection(self, event: yaml.Event, depth: int) -> tuple[object, Mark]:
        """Return a list or mapping."""
        if depth > MAX_DEPTH:
            raise _StopReadingError(self._fault(event, *_DEEP))
        if not isinstance(event, yaml.CollectionStartEvent):  # pragma: no cover
            raise _StopReadingError(self._fault(event, *_OTHER))
        if event.anchor or event.tag:
            self._decorated(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        return self._mapping(event, depth)

    def _sequence(self, event: yaml.Event, depth: int) -> tuple[object, Mark]:
        values: list[object] = []
        marks: list[Mark] = []
        for item in self.events:
            if isinstance(item, yaml.SequenceEndEvent):
                break
            value, mark = self.node(item, depth)
            values.append(value)
            marks.append(mark)
        return values, (*_place(event), marks)

    def _mapping(self, event: yaml.Event, depth: int) -> tuple[object, Mark]:
        values: dict[str, object] = self.root if depth == 1 else {}
        marks: dict[str, KeyMark] = {}
        own: Mark = (*_place(event), marks)
        if depth == 1:
            self.root_mark = own
        for key in self.events:
            if isinstance(key, yaml.MappingEndEvent):
                break
            name = self._key(key, depth)
            value, mark = self.node(next(self.events), depth)
            if name is None:
                continue
            if name in values:
                self._duplicate(key, name, marks[name])
                _extend(values[name], marks[name][2], value, mark)
            else:
                values[name] = value
                marks[name] = (*_place(key), mark)
        return values, own

    def _key(self, event: yaml.Event, depth: int) -> str | None:
        """Return a key as it is written, or None after noting that it is not a word."""
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor or event.tag:
                self._decorated(event)
            return str(event.value)
        if not isinstance(event, yaml.AliasEvent):
            self.node(event, depth)
        self._note(event, "a key that is not a word", "write 'key: value'")
        return None

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        if event.style:
            return str(event.value)
        try:
            return scalar_value(event.value)
        except ValueError:
            hint = "write a smaller number, or put it between quotes if it is a text"
            self._note(event, f"a number of {len(event.value)} digits", hint)
            return None

    def _decorated(self, event: yaml.NodeEvent) -> None:
        """Note an anchor or a tag."""
        if event.anchor:
            what = f"an anchor, '&{_short(event.anchor)}'"
            self._note(event, what, "remove it; every entry stands for itself", blame=False)
        if tag := getattr(event, "tag", None):
            what = f"a tag, '{_short(tag.replace(_CORE_TAG, '!!'))}'"
            plain = isinstance(event, yaml.ScalarEvent)
            self._note(event, what, "remove it; types follow from the key", blame=plain)

    def _duplicate(self, key: yaml.Event, name: str, first: KeyMark) -> None:
        what = f"the key '{_short(name)}' is written twice here"
        hint = f"keep one of them; the first is on line {first[0]}"
        self._note(key, what, hint, blame=False)

    def _note(self, event: yaml.Event, what: str, hint: str, *, blame: bool = True) -> None:
        """Note a fault; a blamed place is not faulted again for its value."""
        fault = self._fault(event, what, hint)
        if len(self.faults) == MAX_FAULTS:
            more = (
                f"more than {MAX_FAULTS} faults of notation",
                "correct the first ones, try again",
            )
            raise _StopReadingError(self._fault(event, *more))
        self.faults.append(fault)
        if blame:
            self.blamed.add((fault.where.line, fault.where.column))

    def _fault(self, event: yaml.Event, what: str, hint: str) -> Fault:
        return Fault(Location(self.file, *_place(event)), what, hint)


def _place(event: yaml.Event) -> Place:
    """Return where an event begins; lines and columns count from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _extend(values: object, mark: Mark, more: object, more_mark: Mark) -> None:
    """Join the items of a list written under a repeated key, so that they are judged as well."""
    if isinstance(values, list) and isinstance(more, list):
        values.extend(more)
        if isinstance(mark[2], list) and isinstance(more_mark[2], list):
            mark[2].extend(more_mark[2])


def _short(text: str | None) -> str:
    """Return a text fit for a message: one line, not too long."""
    text = text or ""
    clean = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return clean if len(clean) <= 40 else f"{clean[:37]}..."


def _unprintable(file: str, text: str, at: int) -> Fault:
    breaks = list(_BREAK.finditer(text, 0, at))
    column = at - (breaks[-1].end() if breaks else 0) + 1
    where = Location(file, len(breaks) + 1, column)
    return Fault(where, f"the control character U+{ord(text[at]):04X}", "delete it")


def _broken(file: str, text: str, error: yaml.MarkedYAMLError) -> Fault:
    """Return libyaml's complaint in the words of someone who edits the file."""
    problem = error.problem or ""
    unclosed = problem.startswith(("found unexpected end of stream", "did not find expected ','"))
    mark = (error.context_mark if unclosed else None) or error.problem_mark or error.context_mark
    if mark is None:
        return Fault(Location(file), *_OTHER)
    what, hint = next((w for known, w in _PROBLEMS.items() if problem.startswith(known)), _OTHER)
    lines = _BREAK.split(text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    before = line[: mark.column + 1]
    if "\t" in before and not before.strip("\t -:"):
        what, hint = _TAB
    return Fault(Location(file, mark.line + 1, mark.column + 1), what, hint)
