"""From groups and grants to what a gateway opens to them."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from itertools import groupby

from inventory.addressing import Prefix
from inventory.model import Intent, Ports
from vpn.grants import access
from vpn.grants.access import Destination
from vpn.grants.packet_filter import FilterOpening
from vpn.model import AccessPolicy, Group, Person


def openings(policy: AccessPolicy, intent: Intent) -> tuple[FilterOpening, ...]:
    """Return what the grants open, one for each group and ports, in the order of the groups."""
    return tuple(opening for group in policy.groups for opening in _of(policy, intent, group))


def _of(policy: AccessPolicy, intent: Intent, group: Group) -> Iterator[FilterOpening]:
    somebody = Person("", "", group.role, group.under)
    own = [
        one
        for one in access.destinations(policy, intent, somebody)
        if one.grant.group == group.name
    ]
    for ports, same in groupby(sorted(own, key=_ports_text), key=lambda one: one.ports):
        yield FilterOpening(group.name, ports, _prefixes(same))


def _ports_text(one: Destination) -> str:
    return _said(one.ports)


def _said(ports: Iterable[Ports]) -> str:
    return ", ".join(map(str, ports))


def _prefixes(several: Iterable[Destination]) -> tuple[Prefix, ...]:
    found = {ip_network(where) for one in several for where in one.where}
    return tuple(sorted(found, key=lambda prefix: (prefix.version, prefix)))
