"""Approvals by a second person: what was shown is what is approved, and what is done.

The digest covers the plan and the state that it starts from. Neither its author nor anybody who
changed it may approve it; the approver's scope covers every place, then and when it is done.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from accounts.audit import Actor, append, instant_text, storable
from accounts.directory import account_of, grants_of
from accounts.errors import NotAllowedError, NotThereError, SecondPersonError, TakenError
from accounts.opaque_tokens import known_id, new_id
from accounts.realm import Realm
from accounts.roles import Origin, Principal, RoleCatalogue, allows
from accounts.schema import approvals
from accounts.signing_in.second_factors import Proof
from accounts.signing_in.step_up import act_options, with_factor

LASTS_S: Final = 8 * 3600.0
_OWN: Final = "whoever wrote or changed this cannot approve it"
_UNCOVERED: Final = "your roles do not let you approve at every place that it concerns"
_UNKNOWN: Final = "there is no such request, or your roles do not cover it"


@dataclass(frozen=True, slots=True)
class ApprovalWish:
    """What is to be approved: a digest, its summary, the places concerned, and its authors.

    authors are the ids of the accounts that wrote or changed it; right is what an approver needs.
    """

    digest: str
    summary: str
    right: str
    places: frozenset[str]
    authors: frozenset[int]


class Standing(StrEnum):
    """How far a request is; what was refused is over without anybody's approval."""

    WAITING = "waiting"
    APPROVED = "approved"
    USED = "used"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """A request as people see it; times are seconds since 1970."""

    id: str
    wish: ApprovalWish
    created_s: float
    expires_s: float
    approved_by: int | None
    approved_s: float | None
    used_s: float | None = None

    def standing(self, now_s: float) -> Standing:
        """Return how far the request is."""
        if self.used_s is not None:
            return Standing.REFUSED if self.approved_by is None else Standing.USED
        if now_s >= self.expires_s:
            return Standing.EXPIRED
        return Standing.WAITING if self.approved_by is None else Standing.APPROVED


def digest_of(parts: Mapping[str, str]) -> str:
    """Return the digest of named texts, such as a plan and the state that it starts from."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode()).hexdigest()


def request_approval(
    connection: Connection, by: Principal, wish: ApprovalWish, now_s: float
) -> str:
    """Ask for a second person; return the request's id. Whoever asks counts as an author."""
    if not wish.places:
        raise NotAllowedError("a request names the places that it concerns")
    number, authors = new_id(), sorted(wish.authors | {by.account.id})
    row: dict[str, object] = {
        "id": number,
        "digest": wish.digest,
        "summary": storable(wish.summary),
    }
    row |= {"access_right": str(wish.right), "places": json.dumps(sorted(wish.places))}
    row |= {"authors": json.dumps(authors), "created_s": now_s}
    connection.execute(insert(approvals).values(**row, expires_s=now_s + LASTS_S))
    at, details = instant_text(now_s), {"digest": wish.digest, "places": sorted(wish.places)}
    append(connection, by.actor(wish.summary), at, "approval.request", number, details)
    return number


def open_requests(connection: Connection, by: Principal, now_s: float) -> tuple[Approval, ...]:
    """Return the requests that wait, of those whose every place somebody may approve."""
    wanted = select(approvals).where(approvals.c.expires_s > now_s, approvals.c.used_s.is_(None))
    found = map(_approval, connection.execute(wanted.order_by(approvals.c.created_s)))
    return tuple(one for one in found if _covers(by, one.wish.right, one.wish.places))


def requests_of(connection: Connection, digests: Iterable[str]) -> tuple[Approval, ...]:
    """Return all requests for some digests, those that are over, too, the oldest first."""
    wanted = select(approvals).where(approvals.c.digest.in_(list(digests)))
    return tuple(map(_approval, connection.execute(wanted.order_by(approvals.c.created_s))))


def objection(found: Approval, by: Principal) -> str:
    """Return why somebody cannot approve or refuse a request; nothing where they can."""
    if by.account.id in found.wish.authors:
        return _OWN
    return "" if _covers(by, found.wish.right, found.wish.places) else _UNCOVERED


def approval_options(realm: Realm, by: Principal, number: str, digest: str, now_s: float) -> str:
    """Return what a browser needs to approve with a passkey; empty if the account has none."""
    return act_options(realm, by, _purpose(number, digest), now_s)


