"""Records of a spool's files: a numbered frame each, with a checksum, one after the other.

A file that was cut short by a power cut is read up to the last whole record.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from edge.telemetry.frames import LARGEST_FRAME

# Length of the frame, checksum of all that follows, number, merged, seconds, level, flags.
_HEAD: Final = Struct(">IIQIIBB")
_CHECKED: Final = 8
_SENT: Final = 1
_UNTRUSTED: Final = 2
_MARK: Final = 4


@dataclass(frozen=True, slots=True)
class Record:
    """A frame of a spool: it stands for the numbers from first to number.

    span_s is for how much time it reports, level how often it was merged (10 s, 1 min, 10 min).
    sent says that it may have been sent, untrusted that its clock was not known to be right.
    """

    number: int
    frame: bytes
    merged: int = 0
    span_s: int = 0
    level: int = 0
    sent: bool = False
    untrusted: bool = False

    @property
    def first(self) -> int:
        """Return the first number that it stands for."""
        return self.number - self.merged

    @property
    def octets(self) -> int:
        """Return its size in a file."""
        return _HEAD.size + len(self.frame)


def write_record(record: Record) -> bytes:
    """Return a record as a file holds it."""
    return _written(record, record.sent * _SENT | record.untrusted * _UNTRUSTED)


def write_mark(number: int) -> bytes:
    """Return a mark that every record before it in its file may have been sent."""
    return _written(Record(number, b""), _MARK)


def _written(record: Record, flags: int) -> bytes:
    head = _HEAD.pack(
        len(record.frame), 0, record.number, record.merged, record.span_s, record.level, flags
    )
    checked = head[_CHECKED:] + record.frame
    return head[:4] + crc32(checked).to_bytes(4, "big") + checked


@dataclass(frozen=True, slots=True)
class FileContent:
    """The whole records of a file, how many octets they take, and whether all may be sent."""

    records: tuple[Record, ...]
    whole_octets: int


def read_records(octets: bytes) -> FileContent:
    """Return the whole records at the beginning of a file."""
    records: list[Record] = []
    place = 0
    for record, mark, end in _entries(octets):
        if mark:
            records = [_as_sent(one) for one in records]
        else:
            records.append(record)
        place = end
    return FileContent(tuple(records), place)


def _entries(octets: bytes) -> Iterator[tuple[Record, bool, int]]:
    place = 0
    while place + _HEAD.size <= len(octets):
        length, check, number, merged, span_s, level, flags = _HEAD.unpack_from(octets, place)
        end = place + _HEAD.size + length
        if length > LARGEST_FRAME or end > len(octets):
            return
        if crc32(octets[place + _CHECKED : end]) != check:
            return
        frame = octets[place + _HEAD.size : end]
        sent, untrusted = bool(flags & _SENT), bool(flags & _UNTRUSTED)
        yield (
            Record(number, frame, merged, span_s, level, sent, untrusted),
            bool(flags & _MARK),
            end,
        )
        place = end


def _as_sent(record: Record) -> Record:
    return Record(
        record.number,
        record.frame,
        record.merged,
        record.span_s,
        record.level,
        sent=True,
        untrusted=record.untrusted,
    )
