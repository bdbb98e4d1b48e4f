"""A recipe read as its steps: commands with what they print, and the text of files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final, TypeAlias

from tests.docs_page import DOCS

RECIPES: Final = tuple(sorted((DOCS / "recipes").glob("*.md")))
# A fenced block in another language than these is the text of a file.
SHELL: Final = frozenset({"", "sh", "bash"})
PROMPT: Final = "$ "
_FENCE: Final = re.compile(r"^(?P<indent> *)```(?P<language>\S*)$")
_CELL: Final = re.compile(r"(?<=\|) *`((?:sudo )?sanaga [^`]+)` *(?=\|)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line as it is written, and what the page shows of its output, if anything."""

    text: str
    shown: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file, or of a part of one, which the reader writes."""

    text: str
    line: int


Step: TypeAlias = Command | Document


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of code without their indentation; language is None where they are only indented."""

    language: str | None
    lines: tuple[str, ...]
    line: int


def first_line(step: Step) -> str:
    """Return the line by which a step is known."""
    return step.text.splitlines()[0].strip()


def read_recipe(page: Path) -> tuple[Step, ...]:
    """Return the steps of a page in their order."""
    return tuple(steps_of(page.read_text(encoding="utf-8")))


def steps_of(text: str) -> Iterator[Step]:
    """Yield the steps of a page's text in their order."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if block := _block(lines, at):
            yield from _steps(block)
            at = block.line + len(block.lines) + (0 if block.language is None else 1)
        else:
            yield from (Command(cell, (), at + 1) for cell in _CELL.findall(lines[at]))
            at += 1


def _block(lines: Sequence[str], at: int) -> _Block | None:
    """Return the block that begins at a line; its own line is the index of its first content."""
    if fence := _FENCE.match(lines[at]):
        end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
        indent = fence["indent"]
        inside = tuple(line.removeprefix(indent) for line in lines[at + 1 : end])
        return _Block(fence["language"], inside, at + 1)
    if lines[at].startswith("    ") and (not at or not lines[at - 1].strip()):
        end = at
        while end < len(lines) and (lines[end].startswith("    ") or _goes_on(lines, end)):
            end += 1
        return _Block(None, tuple(dedent("\n".join(lines[at:end])).split("\n")), at)
    return None


def _goes_on(lines: Sequence[str], at: int) -> bool:
    """Return whether an empty line is inside an indented block."""
    following = next((line for line in lines[at:] if line.strip()), "")
    return not lines[at].strip() and following.startswith("    ") and not _FENCE.match(following)


def _steps(block: _Block) -> Iterator[Step]:
    if block.language is not None and block.language not in SHELL:
        yield Document("\n".join(block.lines) + "\n", block.line + 1)
    elif any(line.startswith(PROMPT) for line in block.lines):
        yield from _session(block)
    else:
        for number, line in enumerate(block.lines, block.line + 1):
            if line.strip():
                yield Command(line, (), number)


def _session(block: _Block) -> Iterator[Command]:
    """Yield the commands of what was seen at a terminal; lines without a prompt are output."""
    starts = [at for at, line in enumerate(block.lines) if line.startswith(PROMPT)]
    assert starts[0] == 0, f"line {block.line + 1}: output without a command"
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        command = block.lines[start].removeprefix(PROMPT)
        shown = list(block.lines[start + 1 : end])
        while shown and not shown[-1].strip():
            shown.pop()
        yield Command(command, tuple(shown), block.line + start + 1)
