"""Nornir's SimpleInventory: hosts with what they inherit from groups and defaults."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from inventory.errors import Fault, IntentError, Location
from inventory.exchange.report import Entry, Imported, Report, known, number_devices
from inventory.exchange.values import (
    PLATFORMS,
    ROLES,
    management_of,
    name_of,
    scalar_of,
    text_of,
    word_of,
)
from inventory.exchange.yaml_values import read_nornir_yaml

HOSTS: Final = "hosts.yaml"
GROUPS: Final = "groups.yaml"
DEFAULTS: Final = "defaults.yaml"
_ATTRIBUTES: Final = ("hostname", "port", "username", "password", "platform")
KEYS: Final = frozenset({*_ATTRIBUTES, "groups", "data", "connection_options"})
_TAKEN_DATA: Final = frozenset({"site", "role", "description", "credential"})


@dataclass(frozen=True, slots=True)
class Element:
    """A host, a group, or the defaults, as written."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    groups: Sequence[str] = ()
    data: Mapping[Any, Any] = field(default_factory=dict)
    options: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """The three files of a SimpleInventory."""

    hosts: Mapping[str, Element]
    groups: Mapping[str, Element]
    defaults: Element = Element()

    def sources(self, host: Element) -> Iterator[Element]:
        """Yield a host and all that it inherits from, the nearest first."""
        yield host
        seen: set[str] = set()
        waiting = [*reversed(host.groups)]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                yield self.groups[name]
                waiting += reversed(self.groups[name].groups)
        yield self.defaults

    def attribute(self, host: Element, name: str) -> Any:
        """Return an attribute of a host, inherited where it has none of its own."""
        found = (source.attributes.get(name) for source in self.sources(host))
        return next((value for value in found if value is not None), None)

    def data(self, host: Element) -> Mapping[Any, Any]:
        """Return the data of a host with what it inherits."""
        found: dict[Any, Any] = {}
        for source in self.sources(host):
            found |= {key: value for key, value in source.data.items() if key not in found}
        return found


def import_nornir(file: str, hosts: str, groups: str = "", defaults: str = "") -> Imported:
    """Return the devices of a SimpleInventory, whose three files are given as texts.

    Raises IntentError with every fault that Nornir would stop at.
    """
    inventory = read_inventory(file, hosts, groups, defaults)
    report = Report(file)
    devices = [_device(inventory, name, host, report) for name, host in inventory.hosts.items()]
    return Imported({"devices": list(number_devices(devices))}, report.notices())


def read_inventory(file: str, hosts: str, groups: str = "", defaults: str = "") -> Inventory:
    """Return a SimpleInventory as written; raises IntentError with every fault."""
    faults: list[Fault] = []
    reading = _Reading(file, faults)
    known_groups = reading.elements(GROUPS, groups)
    inventory = Inventory(reading.elements(file, hosts), known_groups, reading.defaults(defaults))
    for kind, elements in (("host", inventory.hosts), ("group", known_groups)):
        for name, element in elements.items():
            faults += (
                reading.fault(file if kind == "host" else GROUPS,
                              f"{kind} {name} is in the group {group}, which groups.yaml lacks",
                              "declare the group, or correct its name")
                for group in element.groups if group not in known_groups
            )  # fmt: skip
    if faults:
        raise IntentError(faults)
    return inventory


@dataclass(frozen=True, slots=True)
class _Reading:
    """The files of one inventory while they are read."""

    file: str
    faults: list[Fault]

    def fault(self, file: str, what: str, hint: str) -> Fault:
        """Return a fault in a file of the inventory."""
        return Fault(Location(file), what, hint)

    def elements(self, file: str, text: str) -> dict[str, Element]:
        """Return the hosts or groups of a file by name."""
        return {
            str(name): self._element(file, str(name), value)
            for name, value in self._mapping(file, text).items()
        }

    def defaults(self, text: str) -> Element:
        """Return the defaults."""
        return self._element(DEFAULTS, "defaults", self._mapping(DEFAULTS, text))

    def _mapping(self, file: str, text: str) -> Mapping[Any, Any]:
        try:
            found = read_nornir_yaml(file, text) or {}
        except IntentError as error:
            self.faults.extend(error.faults)
            return {}
        if isinstance(found, dict):
            return found
        what = f"this is not a SimpleInventory, but {_kind(found)}"
        self.faults.append(Fault(Location(file, 1, 1), what, "give a mapping of hosts by name"))
        return {}

    def _element(self, file: str, name: str, value: object) -> Element:
        if not isinstance(value, dict):
            what = f"{name} is {_kind(value)}, so this is not a SimpleInventory"
            hint = "write a mapping, {} where there is nothing to say"
            self.faults.append(self.fault(file, what, hint))
            return Element()
        groups = self._part(file, name, value, "groups", list) or []
        data = self._part(file, name, value, "data", dict) or {}
        options = self._part(file, name, value, "connection_options", dict)
        attributes = {key: value.get(key) for key in _ATTRIBUTES}
        return Element(attributes, [str(group) for group in groups], data, bool(options))

    def _part(self, file: str, name: str, value: Mapping[str, Any], key: str, kind: type) -> Any:
        found = value.get(key)
        if found is None or isinstance(found, kind):
            return found
        hint = "write a list of names" if kind is list else "write a mapping"
        self.faults.append(self.fault(file, f"{key} of {name} is {_kind(found)}", hint))
        return None


def _kind(value: object) -> str:
    """Return what kind of value something is, in a sentence."""
    kinds = {dict: "a mapping", list: "a list", type(None): "empty", str: "a text", bool: "a flag"}
    return kinds.get(type(value), "a number")


def _device(inventory: Inventory, name: str, host: Element, report: Report) -> Entry:
    given: dict[str, Any] = {key: inventory.attribute(host, key) for key in _ATTRIBUTES}
    data = inventory.data(host)
    _note_losses(name, given, data, report)
    if any(source.options for source in inventory.sources(host)):
        report.drop("connection_options are not taken; platform and management say it here", name)
    entry = {
        "name": name_of(name, report),
        "site": name_of(scalar_of(data.get("site")), report),
        "role": word_of(scalar_of(data.get("role")), ROLES),
        "platform": word_of(scalar_of(given["platform"]), PLATFORMS),
        "management": management_of({**given, "credential": data.get("credential")}, name, report),
        "description": text_of(scalar_of(data.get("description")), name, report),
    }
    return known(entry)


def _note_losses(
    name: str, given: Mapping[str, Any], data: Mapping[Any, Any], report: Report
) -> None:
    """Note what a host has and a device has no place for."""
    if given["password"] is not None:
        report.drop("passwords are not taken; keep them under 'credential' references", name)
    if given["hostname"] is None:
        left = [key for key in ("port", "username") if given[key] is not None]
        why = f"; {' and '.join(left)} not taken" if left else ""
        report.drop(f"hosts without hostname have no management address{why}", name)
    for key in data:
        if key not in _TAKEN_DATA:
            report.drop("data is not taken, since devices have no such keys", _short(key))
    for key in ("site", "role"):
        if isinstance(data.get(key), (dict, list)):
            report.drop(f"data '{key}' is not taken, since it is not one word", name)


def _short(key: object) -> str:
    text = str(key) if isinstance(key, (str, int, float, bool)) else "?"
    return text if text.isprintable() and len(text) <= 40 else repr(text)[:40]
