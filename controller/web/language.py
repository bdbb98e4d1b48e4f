"""The languages of the pages: English as it is written in templates, French from a catalogue."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response

from controller.incidents.sentences import Language

COOKIE: Final = "sanaga-language"
_YEAR_S: Final = 365 * 86_400
_CATALOGUES: Final = Path(__file__).parent / "templates" / "fr"
_WANTED: Final = re.compile(r"\s*([a-z]{2})[^,;]*(?:;\s*q=([0-9.]+))?")


@dataclass(frozen=True, slots=True)
class Speech:
    """Texts in one language."""

    language: Language

    def text(self, english: str, **values: Any) -> str:
        """Return a text with values in its places; what has no translation stays English."""
        found = english if self.language is Language.ENGLISH else french().get(english, english)
        return found.format(**values) if values else found

    def count(self, number: int, one: str, many: str, **values: Any) -> str:
        """Return a text for a number; French counts nothing as one does."""
        few = number == 1 or (number == 0 and self.language is Language.FRENCH)
        return self.text(one if few else many, n=self.number(number), **values)

    def number(self, value: float) -> str:
        """Return a number with its thousands apart."""
        apart = " " if self.language is Language.FRENCH else ","
        return f"{value:,}".replace(",", apart)


@cache
def french() -> Mapping[str, str]:
    """Return the French catalogues, in one, by the English text."""
    files = sorted(_CATALOGUES.glob("*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {text: told for catalogue in found for text, told in catalogue.items()}


def chosen_language(request: Request) -> Language:
    """Return the language of a request: what was chosen on a page, or what the browser wants."""
    kept = request.cookies.get(COOKIE, "")
    if kept in set(Language):
        return Language(kept)
    wanted = request.headers.get("accept-language", "")
    known = [(_weight(found), found[1]) for found in _WANTED.finditer(wanted.lower())]
    best = sorted((one for one in known if one[1] in set(Language)), key=lambda one: -one[0])
    return Language(best[0][1]) if best else Language.ENGLISH


def keep_language(response: Response, language: str, *, secure: bool) -> None:
    """Let a browser keep the language that was chosen for its pages."""
    response.set_cookie(
        COOKIE, language[:2], max_age=_YEAR_S, secure=secure, httponly=True, samesite="lax"
    )


def _weight(found: re.Match[str]) -> float:
    try:
        return float(found[2] or 1.0)
    except ValueError:
        return 0.0
