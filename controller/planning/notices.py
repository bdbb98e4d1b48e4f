"""What people must know of a plan: addresses, single points of failure, policies, segments."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import AddressValueError, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from controller.intended.overlay import Overlay
from controller.intended.segments import LAN_INTERFACE, shut_services
from controller.load import as_written
from controller.model import Change, DeviceConfig
from controller.platforms import edge_policy
from controller.platforms.filter_block import split_block
from controller.platforms.interfaces import read_interfaces
from controller.platforms.model import unconfigured
from controller.wording import listing
from inventory.model import AddressPlan, Device, DeviceName, Intent, Platform, Role, SiteName
from policies.model import Policies
from topology.failures.single_points import new_single_points
from topology.model import Topology
from vpn.model import ServiceHost

_LANS: Final = frozenset(LAN_INTERFACE.values())
ENFORCING: Final = frozenset({Platform.FRR, Platform.LINUX})
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


def segmentation_notices(
    intent: Intent, laid: Overlay, policies: Policies, hosts: Collection[ServiceHost]
) -> Iterator[str]:
    """Yield where nothing keeps segments apart, and which services nobody reaches."""
    if not intent.network.segmentation:
        yield "nothing keeps segments apart: network.yaml says 'segmentation: false'"
        return
    yield from _unenforced(intent, laid)
    yield from _shut(policies, intent, hosts)


def first_filters(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the routers that carry traffic already and begin to filter it."""
    names = sorted(change.device for change in changes if _begins(change))
    if names:
        yield (
            f"{_do(names, 'begins', 'begin')} to filter between segments: what no rule opens ends "
            "with this change, also where it worked until now"
        )


def _begins(change: Change) -> bool:
    block, had = split_block(change.after)[1], split_block(change.before)[1]
    return bool(block) and not (had or unconfigured(change.before))


def _unenforced(intent: Intent, laid: Overlay) -> Iterator[str]:
    groups: dict[str, list[DeviceName]] = {}
    for device in intent.devices.values():
        if why := _why_open(device, laid):
            groups.setdefault(why, []).append(device.name)
    for why, names in groups.items():
        yield f"{_do(names, 'filters', 'filter')} nothing between segments: {why}"


def _why_open(device: Device, laid: Overlay) -> str:
    """Return why a device does not filter what it should; empty where it does, or never would."""
    if device.role is Role.SWITCH:
        return "switches are not configured yet" if device.lan else ""
    if not device.packet_filter:
        return "'packet_filter: false' in the device"
    if device.platform not in ENFORCING:
        return f"there is no packet filter for the platform {device.platform}"
    if device.role is Role.EDGE and device.name not in laid.managed:
        return "not managed yet"
    return ""


def _shut(policies: Policies, intent: Intent, hosts: Collection[ServiceHost]) -> Iterator[str]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for service, zones in shut_services(policies, intent, hosts).items():
        groups.setdefault(zones, []).append(service)
    for zones, services in groups.items():
        yield (
            f"{listing(services, most=12)} cannot be reached in {listing(zones)}: rules allow it, "
            "but the section 'hosts' of access.yaml has no address there"
        )


def _do(names: Collection[DeviceName], one: str, several: str) -> str:
    return f"{listing(list(names))} {one if len(names) == 1 else several}"


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
