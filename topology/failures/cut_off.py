"""Sites that reach nobody as things stand, before anything fails, and why."""

from collections.abc import Mapping

from inventory.model import Device, Intent, Role, SiteName
from topology.build import site_node
from topology.failures.resilience import standing_nodes
from topology.model import Topology


def cut_off_sites(topology: Topology, intent: Intent) -> Mapping[SiteName, str]:
    """Return why each site that does not reach the central one is cut off, in document order."""
    reached = standing_nodes(topology).reached
    served = {topology.nodes[link.b].site for link in topology.links.values() if not link.circuit}
    return {
        site: _reason(topology, intent, site)
        for site in intent.sites
        if site not in reached or site not in served
    }


def _reason(topology: Topology, intent: Intent, site: SiteName) -> str:
    devices = intent.devices_at(site)
    if not devices:
        return "it has no device"
    gateway = next((device for device in devices if device.lan), None)
    if gateway is None:
        return "no device is on its LANs; write 'lan: true' at one"
    if gateway.role is Role.SWITCH:
        return f"{gateway.name} is on its LANs and a switch, which does not route"
    if not _joined(topology, gateway):
        return f"no circuit in use ends on {gateway.name}"
    central = " or ".join(sorted(topology.anchors)).removeprefix(site_node(""))
    return f"no way leads from it to {central}"


def _joined(topology: Topology, device: Device) -> bool:
    """Return whether a circuit in use ends on a device."""
    return any(link.circuit and device.name in (link.a, link.b) for link in topology.links.values())
