"""Characters that an encoding lacks become what is nearest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.terminal import characters


def written(text: str, encoding: str) -> str:
    """Return what a reader of that encoding sees of a text."""
    characters.write_any_character()
    return text.encode(encoding, "sanaga.nearest").decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [
        ("iso-8859-1", "Yaoundé -> cœur".replace("œ", "oe")),
        ("iso-8859-15", "Yaoundé -> cœur"),
        ("ascii", "Yaounde -> coeur"),
        ("utf-8", "Yaoundé → cœur"),
    ],
)
def test_what_a_locale_lacks_is_written_as_what_is_nearest(encoding, seen):
    assert written("Yaoundé → cœur", encoding) == seen


@given(st.text(), st.sampled_from(["ascii", "iso-8859-1", "cp1252", "koi8-r"]))
def test_every_text_can_be_written(text, encoding):
    written(text, encoding)
