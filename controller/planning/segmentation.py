"""What people must know of segmentation: where it is not enforced, what it shuts, what begins."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from controller.intended.overlay import Overlay
from controller.intended.segments import shut_services
from controller.model import Change, DeviceConfig, Operational
from controller.platforms.filter_block import split_block
from controller.platforms.model import is_routed, unconfigured
from controller.wording import listing
from inventory.model import Device, DeviceName, Intent, Platform, Role
from policies.model import Policies
from vpn.model import ServiceHost

ENFORCING: Final = frozenset({Platform.FRR, Platform.LINUX})


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


def assume_filters(
    wanted: Mapping[DeviceName, DeviceConfig], seen: Operational
) -> tuple[Operational, tuple[DeviceName, ...]]:
    """Return what saved files say as if the wanted packet filters were loaded, and for whom.

    What a router shows of itself does not tell whether it filters; its door does.
    """
    untold = {
        name: DeviceConfig(config.text + block)
        for name, config in seen.configs.items()
        if name in wanted and (block := _untold(config, wanted[name]))
    }
    return replace(seen, configs={**seen.configs, **untold}), tuple(untold)


def _untold(config: DeviceConfig, wanted: DeviceConfig) -> str:
    """Return the wanted block where a saved configuration carries traffic and has none."""
    if unconfigured(config) or not is_routed(config) or split_block(config)[1]:
        return ""
    return split_block(wanted)[1]


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
            f"shut in {listing(zones)} although rules open it, since the section 'hosts' of "
            f"access.yaml has no address for it there: {listing(services, most=12)}"
        )


def _do(names: Collection[DeviceName], one: str, several: str) -> str:
    return f"{listing(list(names))} {one if len(names) == 1 else several}"
