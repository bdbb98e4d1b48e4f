"""What the documents promise is there: commands, links, and the shape of the code."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from controller.cli.main import app
from tests.sanaga_process import ROOT

READMES = (ROOT / "README.md", ROOT / "README.fr.md")
PAGES = tuple(sorted((ROOT / "docs").rglob("*.md")))
BESIDE_DATA = tuple(sorted((ROOT / "inventory").rglob("*.md")))
DOCUMENTS = (*READMES, ROOT / "CHANGELOG.md", *PAGES, *BESIDE_DATA)
# The log of decisions names verbs as they were on its days.
WITH_COMMANDS = tuple(
    page for page in DOCUMENTS if page.name not in {"decisions.md", "CHANGELOG.md"}
)
LONGEST_PAGE = 150
# References that the program writes, one reference whose every row is tested, and a dated log.
LONG_PAGES = {
    "docs/architecture.md": "its map of rooms is written by 'make docs'",
    "docs/cli.md": "written by 'make docs'",
    "docs/reference/rooms.md": "written by 'make docs'",
    "docs/benchmarks.md": "its tables are written by the three benchmarks of make",
    "docs/intent.md": "every key of every document, tested by test_reference.py",
    "docs/decisions.md": "a dated log, which only grows",
}
DEEPEST = 3
# Alembic wants its scripts in a folder of their own.
SCRIPTS = {"migrations", "versions"}
# Tests mirror the rooms below a folder of their own: tests/unit/ROOM/PACKAGE/test_MODULE.py.
DEEPEST_TEST = DEEPEST + 2
LONGEST = 400
_SPAN = re.compile(r"`(?:sudo )?(sanaga [^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_QUOTED = re.compile(r"`([^`\n]+)`")
_ROOMS = "database|accounts|inventory|topology|policies|vpn|edge|controller|simulations|tests|tools"
_FILE = re.compile(rf"(?<![\w/.-])(?:{_ROOMS})/[\w./-]*(?:\.\w+|/)(?![\w/])")
# Files that recipes ask the reader to write, and the folder of what is planned.
_TO_WRITE = {
    "controller/api/",
    "controller/drivers/ios.py",
    "controller/templates/ios.conf.j2",
    "tests/unit/ROOM/",
    "tests/unit/ROOM/PACKAGE/test_MODULE.py",
}
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name(path: object) -> str:
    """Return a file's path from the root, for the names of tests."""
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else ""


def tracked(*patterns: str) -> list[str]:
    """Return the files that git knows, without those deleted just now."""
    listed = subprocess.run(
        ["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [file for file in listed.stdout.splitlines() if (ROOT / file).is_file()]


def shown(text: str) -> Iterator[str]:
    """Yield the command lines of sanaga in a document: in blocks of code and between backticks."""
    fenced = False
    for line in text.splitlines():
        fenced ^= line.lstrip().startswith("```")
        block = fenced or line.startswith("    ")
        if block and (found := re.match(r"\s*(?:\$ )?(?:sudo )?(sanaga [a-z-].*)$", line)):
            yield found[1]
        elif not block:
            yield from _SPAN.findall(line)


def words(command: str) -> list[str]:
    """Return what a shell would hand to sanaga: no comments, no redirection, no next command."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="<>|;&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    found = []
    for word in lexer:
        if set(word) <= set("<>|;&"):
            break
        found.append(word.removesuffix("…").removesuffix("..."))
    return [word for word in found[1:] if word]


def problem(arguments: list[str]) -> str | None:
    """Return what is wrong with a command line, or None when its verb has all its options."""
    command, path = get_command(app), "sanaga"
    context = command.make_context("sanaga", [], resilient_parsing=True)
    rest = list(arguments)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        verb = rest.pop(0)
        if verb.strip("…") == "":
            return None
        if (found := command.get_command(context, verb)) is None:
            return f"'{path}' has no verb '{verb}'"
        command, path = found, f"{path} {verb}"
        context = command.make_context(path, [], parent=context, resilient_parsing=True)
    known = {option for item in command.params for option in (*item.opts, *item.secondary_opts)}
    options = rest[: rest.index("--")] if "--" in rest else rest
    strange = [word for word in options if re.match(r"--?[a-z]", word) and word not in known]
    strange = [word for word in strange if word not in {"--help", "-h", "--debug", "--version"}]
    return f"'{path}' has no option {', '.join(strange)}" if strange else None


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=name)
def test_every_command_that_is_shown_exists(document):
    text = document.read_text(encoding="utf-8")
    wrong = {line: why for line in shown(text) if (why := problem(words(line)))}
    assert wrong == {}


def test_commands_are_found_where_people_read_them():
    text = "Say `sanaga plan X` or\n\n    $ sudo sanaga lab up X  # now\n\n"
    text += "```sh\nsanaga history\n```\n"
    assert list(shown(text)) == ["sanaga plan X", "sanaga lab up X  # now", "sanaga history"]
    assert words("sanaga lab exec a -- ping -c 3 b > file") == [
        "lab", "exec", "a", "--", "ping", "-c", "3", "b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("sanaga plan DIR --out FILE -o json", None),
        ("sanaga lab exec kolofata -- ping -c 3 10.0.3.138", None),
        ("sanaga plant DIR", "'sanaga' has no verb 'plant'"),
        ("sanaga topology shaw", "'sanaga topology' has no verb 'shaw'"),
        ("sanaga plan DIR --outt FILE", "'sanaga plan' has no option --outt"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line, why):
    assert problem(words(line)) == why


def anchors(text: str) -> set[str]:
    """Return the names under which a page's headings are linked to."""
    titles = _HEADING.findall(_CODE.sub("", text))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_relative_link_leads_somewhere(document):
    text = _CODE.sub("", document.read_text(encoding="utf-8"))
    broken = []
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_page_of_the_documentation_is_in_its_index():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text())}
    pages = set((ROOT / "docs").rglob("*.md")) - {index}
    assert {name(page) for page in pages - linked} == set()


