"""Follows a recipe: writes its documents and runs its commands as written, in their order."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from tests.rigs.documents.output import first_difference, without_progress
from tests.rigs.documents.recipe import Command, Document, Step, first_line
from tests.rigs.documents.shell import Ran, Shell

Act: TypeAlias = Callable[[], object]
_T = TypeVar("_T")
_AGAIN: Final = re.compile(r" @\d+$")


@dataclass(frozen=True, slots=True)
class Guide:
    """What a page leaves to its reader. Keys are first lines of the page's steps, or begin them.

    "LINE @2" is the second step with that line; a key without a number is of first ones alone.
    documents: what is done with the text of a file. before: what happens before a command.
    codes: exit codes other than 0. typed: answers to questions. others: the shells of other
    machines. instead: commands that a test runs in another way, such as two at once.
    not_run: why a command is not run. names: what stands in a page for what is here.
    """

    documents: Mapping[str, Callable[[str], object]] = field(default_factory=dict)
    before: Mapping[str, Act] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    typed: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    others: Mapping[str, Callable[[], Shell]] = field(default_factory=dict)
    instead: Mapping[str, Act] = field(default_factory=dict)
    not_run: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Callable[[], str] | str] = field(default_factory=dict)

    def step_names(self) -> set[str]:
        """Return all lines that a page must have for this guide to be right."""
        tables: tuple[Mapping[str, object], ...] = (
            self.documents, self.before, self.codes, self.typed, self.others, self.instead,
            self.not_run,
        )  # fmt: skip
        return {key for table in tables for key in table}


class RecipeError(AssertionError):
    """A recipe does not do what it says; the text names its line."""


def follow(steps: Sequence[Step], guide: Guide, shell: Shell) -> list[str]:
    """Follow a recipe's steps; return the first lines of those that were done.

    Raises RecipeError where a command fails or prints something else than the page shows, where
    the guide knows nothing of a document, and where the page lacks what the guide knows.
    """
    if unknown := unknown_keys(steps, guide):
        raise RecipeError(f"the page has no step that begins with {sorted(unknown)}")
    done = []
    for name, step in named_steps(steps):
        if _of(guide.not_run, name) is None:
            _do(name, step, guide, shell)
            done.append(name)
    return done


def named_steps(steps: Sequence[Step]) -> list[tuple[str, Step]]:
    """Return steps with their names: their first line, and a number where that is there again."""
    seen: Counter[str] = Counter()
    named = []
    for step in steps:
        line = first_line(step)
        seen[line] += 1
        named.append((line if seen[line] == 1 else f"{line} @{seen[line]}", step))
    return named


def unknown_keys(steps: Sequence[Step], guide: Guide) -> set[str]:
    """Return what a guide names and a page lacks."""
    names = [name for name, _ in named_steps(steps)]
    return {key for key in guide.step_names() if not any(_begins(key, name) for name in names)}


def _begins(key: str, name: str) -> bool:
    """Return whether a key of a guide means the step of a name."""
    return name == key or (name.startswith(key) and not _AGAIN.search(name))


def _of(table: Mapping[str, _T], name: str) -> _T | None:
    """Return what a table has for a step: the longest key that begins it counts."""
    found = [key for key in table if _begins(key, name)]
    return table[max(found, key=len)] if found else None


def _do(name: str, step: Step, guide: Guide, shell: Shell) -> None:
    if act := _of(guide.before, name):
        act()
    if act := _of(guide.instead, name):
        act()
    elif isinstance(step, Document):
        if (write := _of(guide.documents, name)) is None:
            raise RecipeError(f"line {step.line}: where is this to be written? {name}")
        write(step.text)
    else:
        other = _of(guide.others, name)
        ran = (other() if other else shell).run(
            _named(step.text, guide), _of(guide.typed, name) or ()
        )
        assert_as_shown(step, ran, _of(guide.codes, name) or 0, guide)


def assert_as_shown(command: Command, ran: Ran, code: int, guide: Guide) -> None:
    """Raise RecipeError where a command ended or spoke otherwise than its page says."""
    place = f"line {command.line}: {command.text}\n"
    seen = without_progress(ran.lines)
    printed = "\n".join(seen)
    if ran.code != code or "Traceback" in printed:
        raise RecipeError(f"{place}ended with {ran.code}, not {code}:\n{printed}")
    shown = [_named(line, guide) for line in command.shown]
    if shown and (line := first_difference(shown, seen)):
        raise RecipeError(f"{place}shown and not printed: {line}\nprinted:\n{printed}")


def _named(text: str, guide: Guide) -> str:
    """Put what is here for what stands in the page."""
    for name, value in guide.names.items():
        pattern = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        if re.search(pattern, text):
            here = value if isinstance(value, str) else value()
            text = re.sub(pattern, here.replace("\\", r"\\"), text)
    return text


def appended(file: Path) -> Callable[[str], object]:
    """Return what writes a document at the end of a file."""

    def write(text: str) -> None:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text(f"{before}{text}", encoding="utf-8")

    return write


def replaced(file: Path, old: str, new: str) -> None:
    """Replace a text that a file has once. Raises AssertionError when it has it not, or twice."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has {text.count(old)} times: {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")
