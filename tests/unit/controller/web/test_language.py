"""The words of the pages: every text has a French one, and no translation is left over."""

import json
import re
from pathlib import Path

import pytest
from fastapi import Request

from controller.incidents.model import Cause
from controller.incidents.sentences import Language
from controller.web import language
from controller.web.account_words import ACCOUNT_WORDS
from controller.web.change_words import CHANGE_WORDS
from controller.web.language import Speech, chosen_language, french
from controller.web.words import WORDS
from tests.sanaga_process import ROOT

HERE = Path(language.__file__).parent
TEXT = re.compile(r"""\bt\(\s*(?:"([^"]+)"|'([^']+)')""")
COUNTED = re.compile(r"""\btn\([^,]+?,\s*"([^"]+)",\s*"([^"]+)\"""")


def written() -> set[str]:
    """Return every text that templates and words have."""
    found = {text for words in WORDS.values() for text in words.values()}
    for file in (HERE / "templates").glob("*.j2"):
        page = file.read_text(encoding="utf-8")
        found |= {one or other for one, other in TEXT.findall(page)}
        found |= {text for pair in COUNTED.findall(page) for text in pair}
    return found


def test_every_text_has_a_french_one_and_none_is_left_over():
    assert written() == set(french())


def test_no_group_of_words_hides_another():
    assert not set(CHANGE_WORDS) & set(ACCOUNT_WORDS)
    assert {*CHANGE_WORDS, *ACCOUNT_WORDS} < set(WORDS)


def test_a_text_stands_in_one_catalogue():
    files = (HERE / "templates" / "fr").glob("*.json")
    texts = [text for file in files for text in json.loads(file.read_text(encoding="utf-8"))]
    assert sorted(texts) == sorted(set(texts))


def test_the_advice_on_a_page_is_that_of_the_handbook():
    lines = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    written_down = {cause.strip("`"): advice.replace("`", "'") for cause, _, advice in rows}
    assert WORDS["advice"] == written_down
    assert set(WORDS["advice"]) == set(Cause)


def test_a_french_text_has_the_values_of_the_english_one():
    values = re.compile(r"\{\w+\}")
    wrong = [
        text
        for text, told in french().items()
        if sorted(values.findall(text)) != sorted(values.findall(told))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("wanted", "cookie", "found"),
    [
        ("", "", "en"),
        ("fr-CM, en;q=0.8", "", "fr"),
        ("de, fr;q=0.4, en;q=0.7", "", "en"),
        ("fr;q=x", "", "fr"),
        ("en", "fr", "fr"),
        ("fr", "xx", "fr"),
    ],
)
def test_the_language_is_the_one_that_was_chosen_or_the_browser_wants(wanted, cookie, found):
    headers = [(b"accept-language", wanted.encode())]
    if cookie:
        headers.append((b"cookie", f"sanaga-language={cookie}".encode()))
    assert chosen_language(Request({"type": "http", "headers": headers})) == found


def test_numbers_and_counts_follow_the_language():
    english, spoken = Speech(Language.ENGLISH), Speech(Language.FRENCH)
    assert english.number(1234567) == "1,234,567"
    assert spoken.number(1234567) == "1 234 567"
    assert english.count(0, "{n} site", "{n} sites") == "0 sites"
    assert spoken.count(0, "{n} site", "{n} sites") == "0 site"
