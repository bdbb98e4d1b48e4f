"""Integers and texts as octets: varints (LEB128, zigzag for signed ones), read within bounds."""

from typing import Final

from inventory.errors import EdgeError

# No figure of a message is larger; a varint of more octets is refused.
LARGEST_INT: Final = (1 << 56) - 1
MOST_OCTETS: Final = 8
LONGEST_TEXT: Final = 400


class FrameError(EdgeError):
    """Octets that are not a telemetry frame; the sentence says what is wrong."""


class VarintWriter:
    """Writes integers and texts one after the other into octets."""

    def __init__(self) -> None:
        self.octets = bytearray()

    def uint(self, value: int) -> None:
        """Write an integer that is not negative. Raises FrameError when it is, or too large."""
        if not 0 <= value <= LARGEST_INT:
            raise FrameError(f"{value} is not a figure that a frame holds")
        while value > 0x7F:
            self.octets.append(value & 0x7F | 0x80)
            value >>= 7
        self.octets.append(value)

    def sint(self, value: int) -> None:
        """Write an integer that may be negative. Raises FrameError when it is too large."""
        self.uint(value << 1 if value >= 0 else (-value << 1) - 1)

    def text(self, text: str) -> None:
        """Write a text, cut to what a frame holds, without control characters."""
        octets = clean_text(text).encode()
        self.uint(len(octets))
        self.octets += octets


class VarintReader:
    """Reads what a VarintWriter wrote. Every method raises FrameError at the first wrong octet."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._place = 0

    @property
    def left(self) -> int:
        """Return how many octets are not read yet."""
        return len(self._octets) - self._place

    def uint(self) -> int:
        """Return an integer that is not negative."""
        octets, place = self._octets, self._place
        value = shift = 0
        for octet in octets[place : place + MOST_OCTETS]:
            place += 1
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                self._place = place
                return value
            shift += 7
        raise FrameError("an integer is too long, or the frame ends within it")

    def sint(self) -> int:
        """Return an integer that may be negative."""
        value = self.uint()
        return (value >> 1) ^ -(value & 1)

    def count(self, most: int, octets_each: int, what: str) -> int:
        """Return how many things follow; each takes so many octets at least."""
        number = self.uint()
        if number > most or number * octets_each > self.left:
            raise FrameError(f"{number} {what} are more than a frame holds")
        return number

    def index(self, number: int, what: str) -> int:
        """Return a place in a table of so many entries."""
        place = self.uint()
        if place >= number:
            raise FrameError(f"{what} {place} is not in its table of {number}")
        return place

    def text(self) -> str:
        """Return a text."""
        length = self.count(LONGEST_TEXT, 1, "octets of a text")
        octets = self._octets[self._place : self._place + length]
        self._place += length
        try:
            text = octets.decode()
        except UnicodeDecodeError:
            raise FrameError("a text is not UTF-8") from None
        if clean_text(text) != text:
            raise FrameError("a text holds control characters")
        return text


def clean_text(text: str) -> str:
    """Return a text that a frame can hold: printable and not too long."""
    printable = text if text.isprintable() else "".join(filter(str.isprintable, text))
    octets = printable.encode()
    if len(octets) <= LONGEST_TEXT:
        return printable
    return octets[:LONGEST_TEXT].decode(errors="ignore")
