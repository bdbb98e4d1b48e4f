"""Text of short messages: the GSM 7-bit alphabet or UCS-2, in parts (3GPP TS 23.038, 23.040)."""

from dataclasses import dataclass
from typing import Final

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED: Final = {
    "^": 20,
    "{": 40,
    "}": 41,
    "\\": 47,
    "[": 60,
    "~": 61,
    "]": 62,
    "|": 64,
    "€": 101,
}
_ESCAPE: Final = 0x1B
_CODES: Final = {
    **{letter: bytes([code]) for code, letter in enumerate(_BASIC) if code != _ESCAPE},
    **{letter: bytes([_ESCAPE, code]) for letter, code in _ESCAPED.items()},
}
GSM7: Final = 0x00
UCS2: Final = 0x08
# Octets of a message alone, and of a part behind its header of six octets.
_ALONE: Final = {GSM7: 160, UCS2: 140}
_PART: Final = {GSM7: 153, UCS2: 134}
_MOST_PARTS: Final = 255
# What notices write at most, and what two parts of UCS-2 always hold.
_PARTS: Final = 2
SHORTEST_MESSAGE: Final = 60


@dataclass(frozen=True, slots=True)
class SmsParts:
    """A text as it is submitted: its alphabet and the octets of each part, headers included."""

    coding: int
    parts: tuple[bytes, ...]

    @property
    def has_header(self) -> bool:
        """Return whether each part begins with the header of a concatenated message."""
        return len(self.parts) > 1


def sms_parts(text: str, reference: int) -> SmsParts:
    """Return a text in one or several parts, no character cut; reference tells messages apart.

    Raises ValueError when it needs more than 255 parts.
    """
    coding, letters = _encode(text)
    if sum(map(len, letters)) <= _ALONE[coding]:
        return SmsParts(coding, (b"".join(letters),))
    bodies = _split(letters, _PART[coding])
    if len(bodies) > _MOST_PARTS:
        raise ValueError(f"the text needs {len(bodies)} parts of an SMS; at most 255 can be sent")
    head = bytes([5, 0, 3, reference % 256, len(bodies)])
    return SmsParts(coding, tuple(head + bytes([n]) + body for n, body in enumerate(bodies, 1)))


def sms_room(text: str) -> int:
    """Return how many octets are left of what a notice may fill, less than 0 for a long text."""
    coding, letters = _encode(text)
    parts = _split(letters, _PART[coding])
    used = sum(map(len, letters))
    if used <= _ALONE[coding]:
        return _PARTS * _PART[coding] - used
    return _PARTS * _PART[coding] - used if len(parts) <= _PARTS else -1


def _encode(text: str) -> tuple[int, list[bytes]]:
    """Return the coding of a text and its characters in it."""
    if all(letter in _CODES for letter in text):
        return GSM7, [_CODES[letter] for letter in text]
    # What no alphabet has, such as half of a surrogate pair, is replaced.
    return UCS2, [letter.encode("utf-16-be", "replace") for letter in text]


def _split(letters: list[bytes], size: int) -> list[bytes]:
    parts, part = list[bytes](), b""
    for letter in letters:
        if len(part) + len(letter) > size:
            parts.append(part)
            part = b""
        part += letter
    return [*parts, part]
