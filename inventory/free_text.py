"""Free text: what people write in their own words, by one rule wherever they write it.

Titles, descriptions and reasons end up in files, tables, databases and an audit chain. None of them
ever holds a control character, or what looks like a key.
"""

import re
import unicodedata
from typing import Final, NamedTuple

# Control characters, line and paragraph separators, and marks that reorder what people read.
_UNWRITABLE: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
CONTROL: Final = re.compile(f"[{_UNWRITABLE}\ud800-\udfff]")
CONTROL_OR_BREAK: Final = re.compile(f"[\t\n{_UNWRITABLE}\ud800-\udfff]")

# The longest title of a site, a person or a licence, and the longest reason for the audit chain.
LONGEST_TITLE: Final = 120
LONGEST_REASON: Final = 200

# 32 octets in base64 (RFC 4648, sections 4 and 5) have 43 letters, and a padding that gets lost;
# with a few letters missing it is still no text. In hexadecimal digits they have 64.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")
_HEXADECIMAL: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{64}(?![0-9A-Za-z])")
# OpenSSH shows host keys so; a digest is no key.
_DIGEST: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
# A path or a long name, such as /srv/Shared/consultations/2026/patients-of-mora.
_WORDS: Final = re.compile(
    r"(?:[/_-]|(?<![A-Za-z0-9])(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)(?![A-Za-z0-9]))+"
)
KEY_FAULT: Final = "the text holds what looks like a key"
KEY_HINT: Final = "leave it out; keys never stand in free text, and a private one belongs nowhere"


class TextFault(NamedTuple):
    """What is wrong with a text, and what to write instead; the text itself is not repeated."""

    what: str
    hint: str


def holds_key(text: str) -> bool:
    """Return whether a text holds what looks like a private, public or preshared key."""
    plain = _DIGEST.sub(" ", _without_disguise(text))
    return bool(_HEXADECIMAL.search(plain)) or any(
        _is_mixed(found[0]) for found in _BASE64.finditer(plain)
    )


def without_keys(text: str) -> str:
    """Return a text as it may stand in a message: nothing of it when it holds a key."""
    return "(what looks like a key)" if holds_key(text) else text


def line_fault(text: str, longest: int) -> TextFault | None:
    """Return what is wrong with a text that is to be one line, if anything is."""
    if found := CONTROL_OR_BREAK.search(text):
        what = f"the text holds the control character U+{ord(found[0]):04X}"
        return TextFault(what, "write it as one line of plain text")
    if not 0 < len(text) <= longest:
        what = f"the text has {len(text)} characters" if text else "the text is empty"
        return TextFault(what, f"write one line of at most {longest} characters")
    return TextFault(KEY_FAULT, KEY_HINT) if holds_key(text) else None


def _without_disguise(text: str) -> str:
    """Return a text without invisible characters, and with plain letters for wide ones."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    return "".join(c for c in plain if unicodedata.category(c) != "Cf")


def _is_mixed(run: str) -> bool:
    """Return whether letters look drawn by lot: in both cases, and no words."""
    cases = any(map(str.isupper, run)) and any(map(str.islower, run))
    return cases and not _WORDS.fullmatch(run)


def quoted(value: object) -> str:
    """Return a value as it may stand in a message: one line, not too long, and no key."""
    text = without_keys(str(value))
    clean = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return f"'{clean}'" if len(clean) <= 40 else f"'{clean[:37]}...'"
