"""Pages: nothing is skipped or repeated, also when the list changes in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.paging import PageRequest, page_of
from controller.api.problems import ProblemError


def read(lists, limit):
    """Read page after page, each from the next list; the last list stays."""
    seen: list[str] = []
    cursor, turn = None, 0
    while True:
        page = page_of(lists[min(turn, len(lists) - 1)], str, PageRequest(cursor, limit))
        seen += page.items
        if page.next is None:
            return seen
        cursor, turn = page.next, turn + 1


names = st.lists(st.text(min_size=1), unique=True).map(sorted)


@given(names, st.integers(1, 7))
def test_all_pages_together_are_the_list(items, limit):
    assert read([items], limit) == items


@given(names, names, st.integers(1, 7))
def test_what_is_there_throughout_is_read_exactly_once(before, after, limit):
    seen = read([before, after], limit)
    lasting = set(before) & set(after)
    assert sorted(item for item in seen if item in lasting) == sorted(lasting)


@pytest.mark.parametrize("cursor", ["?", "a", "eyJhIjoxfQ", "bnVsbA", "é", "Nw"])
def test_a_foreign_cursor_is_refused_with_advice(cursor):
    with pytest.raises(ProblemError, match="take 'next' of the page before"):
        page_of(["a", "b"], str, PageRequest(cursor))


def test_a_page_tells_how_many_there_are_in_all():
    page = page_of(["a", "b", "c"], str, PageRequest(limit=2))
    assert (list(page.items), page.total) == (["a", "b"], 3)
    assert page.next
