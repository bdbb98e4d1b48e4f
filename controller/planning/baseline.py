"""What a network was, as far as the configurations of its routers tell.

Where no confirmed apply is on record, the addresses on the routers' interfaces say which circuits
they carry, for the addressing plan gives every circuit its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from controller.model import DeviceConfig
from controller.planning.forgotten import LooseEnds, Port, add_forgotten
from controller.platforms.interfaces import RunningState, read_interfaces
from controller.platforms.model import is_routed
from inventory.addressing import MAX_CIRCUIT
from inventory.model import AddressPlan, Circuit, CircuitEnd, DeviceName, Intent, Role


@dataclass(frozen=True, slots=True)
class Running:
    """What the configurations of routers say of circuits.

    ports are the ends of circuits that may carry something, called what the neighbours there are
    called. Interfaces are wired with an address of anybody's circuit, and foreign with another one
    or with one that is not understood; those that are down are shut, or their neighbour is. read
    are the routers whose text is understood.
    """

    ports: Mapping[Port, CircuitEnd]
    called: Mapping[Port, str]
    wired: frozenset[CircuitEnd]
    foreign: frozenset[CircuitEnd]
    down: frozenset[CircuitEnd]
    read: frozenset[DeviceName]


def read_running(intent: Intent, configs: Mapping[DeviceName, DeviceConfig]) -> Running:
    """Return what the configurations of an intent's routers say of circuits."""
    routers = {name for name, d in intent.devices.items() if d.role is Role.ROUTER}
    read = {name for name in routers & configs.keys() if is_routed(configs[name])}
    found = _Reading(intent.network.plan)
    for device in sorted(read):
        found.add(device, read_interfaces(configs[device].text))
    return Running(
        found.ports,
        found.called,
        wired=frozenset(found.wired),
        foreign=frozenset(found.foreign),
        down=frozenset(found.down - set(found.ports.values())),
        read=frozenset(read),
    )


@dataclass(slots=True)
class _Reading:
    """What was read so far, as Running has it."""

    plan: AddressPlan
    ports: dict[Port, CircuitEnd] = field(default_factory=dict)
    called: dict[Port, str] = field(default_factory=dict)
    wired: set[CircuitEnd] = field(default_factory=set)
    foreign: set[CircuitEnd] = field(default_factory=set)
    down: set[CircuitEnd] = field(default_factory=set)

    def add(self, device: DeviceName, state: RunningState) -> None:
        """Take note of what one router says."""
        for name, interface in state.interfaces.items():
            end = CircuitEnd(device, name)
            ports = {address: _port(self.plan, address) for address in interface.ipv4}
            if interface.unclear or None in ports.values():
                self.foreign |= set() if interface.shut else {end}
            for address, port in ports.items():
                if port:
                    self._add_end(port, end, state, _peer(address))

    def _add_end(self, port: Port, end: CircuitEnd, state: RunningState, peer: str) -> None:
        self.wired.add(end)
        interface = state.interfaces[end.interface]
        if interface.shut or peer in state.shut_neighbours:
            self.down.add(end)
        elif self.ports.setdefault(port, end) is end:
            self.called[port] = state.called.get(peer) or interface.leads_to


def infer_baseline(
    intent: Intent,
    configs: Mapping[DeviceName, DeviceConfig],
    recorded: Iterable[Intent] = (),
) -> Intent:
    """Return an intent with the circuits that the routers' configurations carry.

    Routers that were not read or not understood, and edges and circuits into providers' networks,
    whose addresses no configuration tells, are taken to be as the intent wants them. What the
    intent does not know any more is called as recorded, the intents of former applies, know it.
    """
    return trace_baseline(intent, read_running(intent, configs), recorded)


def trace_baseline(intent: Intent, running: Running, recorded: Iterable[Intent] = ()) -> Intent:
    """Return the same from what was read."""
    usable = {circuit.name for circuit in intent.usable_circuits()}
    traced = (_traced(c, running, usable=c.name in usable) for c in intent.circuits.values())
    known = {circuit.name: circuit for circuit in filter(None, traced)}
    was = replace(
        intent, network=replace(intent.network, disabled_media=frozenset()), circuits=known
    )
    return add_forgotten(was, _loose_ends(intent, known.values(), running), recorded)


def without_shut(known: Intent, running: Running) -> Intent:
    """Return a network without the circuits of which an end was shut down by hand."""
    circuits = {
        name: circuit
        for name, circuit in known.circuits.items()
        if running.down.isdisjoint(filter(None, (circuit.a, circuit.b)))
    }
    return replace(known, circuits=circuits) if len(circuits) < len(known.circuits) else known


def _loose_ends(intent: Intent, known: Iterable[Circuit], running: Running) -> LooseEnds:
    """Return the ends of circuits that are not known."""
    numbers = {circuit.number for circuit in known}
    loose = {port: end for port, end in running.ports.items() if port[0] not in numbers}
    intended = frozenset(
        (circuit.number, side)
        for circuit in intent.circuits.values()
        for side, end in enumerate((circuit.a, circuit.b))
        if end and (at := loose.get((circuit.number, side))) and at.device == end.device
    )
    return LooseEnds(loose, running.called, intended, running.read)


def _port(plan: AddressPlan, address: IPv4Address) -> Port | None:
    number, side = divmod(int(address) - int(plan.ipv4_links.network_address), 2)
    return (number, side) if 0 < number <= MAX_CIRCUIT else None


def _peer(address: IPv4Address) -> str:
    """Return the other address of a /31."""
    return str(IPv4Address(int(address) ^ 1))


def _traced(circuit: Circuit, running: Running, *, usable: bool) -> Circuit | None:
    """Return a circuit as it was, None when it carried nothing."""
    if circuit.b is None:
        return circuit if usable else None
    a = _end(circuit.a, (circuit.number, 0), running, usable=usable)
    b = _end(circuit.b, (circuit.number, 1), running, usable=usable)
    return replace(circuit, a=a, b=b, enabled=True) if a and b else None


def _end(wanted: CircuitEnd, port: Port, running: Running, *, usable: bool) -> CircuitEnd | None:
    if found := running.ports.get(port):
        return found
    # With an address of another plan the interface may have carried it all the same.
    carried = usable and wanted.device not in running.read
    return wanted if carried or wanted in running.foreign else None
