"""The page of the service's faults names tests that are there."""

import re
from pathlib import Path

from tests.docs_page import DOCS

PAGE = DOCS / "design" / "faults-of-the-service.md"
TESTS = Path(__file__).parents[1]
_NAMED = re.compile(r"`([\w/]+\.py)(?:: ([\w ]+))?`")


def missing(text: str) -> list[str]:
    """Return the tests that a text names and that are not there, or lack the word behind them."""
    found = []
    for path, word in _NAMED.findall(text):
        files = [TESTS / path] if "/" in path else [*TESTS.rglob(path)]
        if not any(file.exists() and word in file.read_text(encoding="utf-8") for file in files):
            found.append(f"{path}: {word}" if word else path)
    return found


def test_every_fault_has_a_test_that_is_there():
    text = PAGE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "test |" not in line]
    assert len(rows) > 40
    assert [row for row in rows if not _NAMED.search(row)] == []
    assert missing(text) == []


def test_a_test_that_is_gone_is_noticed():
    assert missing("`unit/none.py`, `test_clock_steps.py: no such word`") == [
        "unit/none.py",
        "test_clock_steps.py: no such word",
    ]
