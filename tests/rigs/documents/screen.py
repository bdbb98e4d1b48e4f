"""A recipe of the pages, followed in a browser as its sentences say.

What a step does stands in a few set words: open `/path`; press **Button or link**; write “text”
into **Field**; choose “choice” at **Field**; the page reads “text”, where … is whatever is there.
A step that begins with "Your colleague" is done in somebody else's browser.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Error, Locator, Page, expect

from tests.rigs.documents.follow import RecipeError

WITHIN_MS: Final = 60_000
_STEP: Final = re.compile(r"^\d+\. (?P<text>.*(?:\n {3}.*)*)", re.M)
_ACT: Final = re.compile(
    r"[Oo]pens? `(?P<open>/[^`]*)`"
    r"|[Oo]pens? (?P<same>the same page)"
    r"|[Pp]ress(?:es)? \*\*(?P<press>[^*]+)\*\*"
    r"|[Ww]rites? “(?P<write>[^”]+)” into \*\*(?P<into>[^*]+)\*\*"
    r"|[Ww]rites? the code of (?:your|her) app into \*\*(?P<code>[^*]+)\*\*"
    r"|[Cc]hooses? “(?P<choose>[^”]+)” at \*\*(?P<at>[^*]+)\*\*"
    r"|reads “(?P<reads>[^”]+)”"
)
COLLEAGUE: Final = "Your colleague"
GUIDES: Final = (
    "answer-an-incident", "have-a-change-approved", "withdraw-a-tablet-on-the-screen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever follows a recipe at a page; code gives the next code of that person's app."""

    page: Page
    code: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Readers:
    """The reader, a colleague, and what happens in the world when a step says that it has."""

    origin: str
    you: Reader
    colleague: Reader | None = None
    meanwhile: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    within_ms: int = WITHIN_MS


def screen_steps(text: str) -> tuple[str, ...]:
    """Return the numbered steps of a page's text, each on one line."""
    return tuple(" ".join(found["text"].split()) for found in _STEP.finditer(text))


def follow_on_screen(page: Path, readers: Readers) -> int:
    """Do what a page says; return how many acts that were. Raises RecipeError."""
    return follow_text(page.read_text(encoding="utf-8"), readers)


def follow_text(text: str, readers: Readers) -> int:
    """Do what the text of a page says; return how many acts that were. Raises RecipeError."""
    steps = screen_steps(text)
    if unknown := [key for key in readers.meanwhile if not any(key in step for step in steps)]:
        raise RecipeError(f"no step of the page says {unknown}")
    return sum(_follow_step(step, readers) for step in steps)


def _follow_step(step: str, readers: Readers) -> int:
    for words, happen in readers.meanwhile.items():
        if words in step:
            happen()
    acts = list(_ACT.finditer(step))
    for act in acts:
        try:
            _do(act, _reader(step, readers), readers)
        except (Error, AssertionError) as error:
            raise RecipeError(f"{act[0]} (in: {step})\n{error}") from error
    return len(acts)


def _reader(step: str, readers: Readers) -> Reader:
    if not step.startswith(COLLEAGUE):
        return readers.you
    assert readers.colleague, "the recipe needs somebody else"
    return readers.colleague


def _do(act: re.Match[str], reader: Reader, readers: Readers) -> None:
    said = {key: value for key, value in act.groupdict().items() if value}
    kind = next(iter(said))
    page, within_ms = reader.page, readers.within_ms
    match kind:
        case "open":
            page.goto(f"{readers.origin}{said['open']}")
        case "same":
            page.goto(readers.you.page.url)
        case "press":
            _pressed(page, said["press"]).click(timeout=within_ms)
        case "write":
            _fields(page, said["into"]).fill(said["write"], timeout=within_ms)
        case "code":
            _fields(page, said["code"]).fill(reader.code(), timeout=within_ms)
        case "choose":
            _fields(page, said["at"]).select_option(label=said["choose"], timeout=within_ms)
        case _:
            expect(page.locator("body")).to_contain_text(_like(said["reads"]), timeout=within_ms)


def _pressed(page: Page, name: str) -> Locator:
    button = page.get_by_role("button", name=_like(name))
    return button.or_(page.get_by_role("link", name=_like(name))).first


def _fields(page: Page, name: str) -> Locator:
    return page.get_by_label(_like(name)).or_(page.get_by_placeholder(_like(name))).first


def _like(text: str) -> re.Pattern[str]:
    """Return what finds a text of a page, where … stands for anything."""
    return re.compile(".*".join(map(re.escape, text.split("…"))))
