"""Characters that a terminal's encoding lacks, as with a French ISO-8859-1 locale."""

import codecs
import sys
import unicodedata
from contextlib import suppress
from io import TextIOWrapper
from typing import Final

_HANDLER: Final = "sanaga.nearest"
_NEAREST: Final = {
    "\u2192": "->",
    "\u2190": "<-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2026": "...",
    "\u0153": "oe",
    "\u0152": "OE",
    "\u202f": " ",
}


def write_any_character() -> None:
    """Let both streams write what is nearest for a character that their encoding lacks."""
    codecs.register_error(_HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Python looks where the stream stands, which a pipe put in its place cannot tell.
            with suppress(OSError):
                stream.reconfigure(errors=_HANDLER)


def can_write(text: str) -> bool:
    """Return whether the encoding of the output has every character of a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_nearest, text)), error.end


def _nearest(character: str) -> str:
    """Return what ASCII has instead of a character: without its accents, else '?'."""
    plain = _NEAREST.get(character) or unicodedata.normalize("NFKD", character)
    return plain.encode("ascii", "ignore").decode("ascii") or "?"
