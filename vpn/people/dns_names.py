"""Names that people and sites use instead of addresses, for the resolver of a gateway or a site.

All are within NETWORK.internal, a domain set aside for private use (ICANN, resolution
2024.07.29.06). A service is there by its zone and, at all its zones together, by itself; a device
by its name, at its loopback.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from inventory import addressing
from inventory.model import Intent, Role
from vpn.model import AccessPolicy, Address

# Names without the domain, each with the addresses that it stands for.
Names: TypeAlias = tuple[tuple[str, tuple[Address, ...]], ...]


def network_domain(network: str) -> str:
    """Return the domain of a network's names."""
    return f"{network}.internal"


def dns_names(intent: Intent, policy: AccessPolicy) -> Names:
    """Return the names of an intent's services and devices, in their order."""
    found: dict[str, dict[Address, None]] = {}
    for name, address in (*_services(policy), *_devices(intent)):
        found.setdefault(name, {})[address] = None
    return tuple((name, tuple(found[name])) for name in sorted(found))


def _services(policy: AccessPolicy) -> Iterator[tuple[str, Address]]:
    for host in policy.hosts:
        for address in host.addresses:
            yield host.service, address
            yield f"{host.service}.{host.zone}", address


def _devices(intent: Intent) -> Iterator[tuple[str, Address]]:
    plan = intent.network.plan
    for device in intent.devices.values():
        if device.role is not Role.SWITCH:
            site = intent.sites[device.site]
            yield device.name, addressing.loopback4(plan, site.number, device.number)


def hosts_file(network: str, found: Iterable[tuple[str, Iterable[Address]]]) -> str:
    """Return names as a hosts file has them (hosts(5)): an address and its names on each line."""
    by_address: dict[Address, list[str]] = {}
    for name, addresses in found:
        for address in addresses:
            by_address.setdefault(address, []).append(f"{name}.{network_domain(network)}")
    return "".join(f"{address} {' '.join(own)}\n" for address, own in _sorted(by_address))


def _sorted(found: Mapping[Address, list[str]]) -> list[tuple[Address, list[str]]]:
    return sorted(found.items(), key=lambda pair: (pair[0].version, pair[0].packed))


def moved_names(was: Mapping[str, object], becomes: Mapping[str, object]) -> str:
    """Return how many named things are more, fewer or elsewhere; nothing when none is."""
    parts = {
        "more": becomes.keys() - was.keys(),
        "fewer": was.keys() - becomes.keys(),
        "elsewhere": {n for n in was.keys() & becomes.keys() if was[n] != becomes[n]},
    }
    return ", ".join(f"{len(found):,} {word}" for word, found in parts.items() if found)
