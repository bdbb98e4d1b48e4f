"""Proposals: what one administrator alone may not do to an account, at once.

A reset of a second factor needs two people and a day's notice. A fellow administrator loses the
role, or is disabled, when a second one agrees or a day has passed. The person concerned, and
everybody who manages the account, may object until it is carried out.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from accounts.announcements import announce
from accounts.audit import append, instant_text, storable
from accounts.audit_table import Lock, hold
from accounts.directory import (
    account_of,
    grants_of,
    manages,
    replace_grants,
    require_managed,
    switch,
)
from accounts.errors import (
    NotThereError,
    SecondPersonError,
    TakenError,
    UnfitError,
)
from accounts.opaque_tokens import OpaqueToken, known_id, new_id
from accounts.roles import Account, Principal, RoleCatalogue, require_step_up
from accounts.schema import proposals
from accounts.signing_in.links import recovery_link

NOTICE_S: Final = 24 * 3600.0
_LASTS_S: Final = 7 * NOTICE_S
_UNKNOWN: Final = "there is no such proposal, or your roles do not cover it"


class ProposalKind(StrEnum):
    """What is to be done to an account."""

    RESET_FACTORS = "reset factors"
    DEMOTE = "demote"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody proposed, about whom, and who agrees; times are seconds since 1970."""

    id: str
    kind: ProposalKind
    subject: Account
    proposed_by: int
    proposed_s: float
    seconded_by: int | None
    because: str

    def blocked(self, now_s: float) -> str:
        """Return why it cannot be carried out yet; empty if it can."""
        early = now_s < self.proposed_s + NOTICE_S
        alone = self.seconded_by is None
        if self.kind is not ProposalKind.RESET_FACTORS:
            return "a second person must agree, or 24 hours pass" if alone and early else ""
        if alone:
            return "a second person must agree first"
        late = "24 hours must pass after the proposal, so that its subject can object"
        return late if early else ""


def propose(  # noqa: PLR0913 - who proposes what about whom, when and why
    connection: Connection,
    by: Principal,
    name: str,
    kind: ProposalKind,
    *,
    catalogue: RoleCatalogue,
    now_s: float,
    because: str,
) -> str:
    """Propose a change of another's account; its subject and all administrators are told.

    Returns the proposal's id. Raises NotAllowedError and StepUpNeededError.
    """
    require_step_up(by, now_s)
    subject = require_managed(connection, by, name, catalogue)
    if subject.id == by.account.id:
        raise UnfitError("this is about somebody else's account; change your own directly")
    number = new_id()
    row: dict[str, object] = {"id": number, "kind": kind.value, "account_id": subject.id}
    row |= {"because": storable(because), "proposed_by": by.account.id, "proposed_s": now_s}
    row |= {"outcome": ""}
    connection.execute(insert(proposals).values(row))
    at = instant_text(now_s)
    details = {"proposal": number}
    append(connection, by.actor(because), at, f"propose.{_word(kind)}", subject.name, details)
    text = f"{by.account.name} proposes for {subject.name}: {kind}, because: {because}"
    announce(connection, now_s, text, subject.id)
    return number


def second(
    connection: Connection, by: Principal, number: str, catalogue: RoleCatalogue, now_s: float
) -> None:
    """Agree to another's proposal. Raises NotAllowedError, SecondPersonError, StepUpNeededError."""
    require_step_up(by, now_s)
    found = _open(connection, by, number, catalogue, now_s)
    if by.account.id in {found.proposed_by, found.subject.id}:
        raise SecondPersonError("somebody else must agree to this")
    once = update(proposals).where(proposals.c.id == number, proposals.c.seconded_by.is_(None))
    values = {"seconded_by": by.account.id, "seconded_s": now_s}
    if connection.execute(once.values(values)).rowcount != 1:
        raise TakenError("a second person has agreed already")
    at, details = instant_text(now_s), {"proposal": number}
    what = f"second.{_word(found.kind)}"
    append(connection, by.actor(found.because), at, what, found.subject.name, details)


def object_to(
    connection: Connection, by: Principal, number: str, catalogue: RoleCatalogue, now_s: float
) -> None:
    """End a proposal; its subject may, and everybody who manages the account."""
    row = connection.execute(_still_open(number)).one_or_none()
    if row is None:
        raise NotThereError(_UNKNOWN)
    found = _proposal(connection, row)
    if by.account.id != found.subject.id:
        _require_manager(connection, by, found, catalogue)
    _end(connection, number, "objected", now_s)
    at, details = instant_text(now_s), {"proposal": number}
    what = f"object.{_word(found.kind)}"
    append(connection, by.actor("objection"), at, what, found.subject.name, details)
    text = f"{by.account.name} objected to: {found.kind} of {found.subject.name}"
    announce(connection, now_s, text, found.subject.id)