@pytest.mark.parametrize("document", [*READMES, *PAGES], ids=name)
def test_every_file_of_the_code_that_is_named_exists(document):
    text = document.read_text(encoding="utf-8")
    named = {file for quoted in _QUOTED.findall(text) for file in _FILE.findall(quoted)}
    assert {file for file in named - _TO_WRITE if not (ROOT / file).exists()} == set()


def test_pages_are_short_but_for_those_that_are_listed():
    lengths = {name(page): len(page.read_text(encoding="utf-8").splitlines()) for page in PAGES}
    long = {page: length for page, length in lengths.items() if length > LONGEST_PAGE}
    assert {page: length for page, length in long.items() if page not in LONG_PAGES} == {}
    assert set(long) == set(LONG_PAGES), "a listed page is short or gone; take it off the list"


def test_the_french_readme_has_the_parts_of_the_english_one():
    english, french = (path.read_text(encoding="utf-8") for path in READMES)
    assert len(_HEADING.findall(_CODE.sub("", english))) == len(
        _HEADING.findall(_CODE.sub("", french))
    )
    pictures = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
    assert pictures.findall(english) == pictures.findall(french)
    assert [words(line) for line in shown(english)] == [words(line) for line in shown(french)]


def verbs() -> Iterator[str]:
    """Yield every verb with its nouns."""
    group = get_command(app)
    context = group.make_context("sanaga", [], resilient_parsing=True)
    yield from verbs_of(group, context)


def verbs_of(group: Any, context: Any) -> Iterator[str]:
    """Yield the verbs of a group, with the nouns below it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            yield from (f"{name} {verb}" for verb in verbs_of(command, context))
        else:
            yield name


def test_every_verb_is_in_the_command_reference():
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^## sanaga (.+)$", reference, re.MULTILINE))
    assert set(verbs()) == told


def test_files_of_code_are_short():
    lengths = {
        file: len((ROOT / file).read_text(encoding="utf-8").splitlines())
        for file in tracked("*.py")
    }
    assert {file for file, length in lengths.items() if length > LONGEST} == set()


def test_folders_of_code_are_at_most_three_deep():
    deepest = {False: DEEPEST, True: DEEPEST_TEST}
    deep = {
        file
        for file in tracked("*.py")
        if len(Path(file).parts) > deepest[file.startswith("tests/")]
        and SCRIPTS.isdisjoint(Path(file).parts)
    }
    assert deep == set()
