"""Ansible's inventory files: YAML, INI, what 'ansible-inventory --list' prints, and group_vars."""

import ast
import re
import shlex
import warnings
from collections.abc import Mapping
from typing import Any, Final

from inventory.errors import Fault, IntentError, Location
from inventory.exchange.ansible_model import UNGROUPED, AnsibleInventory, TooManyHostsError
from inventory.exchange.report import Report
from inventory.exchange.values import shown
from inventory.exchange.yaml_values import OPAQUE, read_ansible_yaml

GROUP_KEYS: Final = frozenset({"hosts", "vars", "children"})
VAULT: Final = "$ANSIBLE_VAULT"
MAX_DEPTH: Final = 64
_SECTION: Final = re.compile(r"\[([^:\]\s]+)(?::(vars|children|hosts))?\]\s*(?:[#;].*)?")
_MOST_LITERAL: Final = 1_000


def looks_like_ini(text: str) -> bool:
    """Return whether a text has sections or variables as an INI inventory has them."""
    lines = [line.strip() for line in text.splitlines()]
    return any(_SECTION.fullmatch(line) or " ansible_" in f" {line}" for line in lines)


def read_ini(file: str, text: str, into: AnsibleInventory) -> None:
    """Add an INI inventory; raises IntentError with every line that Ansible would refuse."""
    group, kind = UNGROUPED, "hosts"
    faults: list[Fault] = []
    lines = map(str.strip, text.lstrip("\ufeff").splitlines())
    for number, line in enumerate(lines, start=1):
        if not line or line[0] in "#;":
            continue
        try:
            if found := _SECTION.fullmatch(line):
                group, kind = found[1], found[2] or "hosts"
                into.group(group)
            else:
                _ini_line(line, (group, kind), into)
        except (ValueError, TooManyHostsError) as error:
            what = f"this line cannot be read: {error}"
            faults.append(Fault(Location(file, number, 1), what, "correct it as Ansible wants it"))
    if faults:
        raise IntentError(faults)


def _ini_line(line: str, section: tuple[str, str], into: AnsibleInventory) -> None:
    group, kind = section
    if line[0] == "[" and line[-1] == "]":
        raise ValueError("sections are [name], [name:vars] and [name:children]")
    if kind == "vars":
        key, equals, value = line.partition("=")
        if not equals:
            raise ValueError("a variable without '='")
        into.group(group).variables[key.strip()] = _literal(value.strip())
    elif kind == "children":
        child = line.partition("#")[0].strip()
        into.group(group).children[child] = None
        into.group(child)
    else:
        words = shlex.split(line, comments=True)
        pairs = [word.partition("=") for word in words[1:]]
        if any(not equals for _, equals, _ in pairs):
            raise ValueError("a word that is no variable (name=value)")
        into.add_host(words[0], group, {key: _literal(value) for key, _, value in pairs})


def _literal(text: str) -> object:
    """Return what Ansible makes of a value: a Python literal if it is one, else the text."""
    if len(text) > _MOST_LITERAL:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return text


def read_groups(
    file: str, content: Mapping[Any, Any], into: AnsibleInventory, report: Report
) -> None:
    """Add a YAML or JSON inventory; raises IntentError for ranges without end."""
    try:
        if isinstance(content.get("_meta"), dict) or _is_listing(content):
            _add_listing(content, into, report)
        else:
            for name, group in content.items():
                _add_group(str(name), group, (into, report), 0)
    except TooManyHostsError as error:
        what = f"the range {shown(str(error))} stands for too many hosts"
        raise IntentError([Fault(Location(file), what, "write fewer")]) from error


def _is_listing(content: Mapping[Any, Any]) -> bool:
    """Return whether a content is what an inventory script prints: groups with lists of hosts."""
    return any(
        isinstance(group, list)
        or (isinstance(group, dict) and any(isinstance(group.get(k), list) for k in GROUP_KEYS))
        for group in content.values()
    )


def _add_listing(content: Mapping[Any, Any], into: AnsibleInventory, report: Report) -> None:
    meta = content.get("_meta")
    known = meta.get("hostvars") if isinstance(meta, dict) else None
    for name, group in content.items():
        if name == "_meta":
            continue
        parts = {"hosts": group} if isinstance(group, list) else group
        if not isinstance(parts, dict):
            report.drop("groups that are no mapping are not taken", str(name))
            continue
        made = into.group(str(name))
        made.children |= dict.fromkeys(map(str, _list(parts.get("children"))))
        made.variables |= _mapping(parts.get("vars"))
        for host in map(str, _list(parts.get("hosts"))):
            into.hosts.setdefault(host, {})
            made.hosts[host] = None
    for host, variables in _mapping(known).items():
        into.hosts.setdefault(host, {}).update(_mapping(variables))


def _add_group(name: str, group: object, to: tuple[AnsibleInventory, Report], depth: int) -> None:
    into, report = to
    if depth > MAX_DEPTH:
        report.drop("groups nested too deeply are not taken", name)
        return
    made = into.group(name)
    if group is None:
        return
    if not isinstance(group, dict):
        report.drop("groups that are no mapping are not taken", name)
        return
    for key in group:
        if key not in GROUP_KEYS:
            report.drop(
                "keys of groups are not taken; Ansible knows hosts, vars, children", str(key)
            )
    made.variables |= _mapping(group.get("vars"))
    for host, variables in _named(group.get("hosts")).items():
        into.add_host(host, name, _mapping(variables))
    for child, content in _named(group.get("children")).items():
        made.children[child] = None
        _add_group(child, content, to, depth + 1)


def _named(value: object) -> Mapping[str, object]:
    """Return a mapping by text; a single name stands for itself, as Ansible allows."""
    if isinstance(value, str):
        return {value: None}
    if isinstance(value, list):
        return {str(name): None for name in value}
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [*value] if isinstance(value, dict) else []


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def read_variables(file: str, text: str, report: Report) -> dict[str, Any]:
    """Return what a file of group_vars or host_vars says; raises IntentError if it is not YAML."""
    if text.startswith(VAULT):
        report.note(f"{file} is encrypted by ansible-vault and not taken")
        return {}
    found = read_ansible_yaml(file, text)
    if found is not None and not isinstance(found, dict):
        report.note(f"{file} is no mapping of variables and not taken")
    return _mapping(found)


def is_secret(value: object) -> bool:
    """Return whether a value is one that only ansible-vault can read."""
    return value is OPAQUE
