"""Routes of backups: those of the service's folder, one more, and a rehearsal of one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response

from controller.api.context import Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.paging import PageParameters, page_of
from controller.api.problems import not_found
from controller.api.rights import needs
from controller.api.scope import require_everywhere
from controller.api_requests.noting import note_act
from controller.api_requests.repeating import RepeatableRoute
from controller.backups.backup import BackupContents, create_backup, forget_old, verify_backup
from controller.backups.noted import SUFFIX
from controller.change_routes.operations import begun
from controller.environment import environment, state_dir
from controller.operations.model import Beginning, OperationKind
from controller.operations.runner import Watch
from controller.roles import Right
from controller.store.place import store_place
from inventory.credentials import PASSPHRASE, SET_PASSPHRASE
from inventory.errors import CredentialError

router: Final = APIRouter(prefix="/backups", route_class=RepeatableRoute)
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
NameParameter = Annotated[str, Path(pattern=rf"^sanaga-[0-9TZ]{{16}}\{SUFFIX}$")]
FOLDER: Final = "backups"
KEPT: Final = 14


@router.get("", openapi_extra=needs(Right.BACK_UP))
def list_backups(reader: Reader, pages: PageParameters) -> dict[str, Any]:
    """List the backups in the folder 'backups' of the state folder, by name, which is by age."""
    require_everywhere(reader, Right.BACK_UP)
    found = sorted(_folder().glob(f"sanaga-*{SUFFIX}"))
    return page_of(found, lambda file: file.name, pages).json(_file_json)


@router.post("", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.BACK_UP))
def make_backup(reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to write a backup, sealed with SANAGA_PASSPHRASE of the service; the oldest go."""
    require_everywhere(reader, Right.BACK_UP)
    passphrase = _passphrase()

    def work(watch: Watch) -> Mapping[str, Any]:
        place = store_place(state_dir())
        file, contents = create_backup(place, _folder(), passphrase, watch.instant())
        removed = [one.name for one in forget_old(_folder(), KEPT)]
        return {"backup": contents_json(file, contents), "removed": removed}

    wanted = Beginning(OperationKind.BACKUP, reader.principal.account.name)
    made = reader.context.changes.operations.start(wanted, work, before=partial(_note, reader))
    return begun(made, response)


@router.post(
    "/{name}/verification", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.BACK_UP)
)
def rehearse_backup(name: NameParameter, reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to restore a backup into a temporary place and to compare it with what was there."""
    require_everywhere(reader, Right.BACK_UP)
    file, passphrase = _folder() / name, _passphrase()
    if not file.is_file():
        raise not_found("backup", name)

    def work(_: Watch) -> Mapping[str, Any]:
        contents = verify_backup(file, store_place(state_dir()), passphrase)
        return {"backup": contents_json(file, contents)}

    wanted = Beginning(OperationKind.REHEARSAL, reader.principal.account.name)
    return begun(reader.context.changes.operations.start(wanted, work), response)


def _note(reader: Viewer) -> None:
    note_act(reader, "backup.make", "records and keys")


def _folder() -> FilePath:
    return state_dir() / FOLDER


def _passphrase() -> str:
    if given := environment().get(PASSPHRASE):
        return given
    raise CredentialError(
        f"a backup is sealed with a passphrase; start the service with it: {SET_PASSPHRASE}"
    )


def _file_json(file: FilePath) -> dict[str, Any]:
    found = file.stat()
    made = datetime.fromtimestamp(found.st_mtime, UTC)
    return {"name": file.name, "octets": found.st_size, "made_at": rfc3339(made.timestamp())}


def contents_json(file: FilePath, contents: BackupContents) -> dict[str, Any]:
    """Return what a backup holds."""
    return {
        "name": file.name,
        "at": contents.at,
        "database": contents.database,
        "rows": dict(contents.rows),
        "files": list(contents.files),
    }
