"""Rows of the store of people as values, and back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from inventory.errors import AccessError
from inventory.names import nearest_names
from vpn.model import Person, PersonDevice, PersonName

if TYPE_CHECKING:
    from database.rows import AnyRow


@dataclass(frozen=True, slots=True)
class Registered:
    """A device of a person as the store knows it; instants are ISO 8601."""

    device: PersonDevice
    since: str
    revoked: str | None


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person as the store knows them, with every device that they ever had."""

    person: Person
    added: str
    revoked: str | None
    devices: tuple[Registered, ...]

    @property
    def in_use(self) -> tuple[PersonDevice, ...]:
        """Return the devices that are not revoked."""
        return tuple(one.device for one in self.devices if one.revoked is None)


def said(person: Person) -> dict[str, str | None]:
    """Return what is known of a person beside the name, as JSON and SQL have it."""
    fields = ((name, getattr(person, name)) for name in person.__slots__ if name != "name")
    return {name: str(v) if isinstance(v, date) else v for name, v in fields}


def person_of(row: "AnyRow") -> Person:
    """Return the person of a row."""
    return Person(
        row.name,
        row.title,
        row.role,
        row.site,
        row.licence,
        _date(row.licence_until),
        _date(row.until),
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def registered(row: "AnyRow") -> Registered:
    """Return the device of a row."""
    device = PersonDevice(row.person, row.name, row.number, row.public_key)
    return Registered(device, row.since, row.revoked)


def entry_of(row: "AnyRow", devices: Iterable[Registered]) -> PersonRecord:
    """Return the person of a row with their devices."""
    return PersonRecord(person_of(row), row.added, row.revoked, tuple(devices))


def refuse_another(known: Person, given: Person) -> None:
    """Raise AccessError when a name that is in use is given to somebody who is not the same."""
    before, after = said(known), said(given)
    differing = [
        f"{field} {before[field] or 'none'} and not {after[field] or 'none'}"
        for field in before
        if before[field] != after[field]
    ]
    if differing:
        raise AccessError(
            f"{known.name} has access already, with {', '.join(differing)}; choose another name "
            f"for somebody else, or say 'sanaga vpn person change {known.name}'"
        )


def nobody(name: PersonName, known: Iterable[PersonName]) -> AccessError:
    """Return what to say of a name that nobody has, given those that somebody has."""
    near = nearest_names(name, known)
    advice = f"did you mean {near}?" if near else "see 'sanaga vpn person list'"
    return AccessError(f"nobody is called {name!r}; {advice}")
