"""What a change of a configuration does to a device, whatever its vendor."""

import re
from dataclasses import dataclass
from typing import Final

from controller.model import DeviceConfig, Impact
from controller.platforms import edge_policy

_ROUTING: Final = re.compile(r"^(?:router | *ip(?:v6)? route )", re.MULTILINE)
# Lines that begin so say nothing of what is routed, nor does what is indented below them.
_IDLE: Final = re.compile(
    r"[ \t!]|$|frr\b|hostname\b|domainname\b|log\b|service\b|interface\b|no\b|ip(?:v6)?\b|line\b"
    r"|exit|end\b|debug\b|password\b|enable\b|username\b|agentx\b|vrf\b|key\b|bfd\b|zebra\b"
    r"|access-list\b|route-map\b|bgp (?:as-path|community-list|large-community-list)\b|banner\b"
    r"|packet-filter$"
)


@dataclass(frozen=True, slots=True)
class ConfigImpact:
    """What a change does: interfaces that it touches, and those of them that are new.

    whole_device means that the router as such is cut off for a moment; unconfigured that nothing
    ran on it before.
    """

    impact: Impact
    because: str
    interfaces: frozenset[str] = frozenset()
    new_interfaces: frozenset[str] = frozenset()
    whole_device: bool = False
    unconfigured: bool = False
    cannot_revert: tuple[str, ...] = ()


def unconfigured(config: DeviceConfig) -> bool:
    """Return whether nothing is routed by this configuration, by a protocol or a static route.

    A text that is not understood is not taken for that: anything may run over its device.
    """
    return not _ROUTING.search(config.text) and _is_idle(config.text)


def is_routed(config: DeviceConfig) -> bool:
    """Return whether this is a router's configuration that tells which circuits it carries."""
    return bool(_ROUTING.search(config.text)) or _is_idle(config.text)


def is_understood(config: DeviceConfig) -> bool:
    """Return whether this is a router's configuration or an edge's policy, or nothing at all."""
    return is_routed(config) or edge_policy.is_policy(config)


def _is_idle(text: str) -> bool:
    return all(_IDLE.match(line) for line in text.splitlines())
