"""Making, rehearsing and putting back backups: a sealed archive of the records and the keys."""

import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

from controller.backups.noted import REPORTS, SUFFIX
from controller.backups.records import copy_records, rehearse_dump, restore_dump, rows_of_file
from controller.backups.sealed_stream import OpeningStream, SealingStream, private_file
from controller.backups.unpacking import unpack
from controller.leadership.schema import LEADER_FILE, LEADER_LOCK
from controller.store import audit
from controller.store.database import LOCK, Database
from controller.store.lock import held
from controller.store.place import FILE, FORMER_FILES, StorePlace, open_store_engine
from database.engine import alone_in, sqlite_module
from database.process_lock import process_lock
from inventory.errors import BackupError
from inventory.output_file import sync_folder

_PART: Final = ".part"
_MANIFEST: Final = "manifest.json"
_RECORDS: Final = "records"
_FILES: Final = "files"
# Databases are copied by themselves, a lock is of a process, and a reserve keeps room on a disk.
_NOT_COPIED: Final = (
    *(".sqlite", ".db", "-wal", "-shm", "-journal", ".before-one-store"),
    *(".lock", ".reserve", _PART),
)


@dataclass(frozen=True, slots=True)
class BackupContents:
    """What a backup holds: when it was made (ISO 8601), rows by table, files of the state folder.

    database is "sqlite" or "postgresql".
    """

    at: str
    database: str
    rows: Mapping[str, int]
    files: tuple[str, ...]


def create_backup(
    place: StorePlace, folder: Path, passphrase: str, at: datetime
) -> tuple[Path, BackupContents]:
    """Write a backup into a folder; only when it is whole has it its name.

    Raises BackupError, CredentialError without a passphrase, OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"sanaga-{at:%Y%m%dT%H%M%SZ}{SUFFIX}"
    if file.exists():
        raise BackupError(f"{file}: exists already; wait a second")
    with TemporaryDirectory(dir=place.folder) as scratch:
        records = Path(scratch) / _RECORDS
        rows = copy_records(place, records)
        kept = _files_of(place.folder)
        kind = "postgresql" if place.address else "sqlite"
        contents = BackupContents(at.isoformat(timespec="seconds"), kind, rows, tuple(kept))
        manifest = Path(scratch) / _MANIFEST
        manifest.write_text(json.dumps(_plain(contents)), encoding="utf-8")
        members = {_MANIFEST: manifest, _RECORDS: records}
        members |= {f"{_FILES}/{name}": path for name, path in kept.items()}
        part = file.with_name(f"{file.name}{_PART}")
        part.unlink(missing_ok=True)
        _write(part, members, passphrase)
    part.rename(file)
    sync_folder(folder)
    return file, contents


def forget_old(folder: Path, keep: int) -> tuple[Path, ...]:
    """Remove all backups of a folder but the newest; return what was removed."""
    old = sorted(folder.glob(f"sanaga-*{SUFFIX}"))[:-keep]
    for file in old:
        file.unlink()
    return tuple(old)


def verify_backup(file: Path, place: StorePlace, passphrase: str) -> BackupContents:
    """Restore a backup where nothing of it stays, and compare; return what it holds.

    Raises BackupError when it is not whole.
    """
    with _unpacked(file, passphrase) as (folder, contents):
        records = folder / _RECORDS
        if contents.database == "sqlite":
            found = rows_of_file(records)
            _check_trail(records)
        else:
            _need_postgresql(file, place)
            found = rehearse_dump(place, records)
        if dict(found) != dict(contents.rows):
            raise BackupError(f"{file}: has other rows than were written; use another backup")
        return contents


def restore_backup(file: Path, place: StorePlace, passphrase: str, at: datetime) -> Path:
    """Put a backup in the place of records and keys; return the folder that keeps what was there.

    Raises BackupError while a controller serves the database, JournalError during an apply.
    """
    before = place.folder / f"before-restore-{at:%Y%m%dT%H%M%SZ}"
    with _unpacked(file, passphrase) as (folder, contents):
        if (contents.database == "postgresql") != bool(place.address):
            raise BackupError(
                f"{file}: is of {contents.database}; set or unset SANAGA_DATABASE to match"
            )
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with held(place.folder / LOCK, at), alone_in(place.folder), _unled(place):
            before.mkdir(mode=0o700)
            if place.address:
                create_backup(place, before, passphrase, at)
                restore_dump(place, folder / _RECORDS)
            else:
                _close_log(place.file)
                _swap(folder / _RECORDS, place.file, before)
            for name in contents.files:
                aside = (before / name).parent
                _swap(folder / _FILES / name, place.folder / name, aside)
            sync_folder(place.folder)
    return before


def holds_anything(place: StorePlace) -> bool:
    """Return whether a restore would take the place of something."""
    names = (FILE, *FORMER_FILES)
    there = any((place.folder / name).exists() for name in names)
    return bool(place.address) or there or (place.folder.exists() and bool(_files_of(place.folder)))


def _files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a state folder beside databases and the lock: keys, lists, reports."""
    reports = folder / REPORTS
    inside = sorted(reports.iterdir()) if reports.is_dir() and not reports.is_symlink() else []
    files = (f for f in (*sorted(folder.iterdir()), *inside) if f.is_file() and not f.is_symlink())
    wanted = (f for f in files if f.name != LOCK and not f.name.endswith(_NOT_COPIED))
    return {f.relative_to(folder).as_posix(): f for f in wanted}


