"""Roles with a scope along a hierarchy, and the one function that says what somebody sees.

The host registers its roles, and the rights of each, as plain strings. A scope is a path such as
"north/mayo-sava"; the empty scope covers everything. A place is the path of whatever is asked for.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from accounts.audit import Actor
from accounts.errors import NotAllowedError, NotThereError, StepUpNeededError, UnfitError

Id = TypeVar("Id")

EVERYWHERE: Final = ""
# How long a second factor counts as given just now.
STEP_UP_S: Final = 300.0
_STEP: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.ASCII)
_MOST_STEPS: Final = 8


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role within a scope."""

    role: str
    scope: str


@dataclass(frozen=True, slots=True)
class Power:
    """Rights within a scope: what a grant means."""

    rights: frozenset[str]
    scope: str


@dataclass(frozen=True, slots=True)
class RoleCatalogue:
    """The roles of a host, with the rights of each.

    administrator is the role of which one holder must always be left; manage_accounts is the right
    to change accounts.
    """

    rights: Mapping[str, frozenset[str]]
    administrator: str
    manage_accounts: str

    def powers(self, grants: Iterable[Grant]) -> tuple[Power, ...]:
        """Return what grants mean; a role that the host does not know any more means nothing."""
        return tuple(
            Power(self.rights[grant.role], grant.scope)
            for grant in grants
            if grant.role in self.rights
        )

    def checked(self, grants: Iterable[Grant]) -> tuple[Grant, ...]:
        """Return grants sorted, each once. Raises NotAllowedError for unknown roles and scopes."""
        found = sorted({Grant(str(grant.role), grant.scope) for grant in grants})
        for grant in found:
            if grant.role not in self.rights:
                known = ", ".join(sorted(map(str, self.rights)))
                raise UnfitError(f"there is no role {grant.role!r}; the roles are: {known}")
            check_scope(grant.scope)
        return tuple(found)


class Origin(StrEnum):
    """By what somebody is known."""

    SESSION = "session"
    WALL = "wall"
    TOKEN = "token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Account:
    """A person who can sign in."""

    id: int
    name: str
    title: str
    disabled_s: float | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the account, what it may do now, and by what it is known.

    credential is the public id of the session or token. stepped_up_s is when a second factor was
    last given, None if the credential has none.
    """

    account: Account
    grants: tuple[Grant, ...]
    powers: tuple[Power, ...]
    origin: Origin
    credential: str
    stepped_up_s: float | None = None
    view: str = ""

    def actor(self, because: str) -> Actor:
        """Return how the audit chain names the caller."""
        by = f" by {self.origin} {self.credential}" if self.origin is not Origin.SESSION else ""
        return Actor(f"{self.account.name}{by}", because)


def check_scope(scope: str) -> None:
    """Raise NotAllowedError if a scope is not a path of lower-case names."""
    steps = scope.split("/") if scope else []
    if len(steps) > _MOST_STEPS or not all(_STEP.fullmatch(step) for step in steps):
        raise UnfitError(
            f"{scope!r} is not a scope; write names with '/' between, such as north/mayo-sava, or "
            "nothing for everything"
        )


def covers(scope: str, place: str) -> bool:
    """Return whether a place is a scope itself or below it."""
    return scope in {EVERYWHERE, place} or place.startswith(f"{scope}/")


def allows(principal: Principal, right: str, place: str) -> bool:
    """Return whether somebody has a right at a place."""
    return any(right in power.rights and covers(power.scope, place) for power in principal.powers)


def visible(principal: Principal, right: str, places: Mapping[Id, str]) -> frozenset[Id]:
    """Return which of the things at these places somebody has a right to.

    Lists, counts, search, exports and streams all show these and no other.
    """
    scopes = scopes_of(principal, right)
    return frozenset(
        key for key, place in places.items() if any(covers(scope, place) for scope in scopes)
    )


def scopes_of(principal: Principal, right: str) -> tuple[str, ...]:
    """Return the fewest scopes within which somebody has a right, sorted: the key of a cache."""
    found = {power.scope for power in principal.powers if right in power.rights}
    return tuple(
        sorted(
            scope for scope in found if not any(covers(other, scope) for other in found - {scope})
        )
    )


def narrowed(wanted: Iterable[Power], owned: Iterable[Power]) -> tuple[Power, ...]:
    """Return what two sets of powers have in common."""
    held = tuple(owned)
    return tuple(
        Power(rights, one.scope if covers(two.scope, one.scope) else two.scope)
        for one in wanted
        for two in held
        if (covers(one.scope, two.scope) or covers(two.scope, one.scope))
        and (rights := one.rights & two.rights)
    )


def exceeds(wanted: Iterable[Power], principal: Principal) -> bool:
    """Return whether powers hold anything that somebody lacks."""
    return any(
        not allows(principal, right, power.scope) for power in wanted for right in power.rights
    )


def require(principal: Principal, right: str, place: str) -> None:
    """Raise NotAllowedError if somebody lacks a right at a place."""
    if not allows(principal, right, place):
        raise NotThereError("not found, or your roles do not cover it")


def require_step_up(principal: Principal, now_s: float) -> None:
    """Raise StepUpNeededError unless a person gave a second factor within the last minutes.

    Raises NotAllowedError for a token or a wall, which have none.
    """
    if principal.origin is not Origin.SESSION:
        raise NotAllowedError("this needs a person who is signed in; a token cannot do it")
    given_s = principal.stepped_up_s
    if given_s is None or not 0 <= now_s - given_s <= STEP_UP_S:
        raise StepUpNeededError
