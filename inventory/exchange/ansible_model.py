"""An Ansible inventory in memory: groups, hosts and which variable wins, as Ansible merges them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import ascii_letters
from typing import Any, Final, TypeAlias

from inventory.exchange.values import scalar_of

Variables: TypeAlias = dict[str, Any]

ALL: Final = "all"
UNGROUPED: Final = "ungrouped"
_PRIORITY: Final = "ansible_group_priority"
MOST_HOSTS: Final = 100_000
_RANGE: Final = re.compile(r"\[([0-9A-Za-z]+):([0-9A-Za-z]+)(?::(\d{1,9}))?\]")
_PORT: Final = re.compile(r"(.*[^:]):(\d{1,5})")


class TooManyHostsError(ValueError):
    """A range stands for more hosts than any inventory has."""


@dataclass(slots=True)
class Group:
    """A group as the inventory's files have it."""

    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    files: Variables = field(default_factory=dict)


@dataclass(slots=True)
class AnsibleInventory:
    """Groups and hosts by name; files holds what group_vars and host_vars say, which wins."""

    groups: dict[str, Group] = field(default_factory=dict)
    hosts: dict[str, Variables] = field(default_factory=dict)
    host_files: dict[str, Variables] = field(default_factory=dict)

    def group(self, name: str) -> Group:
        """Return a group, which is made if need be."""
        return self.groups.setdefault(name, Group())

    def add_host(self, pattern: str, group: str, variables: Mapping[str, Any]) -> None:
        """Add the hosts that a pattern stands for to a group; raises TooManyHostsError."""
        for name, port in expand(pattern):
            own = {"ansible_port": port} if port else {}
            self.hosts.setdefault(name, {}).update({**own, **variables})
            self.group(group).hosts[name] = None
            if len(self.hosts) > MOST_HOSTS:
                raise TooManyHostsError(pattern)

    def above(self, host: str) -> dict[str, int]:
        """Return the groups that a host is in, each with its depth below 'all'."""
        parents = self._parents()
        found: set[str] = set()
        waiting = [name for name, group in self.groups.items() if host in group.hosts]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += parents.get(name, ())
        return {name: self._depth(name, parents) for name in found - {ALL}}

    def variables(self, host: str) -> Variables:
        """Return what holds for a host; what is nearer to it wins, files win over the inventory."""
        groups = sorted(self.above(host).items(), key=self._order)
        everybody = self.groups.get(ALL, Group())
        found = dict(everybody.variables)
        for name, _ in groups:
            found |= self.groups[name].variables
        found |= everybody.files
        for name, _ in groups:
            found |= self.groups[name].files
        found.pop(_PRIORITY, None)
        return found | self.hosts.get(host, {}) | self.host_files.get(host, {})

    def _order(self, item: tuple[str, int]) -> tuple[int, int, str]:
        name, depth = item
        written = scalar_of(self.groups[name].variables.get(_PRIORITY))
        return depth, int(written) if re.fullmatch("[0-9]{1,9}", written) else 1, name

    def _parents(self) -> Mapping[str, list[str]]:
        parents: dict[str, list[str]] = {}
        for name, group in self.groups.items():
            for child in group.children:
                parents.setdefault(child, []).append(name)
        return parents

    def _depth(self, name: str, parents: Mapping[str, list[str]]) -> int:
        """Return the longest way from 'all' to a group; circles end it."""
        depth, level = 0, {name}
        while level and depth <= len(self.groups):
            level = {above for below in level for above in parents.get(below, ())} - {ALL}
            depth += 1
        return depth


def expand(pattern: str) -> Iterator[tuple[str, int | None]]:
    """Yield the names that a pattern such as 'r[01:10].example.org:2222' stands for, and the port.

    Raises TooManyHostsError.
    """
    port: int | None = None
    if found := _PORT.fullmatch(pattern):
        pattern, port = found[1], int(found[2])
    for name in _names(pattern):
        yield name.strip("[]") if ":" in name else name, port


def _names(pattern: str) -> Iterator[str]:
    found = _RANGE.search(pattern)
    if found is None:
        yield pattern
        return
    before, after = pattern[: found.start()], pattern[found.end() :]
    for part in _parts(found[1], found[2], int(found[3] or 1)):
        for rest in _names(after):
            yield f"{before}{part}{rest}"


def _parts(first: str, last: str, step: int) -> Iterator[str]:
    if first.isdigit() and last.isdigit():
        if max(len(first), len(last)) > 9:
            raise TooManyHostsError(f"[{first}:{last}]")
        numbers = range(int(first), int(last) + 1, max(step, 1))
        if len(numbers) > MOST_HOSTS:
            raise TooManyHostsError(f"[{first}:{last}]")
        width = len(first) if first.startswith("0") else 1
        yield from (f"{number:0{width}d}" for number in numbers)
    elif first in ascii_letters and last in ascii_letters:
        yield from ascii_letters[
            ascii_letters.index(first) : ascii_letters.index(last) + 1 : step or 1
        ]
