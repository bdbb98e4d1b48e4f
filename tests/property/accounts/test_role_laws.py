"""Laws of roles and scopes, against an oracle that walks the hierarchy step by step."""

from hypothesis import given
from hypothesis import strategies as st

from accounts.roles import (
    Account,
    Grant,
    Origin,
    Power,
    Principal,
    allows,
    exceeds,
    narrowed,
    scopes_of,
    visible,
)
from tests.rigs.accounts.service import CATALOGUE

STEPS = st.sampled_from(["north", "nort", "north-2", "mora", "a"])
PATHS = st.lists(STEPS, max_size=4).map("/".join)
GRANTS = st.lists(
    st.builds(Grant, st.sampled_from([*CATALOGUE.rights, "a role of before"]), PATHS), max_size=4
)
RIGHTS = st.sampled_from(["look", "mute", "apply", "manage", "unheard of"])
PLACES = st.dictionaries(st.integers(0, 50), PATHS, max_size=12)


def principal(grants):
    powers = CATALOGUE.powers(grants)
    return Principal(Account(1, "a", "A"), tuple(grants), powers, Origin.SESSION, "x", 0.0)


def oracle(grants, right, place):
    """Return whether a grant gives a right at a place or at any place above it."""
    steps = place.split("/") if place else []
    above = [steps[:count] for count in range(len(steps) + 1)]
    return any(
        right in CATALOGUE.rights.get(grant.role, frozenset())
        and (grant.scope.split("/") if grant.scope else []) in above
        for grant in grants
    )


@given(GRANTS, RIGHTS, PATHS)
def test_allows_is_what_the_oracle_says(grants, right, place):
    assert allows(principal(grants), right, place) == oracle(grants, right, place)


@given(GRANTS, RIGHTS, PLACES)
def test_visible_is_allows_for_every_place(grants, right, places):
    seen = visible(principal(grants), right, places)
    assert seen == {key for key, place in places.items() if oracle(grants, right, place)}


@given(GRANTS, RIGHTS, PATHS)
def test_scopes_say_the_same_and_none_is_within_another(grants, right, place):
    scopes = scopes_of(principal(grants), right)
    one = Power(frozenset({right}), "")
    held = principal([])
    for scope in scopes:
        object.__setattr__(held, "powers", (Power(one.rights, scope),))
        others = [other for other in scopes if other != scope]
        assert not any(allows(held, right, other) for other in others)
    object.__setattr__(held, "powers", tuple(Power(one.rights, scope) for scope in scopes))
    assert allows(held, right, place) == oracle(grants, right, place)


@given(GRANTS, GRANTS, RIGHTS, PATHS)
def test_a_narrowed_power_is_what_both_sides_allow(wanted, owned, right, place):
    both = principal([])
    powers = narrowed(CATALOGUE.powers(wanted), CATALOGUE.powers(owned))
    object.__setattr__(both, "powers", powers)
    expected = oracle(wanted, right, place) and oracle(owned, right, place)
    assert allows(both, right, place) == expected


@given(GRANTS, GRANTS, RIGHTS, PATHS)
def test_what_does_not_exceed_gives_nobody_more(wanted, owned, right, place):
    if not exceeds(CATALOGUE.powers(wanted), principal(owned)) and oracle(wanted, right, place):
        assert oracle(owned, right, place)


@given(GRANTS, GRANTS, RIGHTS, PLACES)
def test_a_further_grant_never_hides_anything(grants, more, right, places):
    before = visible(principal(grants), right, places)
    assert before <= visible(principal([*grants, *more]), right, places)
