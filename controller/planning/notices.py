"""What people must know of a plan: hosts' addresses, single points of failure, first policies."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import AddressValueError, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from controller.intended.segments import LAN_INTERFACE
from controller.load import as_written
from controller.model import Change, DeviceConfig
from controller.platforms import edge_policy
from controller.platforms.interfaces import read_interfaces
from controller.wording import listing
from inventory.model import AddressPlan, Device, DeviceName, Intent, SiteName
from topology.failures.single_points import new_single_points
from topology.model import Topology

_LANS: Final = frozenset(LAN_INTERFACE.values())
_BLOCK4: Final = 23
_BLOCK6: Final = 60


def renumbered_lans(intent: Intent, changes: Iterable[Change]) -> Iterator[str]:
    """Yield, site by site, which addresses of its hosts will be others."""
    for change in sorted(changes, key=lambda one: one.device):
        was = _blocks(intent.network.plan, change.before)
        becomes = _blocks(intent.network.plan, change.after)
        gone, fresh = was - becomes, becomes - was
        if gone and fresh:
            yield (
                f"{intent.devices[change.device].site}: every address in its LANs changes, from "
                f"{listing(sorted(gone))} to {listing(sorted(fresh))}; its hosts need new ones, "
                "and whoever knows them by address must learn these"
            )


def single_points(before: Topology, after: Topology, told: Collection[SiteName]) -> Iterator[str]:
    """Yield on what sites will hang alone besides what they do now, but for those told already."""
    groups: dict[tuple[str, ...], list[SiteName]] = {}
    for site, things in new_single_points(before, after, told).items():
        groups.setdefault(things, []).append(site)
    for things, sites in groups.items():
        verb = "hangs" if len(sites) == 1 else "hang"
        yield f"{listing(sites)} {verb} on {listing(things)} alone from then on, and did not before"


def first_policies(gaps: Mapping[DeviceName, tuple[int, int]]) -> Iterator[str]:
    """Yield the edges that reach nobody until their hub has its policy."""
    for edge, (first, last) in sorted(gaps.items()):
        yield (
            f"from wave {first} until wave {last} is applied, nothing passes between {edge} and "
            "its hub: it is the first policy of the edge, and the hub's comes later; choose a "
            "quiet hour"
        )


def irreversible(before: Intent, anchored: Intent, folder: str) -> Iterator[str]:
    """Yield what no rollback brings back; folder is where references to credentials start."""
    # What was derived from the intent that is anchored is anchored itself.
    previous, intent = as_written(before, folder), as_written(anchored, folder)
    if previous.network.asn != intent.network.asn:
        yield f"the AS number {previous.network.asn} becomes {intent.network.asn}"
    for name, was in previous.devices.items():
        if name not in intent.devices:
            yield f"{name} leaves the intent; its configuration stays until someone removes it"
        else:
            yield from _management(was, intent.devices[name])
    for name, circuit in previous.circuits.items():
        now = intent.circuits.get(name)
        if now and (circuit.a, circuit.b) != (now.a, now.b):
            yield f"circuit {name} lands on other interfaces; its cables must follow"


def _management(was: Device, now: Device) -> Iterator[str]:
    before, after = was.management, now.management
    if before is None or after is None or before == after:
        return
    for what in ("address", "port", "username", "credential", "host_key"):
        if getattr(before, what) != getattr(after, what):
            yield f"{now.name}: the management {what.replace('_', ' ')} is another one now"


def _blocks(plan: AddressPlan, config: DeviceConfig) -> frozenset[str]:
    """Return the prefixes of the LANs behind a router or edge, as far as its text tells."""
    if edge_policy.is_policy(config):
        return edge_policy.prefixes(config)
    found = read_interfaces(config.text).interfaces
    lans = [interface for name, interface in found.items() if name in _LANS]
    return frozenset(
        [
            *(
                _block(plan.ipv4_sites, _BLOCK4, int(ip), str(ip))
                for lan in lans
                for ip in lan.ipv4
            ),
            *(_block6(plan, text) for lan in lans for text in lan.ipv6),
        ]
    )


def _block(sites: IPv4Network | IPv6Network, length: int, number: int, text: str) -> str:
    """Return the block of a site that an address is of; of one that is in no block, itself."""
    first, last = int(sites.network_address), int(sites.broadcast_address)
    if not first <= number <= last:
        return text
    size = 1 << sites.max_prefixlen - length
    return str(type(sites)((number - (number - first) % size, length)))


def _block6(plan: AddressPlan, text: str) -> str:
    try:
        address = IPv6Address(text.partition("/")[0])
    except AddressValueError:
        return text
    return _block(plan.ipv6, _BLOCK6, int(address), str(address))