def carry_out(
    connection: Connection, by: Principal, number: str, catalogue: RoleCatalogue, now_s: float
) -> OpaqueToken | None:
    """Do what was proposed; for a reset, return the link to hand to the person.

    Raises SecondPersonError when people or time lack, LastAdministratorError, NotAllowedError.
    """
    require_step_up(by, now_s)
    hold(connection, Lock.ADMINISTRATORS)
    found = _open(connection, by, number, catalogue, now_s)
    if why := found.blocked(now_s):
        raise SecondPersonError(why)
    _require_still_managers(connection, found, catalogue)
    _end(connection, number, "done", now_s)
    at, details = instant_text(now_s), {"proposal": number}
    what = f"account.{_word(found.kind)}"
    append(connection, by.actor(found.because), at, what, found.subject.name, details)
    text = f"{by.account.name} carried out: {found.kind} of {found.subject.name}"
    announce(connection, now_s, text, found.subject.id)
    return _act(connection, by, found, catalogue, now_s)


def open_proposals(
    connection: Connection, by: Principal, catalogue: RoleCatalogue, now_s: float
) -> tuple[Proposal, ...]:
    """Return the open proposals about oneself and about accounts that one may manage."""
    wanted = select(proposals).where(
        proposals.c.ended_s.is_(None), proposals.c.proposed_s > now_s - _LASTS_S
    )
    found = (_proposal(connection, row) for row in connection.execute(wanted).all())
    return tuple(
        one
        for one in found
        if one.subject.id == by.account.id
        or manages(by, grants_of(connection, one.subject.id), catalogue)
    )


def _act(
    connection: Connection,
    by: Principal,
    found: Proposal,
    catalogue: RoleCatalogue,
    now_s: float,
) -> OpaqueToken | None:
    subject = found.subject
    match found.kind:
        case ProposalKind.RESET_FACTORS:
            return recovery_link(connection, subject, by.actor(found.because), now_s)
        case ProposalKind.DISABLE:
            switch(connection, subject, enabled=False, catalogue=catalogue, now_s=now_s)
        case ProposalKind.DEMOTE:
            held = grants_of(connection, subject.id)
            kept = [grant for grant in held if grant.role != catalogue.administrator]
            replace_grants(connection, subject, kept, catalogue)
    return None


def _open(
    connection: Connection, by: Principal, number: str, catalogue: RoleCatalogue, now_s: float
) -> Proposal:
    row = connection.execute(_still_open(number)).one_or_none()
    if row is None or now_s >= row.proposed_s + _LASTS_S:
        raise NotThereError(_UNKNOWN)
    found = _proposal(connection, row)
    _require_manager(connection, by, found, catalogue)
    return found


def _require_manager(
    connection: Connection, by: Principal, found: Proposal, catalogue: RoleCatalogue
) -> None:
    if not manages(by, grants_of(connection, found.subject.id), catalogue):
        raise NotThereError(_UNKNOWN)


def _require_still_managers(
    connection: Connection, found: Proposal, catalogue: RoleCatalogue
) -> None:
    """Raise SecondPersonError if who proposed or agreed has left meanwhile."""
    for number in (found.proposed_by, found.seconded_by):
        if number is None:
            continue
        account = account_of(connection, number)
        powers = catalogue.powers(grants_of(connection, number))
        rights = {right for power in powers for right in power.rights}
        if account.disabled_s is not None or catalogue.manage_accounts not in rights:
            raise SecondPersonError(f"{account.name} may not manage accounts any more")


def _end(connection: Connection, number: str, outcome: str, now_s: float) -> None:
    once = update(proposals).where(proposals.c.id == number, proposals.c.ended_s.is_(None))
    if connection.execute(once.values(ended_s=now_s, outcome=outcome)).rowcount != 1:
        raise NotThereError(_UNKNOWN)


def _still_open(number: str) -> Any:
    mine = proposals.c.id == known_id(number)
    return select(proposals).where(mine, proposals.c.ended_s.is_(None))


def _proposal(connection: Connection, row: Row[Any]) -> Proposal:
    subject = account_of(connection, row.account_id)
    people = (row.proposed_by, row.proposed_s, row.seconded_by)
    return Proposal(row.id, ProposalKind(row.kind), subject, *people, row.because)


def _word(kind: ProposalKind) -> str:
    return kind.value.replace(" ", "-")
