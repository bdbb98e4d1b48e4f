"""Routes for the owner of this machine's controller alone, over its local socket."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from accounts.audit import Actor
from accounts.signing_in.links import first_administrator_link, recover_on_machine
from controller.account_routes.bodies import BecauseText, ShortText
from controller.account_routes.caller import AnyCaller
from controller.api.context import Viewer, viewer
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import is_local
from controller.app import open_registrar
from controller.backups.backup import create_backup, forget_old
from controller.change_routes.backups import contents_json
from controller.change_routes.operations import begun
from controller.environment import state_dir
from controller.operations.model import Beginning, OperationKind
from controller.operations.runner import Watch
from controller.roles import Right
from controller.store.place import store_place
from vpn.people.terms import terms_plain

# Bodies and answers hold secrets, so no answer is kept to be given again.
router: Final = APIRouter(prefix="/machine")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]


class LinkRequest(BaseModel):
    """For whom a one-time code is: the first administrator, or an account by its name."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["first-administrator", "recovery"]
    name: ShortText = ""
    because: BecauseText = ""


class CopyRequest(BaseModel):
    """Where a backup goes on this machine, how many are kept there, and what seals it."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(max_length=4_096)
    keep: int = Field(ge=1, le=100_000)
    passphrase: SecretStr = Field(max_length=10_000)


@router.post("/account-links", openapi_extra=needs(Right.MANAGE_ACCOUNTS))
def make_link(asked: LinkRequest, reader: Reader, caller: AnyCaller) -> dict[str, Any]:
    """Make a one-time code with which somebody gets in, or in again."""
    _require_owner(reader)
    realm, now_s = caller.realm, caller.now_s
    actor = Actor(caller.by.account.name, asked.because)
    with realm.engine.begin() as connection:
        if asked.kind == "recovery":
            made = recover_on_machine(connection, asked.name, actor, now_s)
        else:
            made = first_administrator_link(connection, realm.catalogue, actor, now_s)
    return {"code": made.text}


@router.get("/access-terms", openapi_extra=needs(Right.CHANGE_PEOPLE))
def read_terms(reader: Reader) -> dict[str, Any]:
    """Return the terms of access that hold, with how gateways are reached from this machine."""
    _require_owner(reader)
    with open_registrar() as registrar:
        return terms_plain(registrar.terms())


@router.post("/backups", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.BACK_UP))
def copy_records(asked: CopyRequest, reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to write a backup into a folder of this machine; the oldest there go."""
    _require_owner(reader)
    folder, passphrase = Path(asked.folder), asked.passphrase.get_secret_value()

    def work(watch: Watch) -> Mapping[str, Any]:
        place = store_place(state_dir())
        file, contents = create_backup(place, folder, passphrase, watch.instant())
        removed = [one.name for one in forget_old(folder, asked.keep)]
        return {"backup": contents_json(file, contents), "removed": removed}

    operations, account = reader.context.changes.operations, reader.principal.account
    wanted = Beginning(OperationKind.BACKUP, account.name, account=account.id)
    started = operations.start(wanted, work)
    return begun(started, response)


def _require_owner(reader: Viewer) -> None:
    if not is_local(reader):
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "only the owner of the controller's machine may; say this there"
        )
