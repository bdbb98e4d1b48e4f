"""The map of rooms is what the code says, and the rooms keep their size and their docstrings."""

import tomllib
from pathlib import Path

import pytest

from tests.sanaga_process import ROOT
from tools import make_architecture as architecture

# Counted without __init__.py.
MOST_MODULES = 12
PACKAGES = [package for room in architecture.rooms() for package in architecture.packages(room)]


def name(path: object) -> str:
    """Return a path from the root, for the names of tests."""
    return path.relative_to(ROOT).as_posix() if isinstance(path, Path) else ""


def test_the_page_on_the_architecture_is_current():
    written = architecture.PAGE.read_text(encoding="utf-8")
    assert architecture.MARK.search(written), "docs/architecture.md has lost its marks"
    assert architecture.page(written) == written, "docs/architecture.md is stale; run 'make docs'"


def test_the_page_of_all_modules_is_current():
    written = architecture.REFERENCE.read_text(encoding="utf-8")
    stale = "docs/reference/rooms.md is stale; run 'make docs'"
    assert architecture.reference() == written, stale


def test_every_room_is_under_an_import_contract():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(architecture.rooms()) == set(shipped)


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_every_module_says_in_a_sentence_what_it_holds(package):
    files = [package / "__init__.py", *architecture.modules(package)]
    wrong = [name(file) for file in files if not architecture.sentence(file).endswith(".")]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_a_folder_holds_about_a_dozen_modules(package):
    assert len(architecture.modules(package)) <= MOST_MODULES


def test_every_folder_with_modules_is_a_package():
    folders = {file.parent for room in architecture.rooms() for file in (ROOT / room).rglob("*.py")}
    assert folders == set(PACKAGES)
