"""Syslog as routers send it: RFC 5424, and what is common of old (RFC 3164); framed by RFC 6587."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from controller.transport.untrusted_text import printable

LONGEST_LINE: Final = 8192
LONGEST_TEXT: Final = 1000
LONGEST_WORD: Final = 255
MOST_PRIORITY: Final = 191
_PRIORITY: Final = re.compile(rb"<(0|[1-9][0-9]{0,2})>")
# VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID; then structured data and the text.
_HEADER: Final = re.compile(
    r"1 (-|[0-9T:.Z+-]{10,40}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (.*)", re.DOTALL
)
_ELEMENT: Final = re.compile(
    r'\[[^ =\]"]{1,32}(?: [^ =\]"]{1,32}="(?:[^"\\\]]|\\.)*+")*+ ?\]', re.DOTALL
)
_OLD: Final = re.compile(
    r"(?:[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d(?:\.\d{1,6})?|\d{4}-\d\d-\d\dT\S{8,32}) "
    r"(\S{1,255}) (.*)",
    re.DOTALL,
)
_TAG: Final = re.compile(r"([A-Za-z0-9_./%-]{1,48})(?:\[(?:[^\]]{1,64})\])?: ?(.*)", re.DOTALL)
_COUNT: Final = re.compile(rb"([1-9][0-9]{0,4}) ")


class SyslogError(ValueError):
    """Octets that are no message of syslog."""


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """A message: severity from 0 (emergency) to 7 (debug); texts are fit to be shown.

    host, app and at_s are what the sender claims, and empty or None where it claims nothing.
    """

    facility: int
    severity: int
    host: str
    app: str
    text: str
    at_s: float | None = None


def parse_message(data: bytes) -> SyslogMessage:
    """Return the message in a datagram or frame. Raises SyslogError when it is none."""
    found = _PRIORITY.match(data)
    if found is None or int(found[1]) > MOST_PRIORITY:
        raise SyslogError("no priority at the start")
    facility, severity = divmod(int(found[1]), 8)
    rest = data[found.end() : LONGEST_LINE].decode("utf-8", "replace")
    if header := _HEADER.fullmatch(rest):
        stamp, host, app, _, _, tail = header.groups()
        return SyslogMessage(
            facility,
            severity,
            _word(host),
            _word(app),
            _text(_without_elements(tail)),
            _instant(stamp),
        )
    return _old_message(facility, severity, rest)


def _old_message(facility: int, severity: int, rest: str) -> SyslogMessage:
    """Return a message of no fixed form; a time without year and zone says nothing."""
    found = _OLD.fullmatch(rest)
    host, body = (found[1], found[2]) if found else ("", rest)
    tag = _TAG.fullmatch(body)
    app, text = (tag[1], tag[2]) if tag else ("", body)
    return SyslogMessage(facility, severity, _word(host), _word(app), _text(text))


def _without_elements(tail: str) -> str:
    """Return the text after the structured data."""
    if tail.startswith("-"):
        return tail[1:].lstrip(" ").removeprefix("\ufeff")
    start = 0
    while found := _ELEMENT.match(tail, start):
        start = found.end()
    return tail[start:].lstrip(" ").removeprefix("\ufeff")


def _instant(stamp: str) -> float | None:
    if stamp == "-":
        return None
    try:
        read = datetime.fromisoformat(stamp)
        return read.timestamp() if read.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None


def _word(text: str) -> str:
    return "" if text == "-" else printable(text[:LONGEST_WORD])


def _text(text: str) -> str:
    return printable(text[:LONGEST_TEXT]).strip()


class FrameReader:
    """Takes a stream of TCP apart into messages: counted (RFC 6587, 3.4.1), else by lines."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are complete.

        Raises SyslogError when a message is too long or has no end: the connection is of no use.
        """
        self._held += data
        while (frame := self._next()) is not None:
            if frame:
                yield frame

    def _next(self) -> bytes | None:
        """Return the next message, None while it is not complete."""
        if not self._held:
            return None
        if not self._held.startswith(b"<") and self._held[0] not in b"\r\n":
            return self._counted()
        end = self._held.find(b"\n")
        if end < 0 and len(self._held) <= LONGEST_LINE:
            return None
        if not 0 <= end <= LONGEST_LINE:
            raise SyslogError("a line without end")
        return self._taken(0, end, end + 1).rstrip(b"\r\0")

    def _counted(self) -> bytes | None:
        found = _COUNT.match(self._held)
        if found is None:
            if len(self._held) < 6 and self._held.isdigit():
                return None
            raise SyslogError("neither a length nor a priority")
        start, size = found.end(), int(found[1])
        if size > LONGEST_LINE:
            raise SyslogError("a message that is too long")
        return (
            self._taken(start, start + size, start + size)
            if len(self._held) >= start + size
            else None
        )

    def _taken(self, start: int, end: int, rest: int) -> bytes:
        frame = bytes(self._held[start:end])
        del self._held[:rest]
        return frame