def _check_name(name: str) -> None:
    """Raise BackupError unless a name stays within the state folder."""
    parts = PurePosixPath(name).parts
    known = len(parts) == 1 or (len(parts) == 2 and parts[0] == REPORTS)
    if not known or ".." in parts or name.startswith("/"):
        raise BackupError(f"the backup names a file that is in no state folder: {name!r}")


def _plain(contents: BackupContents) -> dict[str, object]:
    rows, files = dict(contents.rows), list(contents.files)
    return {"at": contents.at, "database": contents.database, "rows": rows, "files": files}


def _write(part: Path, members: Mapping[str, Path], passphrase: str) -> None:
    try:
        with private_file(part) as file:
            stream = SealingStream(file, passphrase)
            with tarfile.open(fileobj=cast("Any", stream), mode="w|gz") as archive:
                for name, path in members.items():
                    archive.add(path, arcname=name, recursive=False)
            stream.finish()
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def _unpacked(file: Path, passphrase: str) -> Iterator[tuple[Path, BackupContents]]:
    """Give a folder with what a backup holds, for its owner alone and for as long as the block."""
    with TemporaryDirectory() as name, file.open("rb") as sealed:
        folder = Path(name)
        stream = OpeningStream(sealed, file, passphrase)
        try:
            with tarfile.open(fileobj=cast("Any", stream), mode="r|gz") as archive:
                unpack(archive, folder)
            # All of it was sealed, also what tar does not look at.
            stream.read()
            written = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            contents = BackupContents(**{**written, "files": tuple(written["files"])})
            for kept in contents.files:
                _check_name(kept)
        except (tarfile.TarError, EOFError, OSError, ValueError, TypeError, KeyError) as error:
            raise BackupError(f"{file}: cannot be unpacked ({error}); use another") from error
        yield folder, contents


@contextmanager
def _unled(place: StorePlace) -> Iterator[None]:
    """Keep controllers from leading while the block runs; raise BackupError if one does."""
    if not place.address:
        # A file that a controller has open is refused by itself.
        yield
        return
    engine = open_store_engine(place)
    lock = process_lock(engine, LEADER_LOCK, LEADER_FILE)
    try:
        if not lock.take():
            raise BackupError(f"{place.name}: a controller serves it; stop all of them first")
        yield
    finally:
        lock.release()
        engine.dispose()


def _check_trail(records: Path) -> None:
    """Open the records as this program does, which brings them to its version."""
    with TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_bytes(records.read_bytes())
        with closing(Database.open_place(StorePlace(Path(folder)), BackupError)) as database:
            if (serial := audit.broken(audit.read(database.read(audit.entries())))) is not None:
                raise BackupError(f"the audit chain in it is broken at entry {serial}")


def _need_postgresql(file: Path, place: StorePlace) -> None:
    if not place.address:
        raise BackupError(f"{file}: is of PostgreSQL; set SANAGA_DATABASE to rehearse it there")


def _close_log(file: Path) -> None:
    """Move what a log holds into the file, which needs that nobody has it open."""
    if not file.exists():
        return
    module = sqlite_module()
    try:
        with closing(module.connect(file, isolation_level=None, timeout=1)) as last:
            last.execute("PRAGMA journal_mode = DELETE")
    except module.OperationalError as error:
        raise BackupError(f"{file}: is open in another process; end it first ({error})") from error
    except module.DatabaseError:
        # What is damaged is put aside with its log.
        return


def _swap(new: Path, place: Path, before: Path) -> None:
    """Put a file in the place of another, which goes into a folder of what was before."""
    place.parent.mkdir(mode=0o700, exist_ok=True)
    if place.exists():
        before.mkdir(mode=0o700, exist_ok=True)
        place.rename(before / place.name)
    with private_file(place) as copy:
        copy.write(new.read_bytes())
