"""Where the controller keeps its records: a file of its state folder, or a PostgreSQL database."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from controller.environment import SettingError, environment

if TYPE_CHECKING:
    from sqlalchemy import Engine

FILE: Final = "sanaga.sqlite"
# The files of release 0.1, which are moved into the one file when the folder is first opened.
FORMER_FILES: Final = ("journal.sqlite", "people.sqlite")
ADDRESS: Final = "SANAGA_DATABASE"
PASSWORD_FILE: Final = "SANAGA_DATABASE_PASSWORD_FILE"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class StorePlace:
    """The state folder, and the address of a PostgreSQL database where one is used instead."""

    folder: Path
    address: str = ""
    password_file: Path | None = None

    @property
    def file(self) -> Path:
        """Return the file of SQLite, used or not."""
        return self.folder / FILE

    @property
    def name(self) -> str:
        """Return what to call the records in a message; no password is in it."""
        if not self.address:
            return str(self.file)
        from database.engine import postgresql_name

        return postgresql_name(self.address)

    def password(self) -> str | None:
        """Return what the password file holds. Raises SettingError when it cannot be used."""
        if self.password_file is None:
            return None
        try:
            if self.password_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SettingError(
                    f"{PASSWORD_FILE}: {self.password_file}: others may read it; say "
                    f"'chmod 600 {self.password_file}'"
                )
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{PASSWORD_FILE}: {self.password_file}: {error}") from error


def store_place(folder: Path, environ: Mapping[str, str] | None = None) -> StorePlace:
    """Return where the records of a state folder are, as SANAGA_DATABASE says."""
    variables = environment() if environ is None else environ
    file = variables.get(PASSWORD_FILE)
    return StorePlace(folder, variables.get(ADDRESS, ""), Path(file) if file else None)


def open_store_engine(place: StorePlace) -> "Engine":
    """Return an engine for the records of a controller; Database.open() makes its own tables.

    Raises SettingError when the address or the password file is wrong, and what open_engine() does.
    """
    from database.engine import AddressError, open_engine

    if not place.address:
        return open_engine(place.file)
    try:
        return open_engine(place.address, password=place.password())
    except AddressError as error:
        raise SettingError(f"{ADDRESS}: {error}") from error


def record_exists(folder: Path) -> bool:
    """Return whether a controller has kept anything; a database of PostgreSQL counts as that."""
    place = store_place(folder)
    return bool(place.address) or any((folder / f).exists() for f in (FILE, *FORMER_FILES))
