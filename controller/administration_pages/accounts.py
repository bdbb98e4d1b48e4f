"""The pages of people that one manages: the list, one account, and what may be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from accounts.proposals import ProposalKind
from controller.account_routes.accounts import (
    EnabledBody,
    GrantsBody,
    enable,
    give_roles,
    list_managed,
    list_roles,
    read_account,
)
from controller.account_routes.caller import AnyCaller, Caller
from controller.account_routes.proposals import ProposalBody, list_open, make
from controller.account_routes.sessions import (
    list_made_tokens,
    list_open_sessions,
    revoke,
    revoke_session,
)
from controller.administration_pages.fields import (
    grant_rows,
    grants_of,
    role_names,
    scopes_seen,
    typed_rows,
)
from controller.api.paging import LONGEST_PAGE, PageRequest
from controller.api.rights import needs
from controller.roles import Right
from controller.web.acting import FAULTS, said_of
from controller.web.forms import Form
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
ACCOUNTS: Final = "/administration/accounts"
ALL: Final = PageRequest(None, LONGEST_PAGE)
_MANAGING: Final = needs(Right.MANAGE_ACCOUNTS)
_PAGE: Final = 100
Cursor = Annotated[str | None, Query(max_length=500)]
NamePath = Annotated[str, Path(max_length=100)]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a form was answered: a fault, and the roles that it would give or has typed."""

    fault: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)
    change: Mapping[str, Any] | None = None


@router.get(ACCOUNTS, openapi_extra=_MANAGING)
def show_accounts(
    request: Request, reader: Reader, caller: AnyCaller, cursor: Cursor = None
) -> Response:
    """List the people that one manages, and what each role may do."""
    values = {
        "found": list_managed(caller, PageRequest(cursor, _PAGE)),
        "roles": list_roles(caller)["items"],
        "rights": [right.value for right in Right],
        "tab": "accounts",
    }
    return render(request, Page("accounts.html.j2", "administration"), values, reader)


@router.get(f"{ACCOUNTS}/{{name}}", openapi_extra=_MANAGING)
def show_account(request: Request, name: NamePath, reader: Reader, caller: AnyCaller) -> Response:
    """Show one account with its roles, sessions, tokens and proposals."""
    return _shown(request, name, reader, caller, _Said())


@router.post(f"{ACCOUNTS}/{{name}}", openapi_extra=_MANAGING)
def act_on_account(
    request: Request, name: NamePath, reader: Reader, caller: AnyCaller, form: Form
) -> Response:
    """Do what a form asks for; a change of roles is shown first."""
    try:
        if form.get("kind") == "show":
            return _shown(request, name, reader, caller, _previewed(name, caller, form))
        _act(name, caller, form)
    except FAULTS as error:
        said = _Said(said_of(error), typed_rows(form))
        return _shown(request, name, reader, caller, said)
    return see_other(f"{ACCOUNTS}/{name}")


def _act(name: str, caller: Caller, form: Mapping[str, str]) -> None:
    because, number = form.get("because", ""), form.get("id", "")
    match form.get("kind", ""):
        case "grants":
            give_roles(name, GrantsBody(grants=grants_of(form), because=because), caller)
        case "enable" | "disable" as kind:
            enable(name, EnabledBody(enabled=kind == "enable", because=because), caller)
        case "end-session":
            revoke_session(number, caller, Response(), because)
        case "revoke-token":
            revoke(number, caller, because)
        case kind:
            asked = {"account": name, "kind": kind, "because": because}
            make(ProposalBody.model_validate(asked), caller)


def _previewed(name: str, caller: Caller, form: Mapping[str, str]) -> _Said:
    """Return what a change of roles would give and take."""
    wanted = [one.model_dump(mode="json") for one in grants_of(form)]
    held = read_account(name, caller)["grants"]
    change = {
        "gained": [one for one in wanted if one not in held],
        "lost": [one for one in held if one not in wanted],
        "rows": wanted,
        "because": form.get("because", ""),
    }
    return _Said("", wanted, change)


def _shown(request: Request, name: str, reader: Reader, caller: Caller, said: _Said) -> Response:
    account = read_account(name, caller)
    about = [one for one in list_open(caller, ALL)["items"] if one["account"] == account["name"]]
    values = {
        "account": account,
        "sessions": list_open_sessions(caller, ALL, name)["items"],
        "tokens": list_made_tokens(caller, ALL, name)["items"],
        "proposals": about,
        "rows": grant_rows(said.rows or account["grants"]),
        "roles": role_names(),
        "scopes": scopes_seen(reader),
        "kinds": [kind.value for kind in ProposalKind],
        "own": account["name"] == caller.by.account.name,
        "said": said,
        "tab": "accounts",
    }
    status = HTTPStatus.CONFLICT if said.fault else HTTPStatus.OK
    return render(request, Page("account_of.html.j2", "administration", status), values, reader)
