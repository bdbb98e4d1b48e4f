"""Routes of the audit chains: who did what, when and why, and whether the chains are whole."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Depends, Query

from accounts.audit import first_broken, read_entries
from controller.api.context import Viewer, viewer
from controller.api.paging import PageParameters, page_of
from controller.api.rights import needs
from controller.api.scope import require_everywhere
from controller.app import open_people
from controller.roles import Right
from controller.store.audit import broken

router: Final = APIRouter(prefix="/audit")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
Chain = Annotated[
    Literal["vpn", "accounts"],
    Query(description="people's access and sites' keys; or accounts, plans and applies"),
]


class _Entry(Protocol):
    """An entry of either chain."""

    @property
    def serial(self) -> int: ...
    @property
    def at(self) -> str: ...
    @property
    def who(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def because(self) -> str: ...
    @property
    def details(self) -> Mapping[str, Any]: ...
    @property
    def hash(self) -> str: ...


@router.get("", openapi_extra=needs(Right.SEE_AUDIT))
def list_entries(
    reader: Reader,
    pages: PageParameters,
    chain: Chain = "vpn",
    subject: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """List the entries of a chain, oldest first, all or those about one subject."""
    require_everywhere(reader, Right.SEE_AUDIT)
    found = [one for one in _entries(reader, chain) if subject in {None, one.subject}]
    return page_of(found, lambda one: one.serial, pages).json(_entry_json)


@router.get("/verification", openapi_extra=needs(Right.SEE_AUDIT))
def verify_chains(reader: Reader) -> dict[str, Any]:
    """Say of both chains whether they are whole; the last hash, noted elsewhere, proves the end."""
    require_everywhere(reader, Right.SEE_AUDIT)
    with open_people() as store:
        access = store.trail()
    with reader.context.changes.plans.reading() as connection:
        accounts = tuple(read_entries(connection))
    return {
        "vpn": _verdict(access, broken(access)),
        "accounts": _verdict(accounts, first_broken(accounts)),
    }


def _entries(reader: Viewer, chain: str) -> Sequence[_Entry]:
    if chain == "vpn":
        with open_people() as store:
            return store.trail()
    with reader.context.changes.plans.reading() as connection:
        return tuple(read_entries(connection))


def _verdict(entries: Sequence[_Entry], wrong: int | None) -> dict[str, Any]:
    last = entries[-1] if entries else None
    return {
        "whole": wrong is None,
        "broken_at": wrong,
        "entries": len(entries),
        "last_hash": last.hash if last else None,
    }


def _entry_json(one: _Entry) -> dict[str, Any]:
    names = ("serial", "at", "who", "what", "subject", "because", "hash")
    return {name: getattr(one, name) for name in names} | {"details": dict(one.details)}
