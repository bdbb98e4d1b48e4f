"""Lists as files: what a spreadsheet takes for a formula is none, and numbers stay numbers."""

import csv
import json
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.web.exports import FileForm, ListFile, cell

BAD = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "=HYPERLINK(1)")
GOOD = ("-5", "+5", "5", "-5.25", "1e3", "a=b", "Kolofata", "", "e-mail")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
VALUES = st.one_of(TEXT, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(),
                   st.lists(TEXT, max_size=3), st.dictionaries(TEXT, TEXT, max_size=2))  # fmt: skip


def table(*values):
    """Return the cells of a column as a spreadsheet reads them, without its heading."""
    rows = [{"value": one} for one in values]
    text = ListFile("list", ["value"], rows).written(FileForm.CSV).decode("utf-8-sig")
    return [row[0] if row else "" for row in csv.reader(StringIO(text, newline=""))][1:]


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


@pytest.mark.parametrize("text", BAD)
def test_a_formula_is_not_passed_on(text):
    assert table(text) == [f"'{text}"]
    assert table([text, "more"])[0].startswith("'")


@pytest.mark.parametrize("text", GOOD)
def test_numbers_and_other_texts_stay_as_they_are(text):
    assert table(text) == [text]


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_no_cell_of_any_list_is_a_formula(values):
    for value, shown in zip(values, table(*values), strict=True):
        dangerous = shown.lstrip()[:1] in set("=+-@") or shown[:1] in set("\t\r\n")
        assert not dangerous or is_number(shown.replace(",", ".")), (value, shown)


@given(TEXT)
def test_a_text_comes_back_with_one_quote_more_at_most(text):
    assert table(text)[0] in {text, f"'{text}"}


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_comes_back_as_the_number(number):
    assert type(number)(cell(number)) == number


def test_columns_are_paths_and_what_is_not_there_is_empty():
    rows: list[dict[str, Any]] = [
        {"root": {"kind": "site", "name": "-x"}, "sites": ["a", "b"]},
        {"root": None},
    ]
    text = ListFile("list", ["root.name", "sites", "people"], rows).written(FileForm.CSV).decode()
    assert text == "\ufeffroot.name,sites,people\r\n'-x,a; b,\r\n,,\r\n"
    assert json.loads(ListFile("list", [], rows).written(FileForm.JSON)) == rows
