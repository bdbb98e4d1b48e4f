"""Routes of the audit chain: who did what, when and why, by any door, and whether it is whole."""

from datetime import date, datetime, time
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from accounts.audit import (
    AuditEntry,
    count_entries,
    instant_text,
    judge_chain,
    newest_entries,
    read_entries,
    storable,
)
from controller.api.context import Viewer, viewer
from controller.api.paging import PageParameters, page_of_rows
from controller.api.rights import needs
from controller.api.scope import require_everywhere
from controller.roles import Right
from controller.timetable.wall_time import DOUALA

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
Who = Annotated[
    str | None, Query(max_length=200, description="a person, with their tokens and walls")
]
Since = Annotated[date | None, Query(description="the first day, in Africa/Douala")]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="a serial")]
_NEWEST: Final = 100
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


@router.get("/newest", openapi_extra=needs(Right.SEE_AUDIT))
def list_newest(  # noqa: PLR0913, PLR0917 - a parameter for each filter
    reader: Reader,
    before: Before = None,
    subject: Subject = None,
    kind: Kind = None,
    who: Who = None,
    since: Since = None,
) -> dict[str, Any]:
    """List entries, the newest first, a hundred at once; 'before' is a serial, such as 'next'."""
    require_everywhere(reader, Right.SEE_AUDIT)
    chosen = {"subject": subject, "kind": kind, "who": who}
    wanted: dict[str, Any] = {name: text and storable(text) for name, text in chosen.items()}
    wanted["since"] = _instant_of(since) if since else ""
    with reader.context.changes.plans.reading() as db:
        total = count_entries(db, **wanted)
        found = newest_entries(db, before, _NEWEST + 1, **wanted)
    items, more = found[:_NEWEST], len(found) > _NEWEST
    last = items[-1].serial if more else None
    return {"items": [_entry_json(one) for one in items], "total": total, "next": last}


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


def _instant_of(day: date) -> str:
    """Return the beginning of a day as the chain writes it; nothing for one before all entries."""
    if day.year < 1970:
        return ""
    return instant_text(datetime.combine(day, time(), ZoneInfo(DOUALA)).timestamp())


def _entry_json(one: AuditEntry) -> dict[str, Any]:
    names = ("serial", "kind", "number", "at", "who", "what", "subject", "because", "hash")
    return {name: getattr(one, name) for name in names} | {"details": dict(one.details)}
