"""Records that are as good as new, for tests that open many folders: their tables take a while."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from controller.store.database import Database
from controller.store.place import FILE, StorePlace
from inventory.errors import JournalError


def place_fresh_records(folder: Path) -> None:
    """Put records with nothing in them into a state folder that has none."""
    if not (folder / FILE).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / FILE).write_bytes(_fresh())
        (folder / FILE).chmod(0o600)


@cache
def _fresh() -> bytes:
    with TemporaryDirectory() as folder:
        Database.open_place(StorePlace(Path(folder)), JournalError).close()
        return (Path(folder) / FILE).read_bytes()
