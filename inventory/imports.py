"""Other tools' inventories as sections of intent documents.

NetBox's CSV exports (sites, devices, cables) and Nornir's SimpleInventory are read. A fact that
the source does not hold is left out, so that validation names it with its line.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, Final, TypeAlias

import yaml

from inventory.country.places import slug
from inventory.errors import Fault, IntentError, Location
from inventory.model import Medium, Platform, Role

Entry: TypeAlias = dict[str, Any]
Sections: TypeAlias = dict[str, list[Entry]]

# NetBox's usual slugs and netmiko's device types, beside our own names.
PLATFORMS: Final[Mapping[str, Platform]] = {
    "frrouting": Platform.FRR,
    "frr": Platform.FRR,
    "cisco-ios": Platform.IOS,
    "cisco-ios-xe": Platform.IOS,
    "cisco-xe": Platform.IOS,
    "arista-eos": Platform.EOS,
    "juniper-junos": Platform.JUNOS,
    "juniper": Platform.JUNOS,
    "mikrotik-routeros": Platform.ROUTEROS,
    "debian": Platform.LINUX,
    **{platform.value: platform for platform in Platform},
}
ROLES: Final[Mapping[str, Role]] = {
    "core": Role.ROUTER,
    "gateway": Role.ROUTER,
    "access-switch": Role.SWITCH,
    "core-switch": Role.SWITCH,
    "sd-wan-edge": Role.EDGE,
    **{role.value: role for role in Role},
}
MEDIA: Final[Mapping[str, Medium]] = {
    "smf": Medium.FIBRE,
    "smf-os1": Medium.FIBRE,
    "smf-os2": Medium.FIBRE,
    "single-mode-fiber": Medium.FIBRE,
    "fiber": Medium.FIBRE,
    **{medium.value: medium for medium in Medium},
}


def from_csv(file: str, text: str) -> Sections:
    """Return the sections of a NetBox CSV; its headings tell what it lists.

    Raises IntentError when they are those of none of NetBox's sites, devices and cables.
    """
    headings, rows = _table(file, text)
    if {"side-a-device", "side-b-device"} <= headings:
        return {"circuits": [_cable(number, row) for number, row in enumerate(rows, start=1)]}
    if {"name", "site"} <= headings:
        return {"devices": list(_numbered(_device(row) for row in rows))}
    if {"name", "latitude", "longitude"} <= headings:
        return {"sites": [_site(number, row) for number, row in enumerate(rows, start=1)]}
    raise IntentError([Fault(Location(file, 1, 1), "these are not the headings of a NetBox export",
        "export sites, devices or cables as CSV")])  # fmt: skip


def _table(file: str, text: str) -> tuple[set[str], list[dict[str, str]]]:
    """Return the headings of a CSV and its rows by heading."""
    reader = csv.DictReader(StringIO(text.lstrip("\ufeff")))
    try:
        headings = {slug(heading) for heading in reader.fieldnames or ()}
        rows = [{slug(key or ""): (value or "").strip() for key, value in row.items()
                 if isinstance(value, str)} for row in reader]  # fmt: skip
    except csv.Error as error:
        where = Location(file, reader.line_num + 1, 1)
        raise IntentError([Fault(where, f"this is not CSV: {error}", "export it again")]) from error
    return headings, rows


def _first(row: Mapping[str, str], *headings: str) -> str:
    return next((row[heading] for heading in headings if row.get(heading)), "")


def _known(entry: Mapping[str, Any]) -> Entry:
    return {key: value for key, value in entry.items() if value not in ("", None, {})}


def _site(number: int, row: Mapping[str, str]) -> Entry:
    latitude, longitude = row.get("latitude"), row.get("longitude")
    place = (
        {"latitude": _figure(latitude), "longitude": _figure(longitude)}
        if latitude and longitude
        else None
    )
    return _known(
        {
            "name": _first(row, "slug") or slug(row["name"]),
            "number": number,
            "level": slug(row.get("level", "")),
            "parent": slug(_first(row, "parent")),
            "title": row["name"],
            "region": _first(row, "region"),
            "place": place,
            "description": row.get("description"),
        }
    )


def _device(row: Mapping[str, str]) -> Entry:
    address = _first(row, "primary-ip4", "primary-ip", "ipv4-address", "ip-address")
    return _known(
        {
            "name": slug(row["name"]),
            "site": slug(row["site"]),
            "role": _translated(_first(row, "role", "device-role"), ROLES),
            "platform": _translated(row.get("platform", ""), PLATFORMS),
            "management": {"address": _bare_address(address)} if address else None,
            "description": row.get("description"),
        }
    )


def _cable(number: int, row: Mapping[str, str]) -> Entry:
    ends = {
        side: _known(
            {
                "device": slug(row[f"side-{side}-device"]),
                "interface": _first(row, f"side-{side}-name", f"termination-{side}"),
            }
        )
        for side in "ab"
    }
    joined = "-".join(end["device"] for end in ends.values() if "device" in end)
    name = slug(row.get("label", "")) or f"{joined or 'cable'}-{number}"
    return _known(
        {
            "name": name,
            "number": number,
            **ends,
            "medium": _translated(row.get("type", ""), MEDIA),
            "description": row.get("description"),
        }
    )


def _numbered(devices: Iterable[Entry]) -> Iterator[Entry]:
    taken: dict[str, int] = {}
    for entry in devices:
        site = str(entry.get("site", ""))
        taken[site] = taken.get(site, 0) + 1
        first = {"name": entry.get("name"), "site": site, "number": taken[site]}
        yield {**_known(first), **entry}


def _translated(word: str, known: Mapping[str, Any]) -> str:
    """Return our name for a word, or the word itself for validation to complain of."""
    return str(known.get(slug(word), slug(word)))


def _figure(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _bare_address(text: str) -> str:
    try:
        return str(IPv4Interface(text).ip)
    except ValueError:
        return text


def from_nornir(file: str, hosts: str, groups: str = "") -> Sections:
    """Return the devices of a Nornir SimpleInventory (hosts.yaml, and groups.yaml if there is one).

    Raises IntentError when hosts.yaml is not one.
    """
    known = _mapping(file, hosts)
    shared = _mapping("groups.yaml", groups) if groups.strip() else {}
    return {"devices": list(_numbered(_host(name, host, shared) for name, host in known.items()))}


def _mapping(file: str, text: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # the latter for a day that does not exist
        mark = getattr(error, "problem_mark", None)
        where = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
        raise IntentError([Fault(where, "this is not YAML", "correct the syntax")]) from error
    if not isinstance(data, dict) or not all(isinstance(host, dict) for host in data.values()):
        what = "this is not a SimpleInventory"
        raise IntentError([Fault(Location(file, 1, 1), what, "give a mapping of hosts by name")])
    return data


def _host(name: str, host: Mapping[str, Any], groups: Mapping[str, Any]) -> Entry:
    def inherited(key: str) -> Any:
        sources = [host, *(groups.get(group, {}) for group in host.get("groups") or ())]
        return next((source[key] for source in sources if source.get(key)), None)

    data: dict[str, Any] = {}
    for source in (*(groups.get(group, {}) for group in host.get("groups") or ()), host):
        data |= source.get("data") or {}
    management = _known(
        {
            "address": _ipv4(inherited("hostname")),
            "port": inherited("port"),
            "username": inherited("username"),
        }
    )
    return _known(
        {
            "name": slug(str(name)),
            "site": slug(str(data.get("site", ""))),
            "role": _translated(str(data.get("role", "")), ROLES),
            "platform": _translated(str(inherited("platform") or ""), PLATFORMS),
            "management": management if "address" in management else None,
            "description": data.get("description"),
        }
    )


def _ipv4(text: object) -> str | None:
    try:
        return str(IPv4Address(str(text)))
    except ValueError:
        return None


def to_yaml(sections: Sections) -> str:
    """Return sections as an intent document."""
    return yaml.safe_dump(sections, allow_unicode=True, sort_keys=False, default_flow_style=False)
