"""Scopes that people write: paths of places that are there, and that the writer may know of."""

from collections.abc import Iterable

from accounts.errors import UnfitError
from accounts.roles import EVERYWHERE, Grant, check_scope, covers, visible
from controller.account_routes.caller import Caller
from controller.roles import Right


def require_places(given: Iterable[Grant], caller: Caller) -> None:
    """Raise UnfitError for a scope that holds no place which the caller sees.

    One that is not there and one that is hidden get the same answer.
    """
    sites = caller.places.sites
    seen = [sites[name] for name in visible(caller.by, Right.LOOK, sites)]
    for grant in given:
        check_scope(grant.scope)
        if grant.scope != EVERYWHERE and not any(covers(grant.scope, place) for place in seen):
            raise UnfitError(
                f"'{grant.scope}' is no place that you see; write the path of a site from the "
                f"centre down, such as {min(seen, default='yaounde/maroua')}"
            )
