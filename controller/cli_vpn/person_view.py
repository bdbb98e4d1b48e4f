"""How people and their devices are shown."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, Final, cast

from controller.terminal.output import aligned, cell
from controller.wording import listing

if TYPE_CHECKING:
    from controller.store.people_records import PersonRecord, Registered
    from vpn.model import Person
    from vpn.people.terms import AccessTerms

HEADINGS: Final = {
    "name": "NAME",
    "title": "TITLE",
    "role": "ROLE",
    "site": "SITE",
    "until": "UNTIL",
    "devices": "DEVICES",
    "state": "STATE",
}


def ending(person: "Person") -> str:
    """Return when access ends, as the end of a sentence; nothing when it does not."""
    return f" until {person.until}" if person.until else ""


def left(entry: "PersonRecord") -> str:
    """Return, as a sentence, what somebody has after devices were revoked."""
    name = entry.person.name
    if entry.in_use:
        return f"{name} goes on with {listing([device.name for device in entry.in_use])}"
    if entry.revoked:
        return f"{name} has no access any more"
    return (
        f"{name} has no device any more; 'sanaga vpn person add {name} --device NAME' gives "
        f"another{ending(entry.person)}, 'sanaga vpn person revoke {name}' ends it"
    )


def ends_within(person: "Person", day: date, days: int) -> bool:
    """Return whether access ends within so many days of a day, or has ended before it."""
    return person.until is not None and (person.until - day).days <= days


def today() -> date:
    """Return the day that it is, in UTC."""
    from controller.clock import SystemClock

    return SystemClock().instant().date()


def _state(entry: "PersonRecord", day: date) -> str:
    if entry.revoked:
        return "revoked"
    return "expired" if entry.person.expired(day) else "active"


def row(entry: "PersonRecord", day: date) -> dict[str, object]:
    """Return a person as a line of a list."""
    person = entry.person
    return {
        "name": person.name,
        "title": person.title,
        "role": person.role,
        "site": person.site,
        "until": person.until,
        "devices": [device.name for device in entry.in_use],
        "state": _state(entry, day),
    }


def detail(entry: "PersonRecord", terms: "AccessTerms") -> dict[str, object]:
    """Return all that is known of a person."""
    person = entry.person
    return {
        **row(entry, today()),
        "licence": person.licence,
        "licence_until": person.licence_until,
        "added": entry.added,
        "revoked": entry.revoked,
        "groups": [group.name for group in terms.groups_of(person)],
        "devices": [_device(one, terms) for one in entry.devices],
    }


def _device(one: "Registered", terms: "AccessTerms") -> dict[str, object]:
    from vpn.people import device_config

    return {
        "name": one.device.name,
        "public_key": one.device.public_key,
        "since": one.since,
        "revoked": one.revoked,
        "addresses": {
            gateway.device: [
                str(a) for a in device_config.device_addresses(terms.plan, one.device, gateway)
            ]
            for gateway in terms.gateways
        },
    }


def lines(data: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the same for a person's eyes, with styles."""
    keys = ("title", "role", "site", "groups", "licence", "licence_until", "until", "added")
    pairs = [(key.replace("_", " "), cell(data[key])) for key in keys]
    yield f"{data['name']}: {data['state']}", "bold"
    yield aligned([(f"  {key}", value) for key, value in pairs]), ""
    for device in cast("list[dict[str, Any]]", data["devices"]):
        ended = f", revoked {device['revoked']}" if device["revoked"] else ""
        yield f"  {device['name']}: {device['public_key']} since {device['since']}{ended}", ""
        for gateway, addresses in device["addresses"].items():
            yield f"    behind {gateway}: {', '.join(addresses)}", ""
