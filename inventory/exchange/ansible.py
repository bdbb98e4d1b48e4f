"""Ansible's inventories as devices; variables are merged as Ansible merges them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from inventory.errors import Fault, IntentError
from inventory.exchange.ansible_files import (
    is_secret,
    read_groups,
    read_ini,
    read_variables,
)
from inventory.exchange.ansible_model import AnsibleInventory
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
from inventory.exchange.yaml_values import read_ansible_yaml

# The variables that say each of our keys, the first that a host has counts.
_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "hostname": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "username": ("ansible_user", "ansible_ssh_user"),
    "credential": ("sanaga_credential",),
    "platform": ("sanaga_platform", "ansible_network_os", "network_os", "platform"),
    "site": ("sanaga_site", "site"),
    "role": ("sanaga_role", "role", "device_role"),
    "description": ("description",),
}
_TAKEN: Final = frozenset(word for words in _WORDS.values() for word in words)
_PASSWORD: Final = re.compile(
    r"pass(word|wd|phrase)?|secret|token|private_key|community", re.IGNORECASE
)


def import_ansible(
    file: str, texts: Mapping[str, str], variables: Mapping[str, str] | None = None
) -> Imported:
    """Return the devices of an inventory, whose files are given as texts by path.

    variables are the texts of group_vars and host_vars, by paths such as 'group_vars/all.yml'.
    Raises IntentError with what Ansible could not read either.
    """
    report = Report(file)
    inventory = read_inventory(texts, variables or {}, report)
    hosts = [name for name in inventory.hosts if not _is_control(name, inventory, report)]
    devices = [_device(name, inventory.variables(name), report) for name in hosts]
    return Imported({"devices": list(number_devices(devices))}, report.notices())


def read_inventory(
    texts: Mapping[str, str], variables: Mapping[str, str], report: Report
) -> AnsibleInventory:
    """Return an inventory of several files with its group_vars and host_vars."""
    inventory = AnsibleInventory()
    faults = list[Fault]()
    for file, text in texts.items():
        try:
            _add_source(file, text, inventory, report)
        except IntentError as error:
            faults += error.faults
    for path, text in sorted(variables.items()):
        try:
            found = read_variables(path, text, report)
        except IntentError as error:
            faults += error.faults
            continue
        kind, name = _owner(path)
        if kind == "group_vars":
            inventory.group(name).files |= found
        else:
            inventory.host_files.setdefault(name, {}).update(found)
    if faults:
        raise IntentError(faults)
    return inventory


def _add_source(file: str, text: str, inventory: AnsibleInventory, report: Report) -> None:
    try:
        content = read_ansible_yaml(file, text)
    except IntentError:
        if file.lower().endswith((".yaml", ".yml", ".json")):
            raise
        content = None
    if isinstance(content, dict):
        read_groups(file, content, inventory, report)
    else:
        read_ini(file, text, inventory)


def _owner(path: str) -> tuple[str, str]:
    """Return whether variables are of a group or a host, and of which."""
    parts = path.replace("\\", "/").split("/")
    at = max(i for i, part in enumerate(parts) if part in {"group_vars", "host_vars"})
    name = re.sub(r"\.(ya?ml|json)$", "", parts[at + 1], flags=re.IGNORECASE)
    return parts[at], name


def _is_control(name: str, inventory: AnsibleInventory, report: Report) -> bool:
    """Return whether a host is the machine that Ansible itself runs on."""
    local = inventory.variables(name).get("ansible_connection") == "local"
    if local or name == "localhost":
        report.drop("hosts are not taken, since Ansible runs on them itself", name)
    return local or name == "localhost"


def _device(host: str, variables: Mapping[str, Any], report: Report) -> Entry:
    given = {key: _first(variables, words, host, report) for key, words in _WORDS.items()}
    for key in sorted(variables.keys() - _TAKEN):
        _note_loss(key, variables[key], host, report)
    if given["hostname"] is None:
        given["hostname"] = host
    return known(
        {
            "name": name_of(host, report),
            "site": name_of(scalar_of(given["site"]), report),
            "role": word_of(scalar_of(given["role"]), ROLES),
            "platform": word_of(scalar_of(given["platform"]), PLATFORMS),
            "management": management_of(given, host, report),
            "description": text_of(scalar_of(given["description"]), host, report),
        }
    )


def _first(variables: Mapping[str, Any], words: Sequence[str], host: str, report: Report) -> Any:
    """Return the first of several variables that a host has; templates are left to Ansible."""
    found = next((word for word in words if variables.get(word) not in (None, "")), None)
    if found is None:
        return None
    value = variables[found]
    if isinstance(value, str) and "{{" in value:
        report.drop(f"{found} is not taken, since it is a template", host)
        return None
    if is_secret(value) or isinstance(value, (dict, list)):
        report.drop(f"{found} is not taken, since it is not one word", host)
        return None
    return value


def _note_loss(key: str, value: object, host: str, report: Report) -> None:
    if _PASSWORD.search(key) or is_secret(value):
        report.drop("passwords are not taken; keep them under 'credential' references", key)
    elif not key.startswith("sanaga_") or key == "sanaga_title":
        shown = key if key.isprintable() and len(key) <= 40 else "?"
        report.drop("variables are not taken, since devices have no such keys", shown)
    else:
        report.drop("variables are not taken; the intent has them at the site", key)
