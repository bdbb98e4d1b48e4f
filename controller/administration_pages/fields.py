"""What forms of accounts send: roles with scopes, row by row, and what is wrong with them."""

from collections.abc import Mapping
from typing import Any, Final

from controller.account_routes.bodies import GrantBody
from controller.roles import Role

MOST_GRANTS: Final = 12
# What a form's act may be refused with: by the API's functions, or before they are called.


def grants_of(form: Mapping[str, str]) -> list[GrantBody]:
    """Return the roles of a form; a row without a role is left out. Raises ValidationError."""
    found = [(form.get(f"role-{n}", ""), form.get(f"scope-{n}", "")) for n in range(MOST_GRANTS)]
    return [
        GrantBody.model_validate({"role": role, "scope": scope.strip()})
        for role, scope in found
        if role
    ]


def grant_rows(held: list[dict[str, str]], more: int = 1) -> list[dict[str, str]]:
    """Return the rows of a form: what is held, and some empty ones."""
    empty = {"role": "", "scope": ""}
    return [*held, *[empty] * min(more, MOST_GRANTS - len(held))]


def typed_rows(form: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the rows of a form as they were typed."""
    rows = [
        {"role": form.get(f"role-{n}", ""), "scope": form.get(f"scope-{n}", "")}
        for n in range(MOST_GRANTS)
    ]
    return [row for row in rows if row["role"] or row["scope"]]


def role_names() -> list[str]:
    """Return the names of all roles."""
    return [role.value for role in Role]


def scopes_seen(reader: Any) -> list[str]:
    """Return the places that a reader sees, as scopes are written."""
    places = reader.context.places.sites
    return sorted(places[name] for name in reader.sites)
