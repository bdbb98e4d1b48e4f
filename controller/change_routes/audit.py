"""Routes of the audit chain: who did what, when and why, by any door, and whether it is whole."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from accounts.audit import AuditEntry, count_entries, judge_chain, read_entries, storable
from controller.api.context import Viewer, viewer
from controller.api.paging import PageParameters, page_of_rows
from controller.api.rights import needs
from controller.api.scope import require_everywhere
from controller.roles import Right

router: Final = APIRouter(prefix="/audit")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
Subject = Annotated[str | None, Query(max_length=200, description="who or what was acted upon")]
Kind = Annotated[
    str | None,
    Query(
        max_length=40,
        description="'vpn' (people's access, sites' keys), 'accounts', 'network' (plans, applies)",
    ),
]
Noted = Annotated[
    str, Query(pattern="^([0-9a-f]{64})?$", description="a last hash that was noted elsewhere")
]


@router.get("", openapi_extra=needs(Right.SEE_AUDIT))
def list_entries(
    reader: Reader, pages: PageParameters, subject: Subject = None, kind: Kind = None
) -> dict[str, Any]:
    """List the entries of the chain, oldest first; those of one subject or one kind if named."""
    require_everywhere(reader, Right.SEE_AUDIT)
    subject, kind = (text and storable(text) for text in (subject, kind))
    with reader.context.changes.plans.reading() as db:
        total = count_entries(db, subject=subject, kind=kind)
        page = page_of_rows(
            lambda after: read_entries(db, after=after, subject=subject, kind=kind),
            total,
            lambda one: one.serial,
            pages,
        )
    return page.json(_entry_json)


@router.get("/verification", openapi_extra=needs(Right.SEE_AUDIT))
def verify_chain(reader: Reader, noted: Noted = "") -> dict[str, Any]:
    """Say whether the chain is whole, and whether a hash that was noted elsewhere is in it.

    A chain that was cut at its end is whole, but lacks the last hash that somebody noted.
    """
    require_everywhere(reader, Right.SEE_AUDIT)
    with reader.context.changes.plans.reading() as db:
        found = judge_chain(read_entries(db), noted)
    return {
        "whole": found.broken_at is None,
        "broken_at": found.broken_at,
        "entries": found.entries,
        "kinds": dict(found.kinds),
        "last_hash": found.last_hash,
        "noted_is_there": found.noted if noted else None,
    }


def _entry_json(one: AuditEntry) -> dict[str, Any]:
    names = ("serial", "kind", "number", "at", "who", "what", "subject", "because", "hash")
    return {name: getattr(one, name) for name in names} | {"details": dict(one.details)}