def approve(  # noqa: PLR0913 - who approves what that was shown, by what and when
    realm: Realm, by: Principal, number: str, *, shown: str, proof: Proof, now_s: float
) -> None:
    """Approve the digest that was shown, with a second factor that is used up by it.

    Raises NotAllowedError, SecondPersonError, SignInRefusedError and WaitError.
    """

    def act(connection: Connection) -> None:
        found = _requested(connection, by, number, shown, now_s)
        once = update(approvals).where(approvals.c.id == number, approvals.c.approved_by.is_(None))
        values = {"approved_by": by.account.id, "approved_s": now_s}
        if connection.execute(once.values(values)).rowcount != 1:
            raise TakenError("somebody has approved this already")
        at, details = instant_text(now_s), {"digest": shown}
        append(connection, by.actor(found.wish.summary), at, "approval.give", number, details)

    purpose = _purpose(number, shown)
    with_factor(realm, by, proof, purpose=purpose, now_s=now_s, act=act)


def refuse(  # noqa: PLR0913 - who refuses what that was shown, why and when
    connection: Connection, by: Principal, number: str, *, shown: str, because: str, now_s: float
) -> None:
    """Refuse the digest that was shown, and say why; it takes another request then.

    Raises NotAllowedError and SecondPersonError.
    """
    _requested(connection, by, number, shown, now_s)
    open_still = (approvals.c.approved_by.is_(None), approvals.c.used_s.is_(None))
    once = update(approvals).where(approvals.c.id == number, *open_still)
    if connection.execute(once.values(used_s=now_s)).rowcount != 1:
        raise TakenError("somebody has decided on this already")
    details = {"digest": shown}
    append(connection, by.actor(because), instant_text(now_s), "approval.refuse", number, details)


def use_approval(  # noqa: PLR0913 - what is about to be done, where, when and by whom
    connection: Connection,
    number: str,
    *,
    digest: str,
    places: Iterable[str],
    authors: Iterable[int],
    catalogue: RoleCatalogue,
    actor: Actor,
    now_s: float,
) -> None:
    """Use an approval up for what is about to be done: digest, places and authors as they are now.

    Raises SecondPersonError when it is not what was approved, or by whom it was is not good
    (any more).
    """
    row = _row(connection, number)
    if row is None or row.approved_by is None:
        raise SecondPersonError("a second person must approve this first")
    if row.used_s is not None or now_s >= row.expires_s:
        raise SecondPersonError("the approval was used already or is too old; ask for another one")
    found = _approval(row)
    if found.wish.digest != digest:
        raise SecondPersonError(
            "what would be done is no longer what was approved; make the plan again and ask again"
        )
    here = frozenset(places) | found.wish.places
    _require_good(connection, found, here, frozenset(authors) | found.wish.authors, catalogue)
    once = update(approvals).where(approvals.c.id == number, approvals.c.used_s.is_(None))
    if connection.execute(once.values(used_s=now_s)).rowcount != 1:
        raise SecondPersonError("the approval was used already; ask for another one")
    append(connection, actor, instant_text(now_s), "approval.use", number, {"digest": digest})


def _row(connection: Connection, number: str) -> Row[Any] | None:
    wanted: Any = select(approvals).where(approvals.c.id == known_id(number))
    found: Row[Any] | None = connection.execute(wanted).one_or_none()
    return found


def _requested(
    connection: Connection, by: Principal, number: str, shown: str, now_s: float
) -> Approval:
    row = _row(connection, number)
    if row is None or not _covers(by, row.access_right, json.loads(row.places)):
        raise NotThereError(_UNKNOWN)
    found = _approval(row)
    if now_s >= found.expires_s or row.used_s is not None:
        raise NotAllowedError("this request is over; ask for another one")
    if found.wish.digest != shown:
        raise SecondPersonError("what you were shown is not what is asked for; load it again")
    if by.account.id in found.wish.authors:
        raise SecondPersonError(_OWN)
    return found


def _require_good(
    connection: Connection,
    found: Approval,
    places: frozenset[str],
    authors: frozenset[int],
    catalogue: RoleCatalogue,
) -> None:
    assert found.approved_by is not None  # noqa: S101 - the caller has looked
    account = account_of(connection, found.approved_by)
    held = grants_of(connection, account.id)
    approver = Principal(account, held, catalogue.powers(held), Origin.SESSION, "")
    if account.id in authors:
        raise SecondPersonError(f"{account.name} approved this and changed it; ask somebody else")
    if account.disabled_s is not None or not _covers(approver, found.wish.right, places):
        raise SecondPersonError(f"{account.name}, who approved this, may not any more; ask again")


def _covers(by: Principal, right: str, places: Iterable[str]) -> bool:
    return all(allows(by, right, place) for place in places)


def _approval(row: Row[Any]) -> Approval:
    places, authors = frozenset(json.loads(row.places)), frozenset(json.loads(row.authors))
    wish = ApprovalWish(row.digest, row.summary, row.access_right, places, authors)
    times = (row.created_s, row.expires_s, row.approved_by, row.approved_s, row.used_s)
    return Approval(row.id, wish, *times)


def _purpose(number: str, digest: str) -> str:
    return storable(f"approve {number} {digest}")
