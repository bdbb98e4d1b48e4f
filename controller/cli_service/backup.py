"""sanaga backup: the controller's records and keys in one sealed file, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from controller.environment import environment, state_dir
from controller.terminal.controllers import refuse_beside
from controller.terminal.output import (
    Format,
    FormatOption,
    UsageProblem,
    emit,
    emit_rows,
    say,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.backups.backup import BackupContents
    from controller.transport.api_client import ApiClient

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Back up the controller's records and keys, rehearse it, and put it back.",
)
KEPT = 14
_HEADINGS = {"file": "FILE", "octets": "OCTETS", "rehearsal": "REHEARSAL"}
FileArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A backup.")
]


@app.command(epilog="Example: sanaga backup create --to /media/backups --keep 14")
def create(
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", file_okay=False, help="Where backups are kept.")
    ],
    keep: Annotated[
        int, typer.Option(min=1, help="How many of the newest backups there to keep.")
    ] = KEPT,
    output: FormatOption = Format.TABLE,
) -> None:
    """Write a backup, sealed with SANAGA_PASSPHRASE, while everything goes on; remove old ones."""
    from controller.app import local_controller

    if client := local_controller():
        file, contents, removed = _created_there(client, to, keep)
    else:
        file, contents, removed = _created_here(to, keep)
    row = {**_row(file, contents), "removed": [str(path) for path in removed]}
    emit(row, output, lambda: write(f"{file}: {_told(contents)}"))
    for path in removed:
        say(f"{path}: removed, as {keep} newer ones are there")


@app.command("list", epilog="Example: sanaga backup list --in /media/backups")
def list_them(
    where: Annotated[
        Path | None,
        typer.Option(
            "--in",
            metavar="DIR",
            file_okay=False,
            help="Where backups are kept; where 'sanaga serve' keeps them unless named.",
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List backups, how their rehearsals by 'sanaga serve' went, and what is wrong, if anything."""
    from controller.backups.noted import (
        BACKUPS,
        NO_TELEMETRY,
        attempts,
        list_backups,
        what_is_wrong,
    )
    from controller.clock import SystemClock
    from controller.store.place import store_place

    place = store_place(state_dir())
    folder = where or place.folder / BACKUPS
    emit_rows(list_backups(folder), output, _HEADINGS)
    if wrong := what_is_wrong(attempts(folder), SystemClock().instant()):
        say(f"{folder}: {wrong}")
    if not place.address:
        say(NO_TELEMETRY)


@app.command(epilog="Example: sanaga backup verify sanaga-20261130T020000Z.sanaga-backup")
def verify(file: FileArgument, output: FormatOption = Format.TABLE) -> None:
    """Restore a backup into a temporary place, and compare every table with what was backed up."""
    from controller.backups.backup import verify_backup
    from controller.store.place import store_place

    contents = verify_backup(file, store_place(state_dir()), _passphrase())
    emit(_row(file, contents), output, lambda: write(f"{file}: whole; {_told(contents)}"))


@app.command(epilog="Example: sanaga backup restore --yes sanaga-20261130T020000Z.sanaga-backup")
def restore(
    file: FileArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="Put it in the place of what is there now.")
    ] = False,
) -> None:
    """Put a backup in the place of the records and keys, and keep what was there beside them."""
    from controller.app import note_network_act
    from controller.backups.backup import holds_anything, restore_backup, verify_backup
    from controller.clock import SystemClock
    from controller.store.place import store_place

    refuse_beside("stop it, put the backup back, and start it again")
    place, passphrase = store_place(state_dir()), _passphrase()
    if holds_anything(place) and not yes:
        raise UsageProblem(
            f"{place.name}: there are records or keys already; say --yes to put the backup in "
            f"their place (they are kept in a folder below {place.folder})"
        )
    contents = verify_backup(file, place, passphrase)
    before = restore_backup(file, place, passphrase, SystemClock().instant())
    note_network_act("backup.restore", "records and keys", file=file.name, of=contents.at)
    write(f"{place.name}: {_told(contents)}")
    say(f"what was there before is in {before}")


def _created_here(to: Path, keep: int) -> "tuple[Path, BackupContents, Sequence[Path]]":
    from controller.app import note_network_act
    from controller.backups.backup import create_backup, forget_old
    from controller.clock import SystemClock
    from controller.store.place import store_place

    place = store_place(state_dir())
    file, contents = create_backup(place, to, _passphrase(), SystemClock().instant())
    note_network_act("backup.make", "records and keys", file=file.name)
    return file, contents, forget_old(to, keep)


def _created_there(
    client: "ApiClient", to: Path, keep: int
) -> "tuple[Path, BackupContents, Sequence[Path]]":
    """Have the controller that runs on this machine write a backup."""
    from controller.backups.backup import BackupContents
    from controller.operations.following import follow

    body = {"folder": str(to.absolute()), "keep": keep, "passphrase": _passphrase()}
    made = follow(client, "/machine/backups", body, lambda _: None)
    told = {**made["backup"]}
    contents = BackupContents(told["at"], told["database"], told["rows"], tuple(told["files"]))
    return to / told["name"], contents, [to / name for name in made["removed"]]


def _passphrase() -> str:
    from inventory.credentials import PASSPHRASE, SET_PASSPHRASE
    from inventory.errors import CredentialError

    if given := environment().get(PASSPHRASE):
        return given
    raise CredentialError(f"a backup is sealed with a passphrase; set it with: {SET_PASSPHRASE}")


def _row(file: Path, contents: "BackupContents") -> dict[str, object]:
    return {
        "file": str(file),
        "at": contents.at,
        "database": contents.database,
        "rows": dict(contents.rows),
        "files": list(contents.files),
    }


def _told(contents: "BackupContents") -> str:
    rows, tables, files = sum(contents.rows.values()), len(contents.rows), len(contents.files)
    return f"{rows} rows in {tables} tables and {files} files of {contents.at}"
