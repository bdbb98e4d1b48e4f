"""Spool of an edge's messages: on its disk, numbered once, until the controller has stored them.

    telemetry/current            which spool this is, 16 hexadecimal characters
    telemetry/ID/NUMBER.records  records from that number on, an hour or so to a file

A file is only added to, or replaced as a whole. Its last one stays, so that numbers go on. What
takes too much room is merged, oldest first, and given up only after that.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Final

from edge.reporting import coarsen
from edge.reporting.records import Record, read_records, write_mark, write_record
from edge.storage import atomic
from edge.telemetry import frames
from edge.telemetry.frames import FrameError
from inventory.output_file import sync_folder

FOLDER: Final = "telemetry"
CURRENT: Final = "current"
SUFFIX: Final = ".records"
DAYS_30_S: Final = 30 * 86_400
FILE_RECORDS: Final = 64
FILE_OCTETS: Final = 512 * 1024
# Of the octets that a spool may take, this share is taken before old messages are merged.
COMFORTABLE: Final = 0.9


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How much a spool keeps.

    octets are those on the disk, memory_octets those kept while the disk takes nothing, span_s
    the seconds that are reported; free_octets of the disk stay free for others.
    """

    octets: int = 64_000_000
    memory_octets: int = 1_000_000
    span_s: int = DAYS_30_S
    free_octets: int = 64_000_000


