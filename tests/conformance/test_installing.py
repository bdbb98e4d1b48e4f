"""What pages and messages say of installing Sanaga: its own wheel, and an extra that suffices."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest

from controller.cli.main import EXTRAS
from inventory.errors import how_to_install
from tests.conformance.test_documents import PAGES, READMES, name, tracked
from tests.sanaga_process import ROOT

# Sanaga is on no package index: whoever has that name there could be anybody.
_BY_NAME = re.compile(
    r"""(?:install|add|run)\s[^\n`]*?(?<![\w./+-])["']?sanaga(?:\[|(?=["'`\s;]|$))"""
)
_WHEEL = re.compile(r"\./sanaga-[\w.+]+-py3-none-any\.whl\[([\w,-]+)\]")


def by_name(text: str) -> list[str]:
    """Return what asks a package index for Sanaga; what names no index is no such thing."""
    lines = (line for line in text.splitlines() if "pip" in line and "--no-index" not in line)
    return [found[0] for line in lines for found in _BY_NAME.finditer(line)]


def extras() -> Mapping[str, list[str]]:
    """Return the extras of pyproject.toml with what each requires."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: Mapping[str, list[str]] = tomllib.loads(text)["project"]["optional-dependencies"]
    return found


def installed_by(*names: str) -> set[str]:
    """Return the distributions that extras install, with those of the extras that they name."""
    found: set[str] = set()
    for requirement in (one for extra in names for one in extras()[extra]):
        if inner := re.match(r"sanaga\[([\w,-]+)\]", requirement):
            found |= installed_by(*inner[1].split(","))
        else:
            found.add(re.split(r"[\[<>=;! ]", requirement, maxsplit=1)[0])
    return found


@pytest.mark.parametrize("document", [*READMES, *PAGES], ids=name)
def test_no_page_asks_a_package_index_for_sanaga(document):
    assert by_name(document.read_text(encoding="utf-8")) == []


def texts(file: str) -> Iterator[str]:
    """Yield the literal texts of a module."""
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_message_asks_a_package_index_for_sanaga():
    code = [file for file in tracked("*.py") if not file.startswith("tests/")]
    asking = {file for file in code if any(by_name(text) for text in texts(file))}
    assert asking == set()
    assert by_name(how_to_install("drawing")) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pip install 'sanaga[messengers]'", True),
        ("say pip install sanaga", True),
        ("pip install 'sanaga[", True),
        ("pip install --upgrade sanaga[service]", True),
        ("pip install './sanaga-0.1.0-py3-none-any.whl[service]'", False),
        ("/opt/sanaga/bin/pip install './sanaga-0.1.0+edge-py3-none-any.whl[edge]'", False),
        ("/opt/sanaga/bin/pip install --no-index --find-links wheels 'sanaga[edge]'", False),
    ],
)
def test_a_line_that_asks_an_index_is_noticed(line, found):
    assert bool(by_name(line)) == found


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_extras_that_pages_name_are_there(document):
    named = _WHEEL.findall(document.read_text(encoding="utf-8"))
    assert {extra for one in named for extra in one.split(",")} <= extras().keys()


def test_the_extra_of_production_has_what_the_service_needs():
    page = (ROOT / "docs/recipes/install-for-production.md").read_text(encoding="utf-8")
    (named,) = _WHEEL.findall(page)
    has = installed_by(*named.split(","))
    assert {"fastapi", "uvicorn", "psycopg", "smpplib", "reportlab", "netmiko"} <= has
    assert "fastapi" not in installed_by("server", "postgresql")


def test_each_library_that_a_message_offers_is_in_its_extra():
    """What 'sanaga' says after a library was missing brings that library."""
    of = {"paramiko": "netmiko"}  # which brings it
    wrong = {
        lib: extra for lib, extra in EXTRAS.items() if of.get(lib, lib) not in installed_by(extra)
    }
    assert wrong == {}
