"""The inventory in the formats of other tools; credentials stay references everywhere."""

from collections.abc import Mapping
from typing import Any

import yaml

from inventory.addressing import loopback4, loopback6
from inventory.exchange.values import NETMIKO_TYPE, NETWORK_OS
from inventory.model import Device, Intent, Level, Platform, Site


def export_nornir(intent: Intent) -> Mapping[str, str]:
    """Return the three files of a Nornir SimpleInventory by name."""
    hosts = {name: _nornir_host(intent, device) for name, device in intent.devices.items()}
    defaults: dict[str, Any] = {
        "data": {"network": intent.network.name, "asn": intent.network.asn},
    }
    return {
        "hosts.yaml": _yaml(hosts),
        "groups.yaml": _yaml(_nornir_groups(intent)),
        "defaults.yaml": _yaml(defaults),
    }


def export_ansible(intent: Intent) -> str:
    """Return an Ansible inventory as its YAML plugin reads it, with every host's variables."""
    groups: dict[str, dict[str, Any]] = {}
    for name, device in intent.devices.items():
        for group in _groups(intent, device):
            members = groups.setdefault(_ansible_name(group), {"hosts": {}})
            members["hosts"][name] = {}
    for platform, network_os in NETWORK_OS.items():
        if (group := _ansible_name(_platform_group(platform))) in groups:
            groups[group]["vars"] = {"ansible_network_os": network_os}
    hosts = {name: _ansible_host(intent, device) for name, device in intent.devices.items()}
    return _yaml({"all": {"hosts": hosts, "children": {g: groups[g] for g in sorted(groups)}}})


def _nornir_host(intent: Intent, device: Device) -> dict[str, Any]:
    host: dict[str, Any] = {"platform": device.platform.value, "groups": _groups(intent, device)}
    if device.management:
        host |= {
            "hostname": str(device.management.address),
            "port": device.management.port,
            "username": device.management.username,
            "connection_options": {
                "netmiko": {"extras": {"device_type": NETMIKO_TYPE[device.platform]}}
            },
        }
    host["data"] = _facts(intent, device)
    return host


def _nornir_groups(intent: Intent) -> dict[str, dict[str, Any]]:
    """Return every group that some device belongs to."""
    named: dict[str, dict[str, Any]] = {}
    for device in intent.devices.values():
        site = intent.sites[device.site]
        named[_level_group(site.level)] = {"data": {"level": site.level.value}}
        named[_region_group(site)] = {"data": {"region": site.region}}
        named[_platform_group(device.platform)] = {"platform": device.platform.value}
    return {name: named[name] for name in sorted(named)}


def _ansible_host(intent: Intent, device: Device) -> dict[str, Any]:
    # Ansible evaluates variables as templates, so free text stays out.
    known = _facts(intent, device).items()
    facts = {f"sanaga_{key}": value for key, value in known if key != "title"}
    facts["sanaga_platform"] = device.platform.value
    if device.management is None:
        return facts
    return {
        "ansible_host": str(device.management.address),
        "ansible_port": device.management.port,
        "ansible_user": device.management.username,
        **facts,
    }


def _facts(intent: Intent, device: Device) -> dict[str, Any]:
    """Return what a task may want to know about a device."""
    site, plan = intent.sites[device.site], intent.network.plan
    facts: dict[str, Any] = {
        "site": site.name,
        "title": site.title,
        "level": site.level.value,
        "region": site.region,
        "parent": site.parent,
        "role": device.role.value,
        "loopback_ipv4": str(loopback4(plan, site.number, device.number)),
        "loopback_ipv6": str(loopback6(plan, site.number, device.number)),
        "latitude": site.place.latitude,
        "longitude": site.place.longitude,
    }
    if device.management and device.management.credential:
        facts["credential"] = device.management.credential
    return facts


def _groups(intent: Intent, device: Device) -> list[str]:
    site = intent.sites[device.site]
    return [_level_group(site.level), _region_group(site), _platform_group(device.platform)]


def _level_group(level: Level) -> str:
    return f"level-{level.value}"


def _region_group(site: Site) -> str:
    return f"region-{site.region.lower()}"


def _platform_group(platform: Platform) -> str:
    return f"platform-{platform.value}"


def _ansible_name(group: str) -> str:
    """Return a group's name in the characters that Ansible allows."""
    return group.replace("-", "_")


def _yaml(content: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        dict(content), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=100
    )
    return f"---\n{text}"


class _PlainDumper(yaml.CSafeDumper):
    """Writes every value out, without anchors and aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Return true for every value."""
        return True