@dataclass(slots=True)
class _File:
    """What is known of one file; its records are read when they are needed."""

    path: Path
    first: int
    last: int = 0
    records: int = 0
    octets: int = 0
    span_s: int = 0
    level: int = 0
    sent: bool = False
    closed: bool = False

    def note(self, record: Record) -> None:
        """Count one more record."""
        self.last = record.number
        self.records += 1
        self.octets += record.octets
        self.span_s += record.span_s
        self.level = record.level
        self.sent = self.sent or record.sent


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What a person asks about a spool; given_up are numbers that were lost for want of room."""

    pending: int
    octets: int
    oldest: int | None
    given_up: int
    fault: str


@dataclass(slots=True)
class Spool:
    """The spool of one folder; only one thread at a time may use it.

    free_octets asks how much the disk has free, sync writes a file through to the disk.
    """

    folder: Path
    limits: SpoolLimits = SpoolLimits()
    free_octets: Callable[[Path], int] = field(default=lambda path: shutil.disk_usage(path).free)
    sync: Callable[[int], None] = os.fdatasync
    identity: str = ""
    next_number: int = 1
    acknowledged: int = 0
    given_up: int = 0
    fault: str = ""
    _began_at: int = 1
    _ceiling: int = 0
    _files: list[_File] = field(default_factory=list)
    _unwritten: list[Record] = field(default_factory=list)

    def open(self) -> None:
        """Read what is on the disk; a disk that cannot be read gives a new spool, and fault."""
        try:
            self._read_folder()
        except OSError as error:
            self.fault = f"{FOLDER}: {error.strerror}"
            self.identity = self.identity or token_hex(8)
        self._began_at = self.next_number
        self._ceiling = self.limits.octets

    def append(self, record: Record) -> None:
        """Keep a record of the next number, on disk before this returns; fault says if it is not.

        What the disk does not take is kept in memory, within bounds.
        """
        self.next_number = record.number + 1
        self._unwritten.append(record)
        try:
            while self._unwritten:
                self._write(self._unwritten[0])
                del self._unwritten[0]
            self._make_room()
            self.fault = ""
        except OSError as error:
            self.fault = f"{FOLDER}: {error.strerror or error}"
            self._bound_memory()

    def pending(self, after: int, most: int) -> tuple[Record, ...]:
        """Return the first records above a number, at most so many; fault says what is unread."""
        return tuple(islice(self._records_after(after), most))

    def mark_sent(self, numbers: Iterable[int]) -> None:
        """Note that records may have been sent, on disk before they are if it can be.

        Records that may be at the controller are never merged with others.
        """
        wanted = {*numbers}
        for file in self._files:
            if not file.sent and any(file.first <= number <= file.last for number in wanted):
                file.sent = file.closed = True
                try:
                    self._add(file.path, write_mark(file.last))
                except OSError as error:
                    self.fault = f"{FOLDER}: {error.strerror or error}"

    def acknowledge(self, number: int) -> None:
        """Forget all records up to a number, which the controller has stored."""
        self.acknowledged = max(self.acknowledged, min(number, self.next_number - 1))
        self._unwritten = [one for one in self._unwritten if one.number > self.acknowledged]
        with suppress(OSError):
            while len(self._files) > 1 and self._files[0].last <= self.acknowledged:
                self._files.pop(0).path.unlink(missing_ok=True)

    def is_known(self, acknowledged: int, boot: str, uptime_ms: int) -> bool:
        """Return whether a controller that stored such a message stored one of this spool.

        It did not when this disk is an image of before, whose numbers were given again.
        """
        if acknowledged >= self.next_number:
            return False
        for record in self.pending(acknowledged - 1, 1) if acknowledged else ():
            if record.first <= acknowledged < record.number:
                return False
            if record.number == acknowledged and boot:
                return _made_at(record) in {None, (boot, uptime_ms)}
        return True

    def begin_again(self) -> None:
        """Become another spool, which holds what this process has made, numbered from 1.

        What was made before is at the controller, which knows its numbers. Raises OSError.
        """
        kept = [one for one in self._records_after(self._began_at - 1) if not one.sent]
        former, self.identity = self.identity, token_hex(8)
        self._files, self._unwritten = [], []
        self.next_number = self._began_at = 1
        self.acknowledged = 0
        for record in kept:
            if (again := _renumbered(record, self.next_number)) is not None:
                self.append(again)
        shutil.rmtree(self.folder / FOLDER / former, ignore_errors=True)

    def state(self) -> SpoolState:
        """Return how much waits for the controller."""
        oldest = next((one.first for one in self.pending(self.acknowledged, 1)), None)
        waiting = self.next_number - 1 - self.acknowledged
        pending = 0 if oldest is None else min(waiting, self.next_number - oldest)
        return SpoolState(pending, self._octets(), oldest, self.given_up, self.fault)

    def _read_folder(self) -> None:
        home = self.folder / FOLDER
        home.mkdir(mode=0o700, exist_ok=True)
        known = _identity(home / CURRENT)
        self.identity = known or token_hex(8)
        own = home / self.identity
        self._files = []
        if known:
            for path in sorted(own.glob(f"{'[0-9]' * 12}{SUFFIX}")):
                self._learn(path)
        for other in home.iterdir():
            if other.is_dir() and other != own:
                shutil.rmtree(other, ignore_errors=True)

    def _learn(self, path: Path) -> None:
        """Note what a file holds, and cut off what a power cut left half written."""
        first = int(path.name.removesuffix(SUFFIX))
        octets = path.read_bytes()
        content = read_records(octets)
        file = _File(path, first, last=first - 1)
        for record in content.records:
            file.note(record)
        if content.whole_octets < len(octets):
            os.truncate(path, content.whole_octets)
        file.closed = file.level > 0
        self._files.append(file)
        self.next_number = max(self.next_number, file.last + 1)

    def _write(self, record: Record) -> None:
        file = self._open_file(record)
        self._add(file.path, write_record(record))
        file.note(record)

    def _open_file(self, record: Record) -> _File:
        """Return the file that a record goes to, made if it needs one of its own."""
        last = self._files[-1] if self._files else None
        # Records that may have been sent and those that are not lie in files of their own.
        full = last is None or last.closed or last.records >= FILE_RECORDS
        if last and not full and last.octets < FILE_OCTETS and record.sent == last.sent:
            return last
        if last and not last.records:
            return last
        return self._new_file(record.first)

    def _new_file(self, first: int) -> _File:
        own = self.folder / FOLDER / self.identity
        if not self._files:
            own.mkdir(mode=0o700, parents=True, exist_ok=True)
            current = self.folder / FOLDER / CURRENT
            if _identity(current) != self.identity:
                atomic.replace(current, f"{self.identity}\n")
        file = _File(own / f"{first:012d}{SUFFIX}", first, last=first - 1)
        file.path.touch(mode=0o600)
        sync_folder(own)
        self._files.append(file)
        return file

    def _add(self, path: Path, octets: bytes) -> None:
        """Add octets to a file, all or none."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(descriptor).st_size
            try:
                _write_all(descriptor, octets)
                self.sync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def _octets(self) -> int:
        return sum(file.octets for file in self._files)

    def _records_after(self, after: int) -> Iterator[Record]:
        for file in self._files:
            if file.last > after:
                try:
                    records = read_records(file.path.read_bytes()).records
                except OSError as error:
                    self.fault = f"{FOLDER}: {error.strerror}"
                else:
                    yield from (record for record in records if record.number > after)
        yield from (record for record in self._unwritten if record.number > after)

    def _make_room(self) -> None:
        """Merge the oldest messages while there are too many, and give up what is above bounds."""
        while self._spans_s() > self.limits.span_s and len(self._files) > 1:
            self._give_up()
        limit = self._limit()
        if self._octets() > COMFORTABLE * limit:
            self._coarsen_one()
        while self._octets() > limit and len(self._files) > 1:
            if not self._coarsen_one():
                self._give_up()

    def _limit(self) -> int:
        """Return how many octets may be taken: no more than now while others need the room."""
        if self.free_octets(self.folder) >= self.limits.free_octets:
            self._ceiling = self.limits.octets
        elif self._ceiling == self.limits.octets:
            self._ceiling = min(self.limits.octets, self._octets())
        return self._ceiling

    def _spans_s(self) -> int:
        return sum(file.span_s for file in self._files)

    def _coarsen_one(self) -> bool:
        """Merge the messages of the oldest file that is finest; False if there is none."""
        old = [file for file in self._files[:-1] if not file.sent]
        for level in range(len(coarsen.SLICES_S) - 1):
            for file in old:
                if file.level == level:
                    return self._coarsen(file, level + 1)
        return False

    def _coarsen(self, file: _File, level: int) -> bool:
        records = read_records(file.path.read_bytes()).records
        merged = coarsen.coarsen_records(records, level)
        atomic.replace(file.path, b"".join(map(write_record, merged)))
        again = _File(file.path, file.first, last=file.last, level=level, closed=True)
        again.records = len(merged)
        again.octets = sum(record.octets for record in merged)
        again.span_s = sum(record.span_s for record in merged)
        self._files[self._files.index(file)] = again
        return True

    def _give_up(self) -> None:
        file = self._files.pop(0)
        self.given_up += max(0, file.last - max(file.first - 1, self.acknowledged))
        file.path.unlink(missing_ok=True)

    def _bound_memory(self) -> None:
        held = sum(record.octets for record in self._unwritten)
        while held > self.limits.memory_octets:
            gone = self._unwritten.pop(0)
            held -= gone.octets
            self.given_up += 1 + gone.merged


def _write_all(descriptor: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(descriptor, octets) :]


def _identity(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    return text if len(text) == 16 and set(text) <= set("0123456789abcdef") else ""


def _made_at(record: Record) -> tuple[str, int] | None:
    try:
        message = frames.decode(record.frame)
    except FrameError:
        return None
    return message.boot, round(message.uptime_s * 1000)


def _renumbered(record: Record, number: int) -> Record | None:
    try:
        message = replace(frames.decode(record.frame), sequence=number, merged=0)
    except FrameError:
        return None
    return replace(record, number=number, merged=0, frame=frames.encode(message))
