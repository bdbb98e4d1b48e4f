"""What a change of a configuration does to a device, whatever its vendor."""

import re
from dataclasses import dataclass
from typing import Final

from controller.model import DeviceConfig, Impact
from controller.platforms import edge_policy

_ROUTING: Final = re.compile(r"^(?:router | *ip(?:v6)? route )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ConfigImpact:
    """What a change does: interfaces that it touches, and those of them that are new.

    whole means the router as such is cut off for a moment; blank that nothing ran on it before.
    """

    impact: Impact
    because: str
    interfaces: frozenset[str] = frozenset()
    new_interfaces: frozenset[str] = frozenset()
    whole_device: bool = False
    unconfigured: bool = False
    cannot_revert: tuple[str, ...] = ()


def unconfigured(config: DeviceConfig) -> bool:
    """Return whether nothing is routed by this configuration, by a protocol or a static route."""
    return not (edge_policy.is_policy(config) or _ROUTING.search(config.text))
