"""What a network was, as far as the configurations of its routers tell.

Where no confirmed apply is on record, the addresses on the routers' interfaces say which circuits
they carry, for the addressing plan gives every circuit its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TypeAlias

from controller.model import DeviceConfig
from controller.platforms.indented import _addresses
from inventory.addressing import MAX_CIRCUIT
from inventory.model import AddressPlan, Circuit, CircuitEnd, DeviceName, Intent, Medium, Role

# A circuit's number, and 0 for its end a, 1 for b.
Port: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where ends of circuits were found, and interfaces with an address of nobody's circuit."""

    ports: Mapping[Port, CircuitEnd]
    foreign: frozenset[CircuitEnd]
    read: frozenset[DeviceName]


def infer_baseline(intent: Intent, configs: Mapping[DeviceName, DeviceConfig]) -> Intent:
    """Return an intent with the circuits that the routers' configurations carry.

    Routers that were not read, and edges and circuits into providers' networks, whose addresses
    no configuration tells, are taken to be as the intent wants them. A circuit that the intent
    does not know any more is called by its number.
    """
    seen = _seen(intent, configs)
    usable = {circuit.name for circuit in intent.usable_circuits()}
    known = (_traced(c, seen, usable=c.name in usable) for c in intent.circuits.values())
    circuits = (*filter(None, known), *_forgotten(intent, seen))
    return replace(
        intent,
        network=replace(intent.network, disabled_media=frozenset()),
        circuits={circuit.name: circuit for circuit in circuits},
    )


def _seen(intent: Intent, configs: Mapping[DeviceName, DeviceConfig]) -> _Seen:
    ports: dict[Port, CircuitEnd] = {}
    foreign: set[CircuitEnd] = set()
    routers = {name for name, d in intent.devices.items() if d.role is Role.ROUTER}
    read = routers & configs.keys()
    for device in sorted(read):
        for interface, address in _addresses(configs[device].text):
            end = CircuitEnd(device, interface)
            if port := _port(intent.network.plan, address):
                ports.setdefault(port, end)
            else:
                foreign.add(end)
    return _Seen(ports, frozenset(foreign), frozenset(read))


def _port(plan: AddressPlan, text: str) -> Port | None:
    try:
        offset = int(IPv4Address(text)) - int(plan.ipv4_links.network_address)
    except ValueError:
        return None
    number, side = divmod(offset, 2)
    return (number, side) if 0 < number <= MAX_CIRCUIT else None


def _traced(circuit: Circuit, seen: _Seen, *, usable: bool) -> Circuit | None:
    """Return a circuit as it was, None when it carried nothing."""
    if circuit.b is None:
        return circuit if usable else None
    a = _end(circuit.a, (circuit.number, 0), seen, usable=usable)
    b = _end(circuit.b, (circuit.number, 1), seen, usable=usable)
    return replace(circuit, a=a, b=b, enabled=True) if a and b else None


def _end(wanted: CircuitEnd, port: Port, seen: _Seen, *, usable: bool) -> CircuitEnd | None:
    if found := seen.ports.get(port):
        return found
    # With an address of another plan the interface may have carried it all the same.
    carried = usable and wanted.device not in seen.read
    return wanted if carried or wanted in seen.foreign else None


def _forgotten(intent: Intent, seen: _Seen) -> Iterator[Circuit]:
    """Yield the circuits that two routers carry and the intent has no number for."""
    known = {circuit.number for circuit in intent.circuits.values()}
    for (number, side), a in seen.ports.items():
        b = seen.ports.get((number, 1))
        if side == 0 and b and number not in known and a.device != b.device:
            yield Circuit(
                name=f"circuit {number}",
                number=number,
                a=a,
                b=b,
                provider=None,
                medium=Medium.FIBRE,
                rate_up_mbps=1.0,
                rate_down_mbps=1.0,
                delay_ms=0.0,
            )
