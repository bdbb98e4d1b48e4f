"""People and their devices as JSON: what the command line prints and the API answers."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from controller.store.people_records import PersonRecord, Registered
from vpn.model import Person, PersonDevice
from vpn.people import device_config
from vpn.people.terms import AccessTerms


def ends_within(person: Person, day: date, days: int) -> bool:
    """Return whether access ends within so many days of a day, or has ended before it."""
    return person.until is not None and (person.until - day).days <= days


def access_state(entry: PersonRecord, day: date) -> str:
    """Return whether somebody's access is active, expired or revoked on a day."""
    if entry.revoked:
        return "revoked"
    return "expired" if entry.person.expired(day) else "active"


def person_row(entry: PersonRecord, day: date) -> dict[str, object]:
    """Return a person as a line of a list."""
    person = entry.person
    return {
        "name": person.name,
        "title": person.title,
        "role": person.role,
        "site": person.site,
        "until": person.until,
        "devices": [device.name for device in entry.in_use],
        "state": access_state(entry, day),
    }


def person_listed(entry: PersonRecord, day: date) -> dict[str, object]:
    """Return a person with all that a list to be edited needs; parse_listed() reads it."""
    return {
        **person_row(entry, day),
        "licence": entry.person.licence,
        "licence_until": entry.person.licence_until,
        "added": entry.added,
        "revoked": entry.revoked,
        "registered": [
            {
                "name": one.device.name,
                "number": one.device.number,
                "public_key": one.device.public_key,
                "since": one.since,
                "revoked": one.revoked,
            }
            for one in entry.devices
        ],
    }


def parse_listed(body: Mapping[str, Any]) -> PersonRecord:
    """Return what person_listed() wrote."""
    person = Person(
        body["name"],
        body["title"],
        body["role"],
        body["site"],
        body["licence"],
        _day(body["licence_until"]),
        _day(body["until"]),
    )
    devices = tuple(
        Registered(
            PersonDevice(person.name, one["name"], one["number"], one["public_key"]),
            one["since"],
            one["revoked"],
        )
        for one in body["registered"]
    )
    return PersonRecord(person, body["added"], body["revoked"], devices)


def person_detail(entry: PersonRecord, terms: AccessTerms, day: date) -> dict[str, object]:
    """Return all that is known of a person."""
    person = entry.person
    return {
        **person_row(entry, day),
        "licence": person.licence,
        "licence_until": person.licence_until,
        "added": entry.added,
        "revoked": entry.revoked,
        "groups": [group.name for group in terms.groups_of(person)],
        "devices": [_device(one, terms) for one in entry.devices],
    }


def _device(one: Registered, terms: AccessTerms) -> dict[str, object]:
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


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
