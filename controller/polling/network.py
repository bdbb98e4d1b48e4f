"""What the intent says about interfaces and addresses, looked up by what is heard."""

from collections.abc import Mapping
from dataclasses import dataclass

from inventory import addressing
from inventory.model import Circuit, CircuitName, DeviceName, Intent


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a circuit lands: from_a tells whether this end sends at the circuit's rate up.

    far_device and far_interface are its other end's, empty where it leads to a provider.
    """

    circuit: CircuitName
    device: DeviceName
    interface: str
    far_device: DeviceName
    far_interface: str
    sends_mbps: float
    receives_mbps: float


@dataclass(frozen=True, slots=True)
class WiredNetwork:
    """Circuits by their ends, and devices and circuits by their addresses.

    peers are the addresses of the far ends of circuits, as seen from a device.
    """

    landings: Mapping[tuple[DeviceName, str], Landing]
    senders: Mapping[str, DeviceName]
    peers: Mapping[tuple[DeviceName, str], Landing]

    def landings_of(self, device: DeviceName) -> tuple[Landing, ...]:
        """Return where circuits land at a device."""
        return tuple(one for (name, _), one in self.landings.items() if name == device)


def wired_network(intent: Intent) -> WiredNetwork:
    """Return the lookups of an intent; circuits that are switched off are not in them."""
    landings = {
        (landing.device, landing.interface): landing
        for circuit in intent.usable_circuits()
        for landing in _landings(circuit)
    }
    senders = _own_addresses(intent)
    peers: dict[tuple[DeviceName, str], Landing] = {}
    plan = intent.network.plan
    for circuit in intent.usable_circuits():
        if circuit.b is None:
            continue
        for link in (addressing.link4, addressing.link6):
            a, b = (str(interface.ip) for interface in link(plan, circuit.number))
            peers[circuit.a.device, b] = landings[circuit.a.device, circuit.a.interface]
            peers[circuit.b.device, a] = landings[circuit.b.device, circuit.b.interface]
            senders[a], senders[b] = circuit.a.device, circuit.b.device
    return WiredNetwork(landings, senders, peers)


def _landings(circuit: Circuit) -> tuple[Landing, ...]:
    a, b = circuit.a, circuit.b
    up, down = circuit.rate_up_mbps, circuit.rate_down_mbps
    far = (b.device, b.interface) if b else ("", "")
    here = Landing(circuit.name, a.device, a.interface, *far, up, down)
    if b is None:
        return (here,)
    return here, Landing(circuit.name, b.device, b.interface, a.device, a.interface, down, up)


def _own_addresses(intent: Intent) -> dict[str, DeviceName]:
    """Return the devices by the addresses from which they may send: management and loopbacks."""
    plan, senders = intent.network.plan, dict[str, DeviceName]()
    for device in intent.devices.values():
        number = intent.sites[device.site].number
        for loopback in (addressing.loopback4, addressing.loopback6):
            senders[str(loopback(plan, number, device.number))] = device.name
        if device.management:
            senders[str(device.management.address)] = device.name
    return senders
