"""What a command line says of a person, checked: names, days, keys and reasons."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from controller.cli.output import UsageProblem
from controller.store.people import Entry
from vpn import keys
from vpn.keys import PublicKey
from vpn.model import Person

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LONGEST: Final = 200
_NEEDED: Final = ("title", "role", "site")


def wanted(known: Entry | None, name: str, given: Mapping[str, Any]) -> Person:
    """Return the person that options describe; of somebody who has access they may say nothing.

    Access ends with the licence unless an earlier day is named.
    """
    said = {key: value for key, value in given.items() if value is not None}
    if known and not known.revoked:
        return checked(replace(known.person, **said))
    missing = [f"--{key}" for key in _NEEDED if key not in said]
    if missing:
        raise UsageProblem(f"{name} is new here; say {', '.join(missing)} as well")
    person = Person(slug(name, "person"), **said)
    return checked(replace(person, until=person.until or person.licence_until))


def checked(person: Person) -> Person:
    """Return a person whose texts can stand in files and tables."""
    slug(person.role, "role")
    slug(person.site, "site")
    _line(person.title, "--title")
    if person.licence:
        _line(person.licence, "--licence")
    return person


def slug(text: str, what: str) -> str:
    """Return a name as it is written everywhere."""
    if _SLUG.fullmatch(text):
        return text
    raise UsageProblem(
        f"{text!r} is no name of a {what}; use a-z, 0-9 and '-', at most 63 characters, such as "
        "'a-ngono'"
    )


def day(text: str | None, option: str) -> date | None:
    """Return a day as ISO 8601 writes it."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageProblem(f"{option} {text!r} is no day; write '2027-02-28'") from None


def key(text: str | None) -> PublicKey | None:
    """Return a public key that a device brings."""
    if text is None:
        return None
    try:
        return keys.public(text)
    except ValueError as error:
        raise UsageProblem(f"--public-key: {error}; show it with 'wg pubkey' there") from None


def reason(text: str) -> str:
    """Return why something is done, in one line."""
    return _line(text, "--because")


def _line(text: str, option: str) -> str:
    plain = text.strip()
    if not plain or len(plain) > _LONGEST or not plain.isprintable():
        raise UsageProblem(f"{option}: write one line of at most {_LONGEST} plain characters")
    return plain
