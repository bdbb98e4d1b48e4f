"""Bounds of YAML texts that use aliases: how deep they nest, and what aliases multiply.

A few lines of aliases of aliases, or of merge keys ('<<'), stand for more values than a machine
holds. Loaders follow them, so the events are counted before.
"""

import re
from dataclasses import dataclass, field
from typing import Final

import yaml

from inventory.errors import Fault, IntentError, Location

MAX_DEPTH: Final = 100
# A value counts as often as aliases repeat it. Large inventories have some ten thousands.
MAX_REPEATED: Final = 1_000_000
_BRACKET: Final = re.compile(r"[][{}]")


def require_bounded(file: str, text: str, loader: type[yaml.CSafeLoader]) -> None:
    """Refuse a text that nests too deeply, or whose aliases stand for too much or for themselves.

    Raises IntentError, and yaml.YAMLError for what is not YAML.
    """
    counter = _Counter(file)
    try:
        for event in yaml.parse(text, Loader=loader):
            counter.count(event)
    except yaml.MarkedYAMLError as error:
        # libyaml gives up on deep brackets by itself, from some release on.
        if where := deep_bracket(file, text, error, MAX_DEPTH):
            raise IntentError([_too_deep(where)]) from error
        raise


def deep_bracket(file: str, text: str, error: yaml.MarkedYAMLError, most: int) -> Location | None:
    """Return where brackets before an error nest deeper than allowed, None if they do not."""
    end = error.problem_mark.index if error.problem_mark else len(text)
    depth = 0
    for found in _BRACKET.finditer(text, 0, end):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        if depth > most:
            before = text[: found.start()]
            return Location(file, before.count("\n") + 1, found.start() - before.rfind("\n"))
    return None


def _too_deep(where: Location) -> Fault:
    what = f"more than {MAX_DEPTH} levels of nesting"
    return Fault(where, what, "no inventory is that deep; undo it")


@dataclass(slots=True)
class _Open:
    """A list or mapping that has not ended, and how many values it holds so far."""

    anchor: str | None
    values: int = 1


@dataclass(slots=True)
class _Counter:
    """Values of one text, counted as aliases repeat them; sizes are 0 while an anchor is open."""

    file: str
    open: list[_Open] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    repeated: int = 0

    def count(self, event: yaml.Event) -> None:
        """Take the next event in. Raises IntentError."""
        if isinstance(event, yaml.AliasEvent):
            self._repeat(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._end(_Open(event.anchor))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(self.open.pop())

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self.open.append(_Open(event.anchor))
        if event.anchor:
            self.sizes[event.anchor] = 0
        if len(self.open) > MAX_DEPTH:
            raise IntentError([_too_deep(self._where(event))])

    def _end(self, ended: _Open) -> None:
        if ended.anchor:
            self.sizes[ended.anchor] = ended.values
        if self.open:
            self.open[-1].values += ended.values

    def _repeat(self, event: yaml.AliasEvent) -> None:
        # The loader refuses an alias of what is not there.
        name = event.anchor or ""
        size = self.sizes.get(name, 1)
        if size == 0:
            what = f"the alias '*{name[:40]}' stands inside of what it stands for"
            raise self._refused(event, what, "write out what is meant")
        self.repeated += size
        if self.repeated > MAX_REPEATED:
            what = f"the aliases up to here stand for more than {MAX_REPEATED:,} values"
            raise self._refused(event, what, "write out what is meant, without aliases of aliases")
        self._end(_Open(None, size))

    def _refused(self, event: yaml.Event, what: str, hint: str) -> IntentError:
        return IntentError([Fault(self._where(event), what, hint)])

    def _where(self, event: yaml.Event) -> Location:
        mark = event.start_mark
        return Location(self.file, mark.line + 1, mark.column + 1) if mark else Location(self.file)
