"""How people, their devices and the audit chain are shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast

import typer

from controller.terminal.output import Exit, Format, emit_rows, say, write
from controller.wording import count, listing
from inventory.text_table import aligned, cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from accounts.audit import ChainVerdict
    from controller.access.registrar import Registrar
    from controller.store.audit import AuditEntry
    from controller.store.people_records import PersonRecord
    from controller.vpn_control.remote_people import RemotePeople
    from vpn.model import Person, PersonDevice


class ListFormat(StrEnum):
    """How people are listed; CSV and YAML are lists to be edited and given back."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Filters:
    """Whom a list is to have: of a role, at a site, whose access ends within so many days."""

    role: str | None
    site: str | None
    days: int | None

    def takes(self, person: "Person", day: date) -> bool:
        """Return whether a list is to have a person."""
        from controller.access.person_json import ends_within

        soon = self.days is None or ends_within(person, day, self.days)
        return self.role in {None, person.role} and self.site in {None, person.site} and soon


HEADINGS: Final = {
    "name": "NAME",
    "title": "TITLE",
    "role": "ROLE",
    "site": "SITE",
    "until": "UNTIL",
    "devices": "DEVICES",
    "state": "STATE",
}


def list_people(
    filters: Filters, output: ListFormat, people: "RemotePeople | None", *, everybody: bool
) -> None:
    """Print the people whom filters take; with everybody also those without access.

    people are those of a controller that runs, if one does. Raises UnknownNameError for a role or
    a site that nobody can have.
    """
    from controller.access import drafts
    from controller.access.person_json import access_state
    from controller.app import open_registrar
    from controller.cli_vpn import people_list

    day = today()
    unfiled: tuple[PersonDevice, ...] = ()
    if people is not None:
        known = people.entries()
        _refuse_names(filters, known, *people.roles_and_sites())
    else:
        with open_registrar() as registrar:
            known = registrar.store.entries()
            refuse_unknown(registrar, filters)
            unfiled = drafts.unfiled_devices(registrar, None)
    entries = [one for one in known if filters.takes(one.person, day)]
    shown = [one for one in entries if everybody or access_state(one, day) == "active"]
    if output in {ListFormat.CSV, ListFormat.YAML}:
        _write_list(shown, output)
    else:
        emit_rows([row(one, day) for one in shown], Format(output), HEADINGS)
    people_list.warn_of_unfiled(unfiled)
    if hidden := len(entries) - len(shown):
        others = count(hidden, "person without access", "people without access")
        say(f"{others} not shown; --all shows them")


def _write_list(entries: "Iterable[PersonRecord]", output: ListFormat) -> None:
    """Print a list of the devices in use."""
    from vpn.people import people_list

    found = [(entry.person, device) for entry in entries for device in entry.in_use]
    csv = output is ListFormat.CSV
    write(people_list.people_csv(found) if csv else people_list.people_yaml(found))


def refuse_unknown(registrar: "Registrar", filters: Filters) -> None:
    """Raise UnknownNameError when filters have a role or site of no group, site and person."""
    terms = registrar.store.terms()
    named = (terms.roles, tuple(terms.sites)) if terms else ((), ())
    _refuse_names(filters, registrar.store.entries(), *named)


def _refuse_names(
    filters: Filters,
    entries: "Iterable[PersonRecord]",
    of_groups: "Iterable[str]",
    of_terms: "Iterable[str]",
) -> None:
    from inventory.errors import UnknownNameError
    from vpn.people.terms import unknown_name

    if filters.role is None and filters.site is None:
        return
    people = [entry.person for entry in entries]
    roles = {*of_groups, *(person.role for person in people)}
    sites = {*of_terms, *(person.site for person in people)}
    for kind, name, known in (("role", filters.role, roles), ("site", filters.site, sites)):
        if name is not None and name not in known:
            raise UnknownNameError(unknown_name(kind, name, dict.fromkeys(known)))


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


def today() -> date:
    """Return the day that it is, in UTC."""
    from controller.clock import SystemClock

    return SystemClock().instant().date()


def row(entry: "PersonRecord", day: date) -> dict[str, object]:
    """Return a person as a line of a list."""
    from controller.access.person_json import person_row

    return person_row(entry, day)


def lines(data: "Mapping[str, Any]") -> Iterator[tuple[str, str]]:
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


def judge_audit(found: "ChainVerdict", noted: str) -> None:
    """Say whether the chain is whole; it ends with code 1 if it is not."""
    if found.broken_at is not None:
        say(f"the chain was changed at entry {found.broken_at}; put back a copy and find out who "
            "could")  # fmt: skip
        raise typer.Exit(Exit.ERROR)
    if noted and not found.noted:
        say(f"no entry has the hash {noted}: entries were cut off, or it is of another chain; put "
            "back a copy and find out who could")  # fmt: skip
        raise typer.Exit(Exit.ERROR)
    if found.entries:
        said = count(found.entries, "entry", "entries")
        say(f"{said}, unbroken; the last hash is {found.last_hash}")


AUDIT_HEADINGS: Final = {
    "serial": "NO",
    "kind": "KIND",
    "at": "AT",
    "who": "WHO",
    "what": "WHAT",
    "subject": "ABOUT",
    "device": "DEVICE",
    "because": "BECAUSE",
    "refused": "REFUSED",
}


def audit_row(trace: "AuditEntry") -> dict[str, object]:
    """Return an entry of the audit chain as it is shown."""
    return {
        "serial": trace.serial,
        "kind": trace.kind,
        "at": trace.at,
        "who": trace.who,
        "what": trace.what,
        "subject": trace.subject,
        "device": trace.details.get("device"),
        "because": trace.because,
        "refused": trace.details.get("refused"),
        "details": trace.details,
        "hash": trace.hash,
    }
