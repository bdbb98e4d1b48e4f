"""Neighbours by LLDP (IEEE 802.1AB) against the intended circuits: which cable is in a wrong hole.

Devices are known by chassis and port id alone: a name in a frame is what a neighbour calls itself,
and some agents show the name of another one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from controller.incidents.model import Health, Observation, Source
from controller.polling.network import Landing, WiredNetwork
from controller.polling.observing import Speaker, Stamp
from controller.snmp import oids
from controller.snmp.agent import Agent, Rows
from controller.snmp.model import Value
from controller.snmp.tables import as_text
from inventory.model import DeviceName

MAC_SUBTYPES: Final = (3, 4)
INTERFACE_NAME: Final = 5
LOCAL: Final = 7
# Columns of lldpRemTable and lldpLocPortTable.
_CHASSIS_SUBTYPE, _CHASSIS, _PORT_SUBTYPE, _PORT, _PORT_DESCRIPTION, _NAME = 4, 5, 6, 7, 8, 9
_LOCAL_SUBTYPE, _LOCAL_ID, _LOCAL_DESCRIPTION = 2, 3, 4
Identity: TypeAlias = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Who answers at an interface; name is what it calls itself, which proves nothing."""

    interface: str
    chassis: Identity
    port: Identity
    port_name: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class LldpReading:
    """A device's own identity, its ports' ones by interface, and its neighbours."""

    device: DeviceName
    at_s: float
    chassis: Identity | None
    ports: Mapping[str, Identity]
    neighbours: tuple[Neighbour, ...]


async def read_neighbours(agent: Agent, at_s: float) -> LldpReading:
    """Return what an agent says in LLDP-MIB; of one that has none, no identity.

    Raises UnreachableError or RefusedError.
    """
    own = await agent.get((oids.LLDP_LOCAL_CHASSIS_SUBTYPE, oids.LLDP_LOCAL_CHASSIS))
    local = await agent.walk(oids.LLDP_LOCAL_PORT)
    remote = await agent.walk(oids.LLDP_REMOTE) if local else ()
    return lldp_reading(agent.target.device, at_s, own, (local, remote))


def lldp_reading(
    device: DeviceName, at_s: float, own: Mapping[str, Value], tables: tuple[Rows, Rows]
) -> LldpReading:
    """Return the reading that LLDP-MIB's values amount to; tables are local ports and remotes."""
    # A port that went may still be shown beside a new one of the same name.
    newest = {_port_name(values): (number, values) for number, values in _local_ports(tables[0])}
    names = {number: name for name, (number, _) in newest.items() if name}
    identities = (
        (name, _identity(values, _LOCAL_SUBTYPE, _LOCAL_ID)) for name, (_, values) in newest.items()
    )
    chassis = _identified(
        own.get(oids.LLDP_LOCAL_CHASSIS_SUBTYPE), own.get(oids.LLDP_LOCAL_CHASSIS)
    )
    return LldpReading(
        device,
        at_s,
        chassis,
        {name: identity for name, identity in identities if name and identity},
        tuple(_neighbours(_rows(tables[1], oids.LLDP_REMOTE), names)),
    )


def cable_observations(
    readings: Iterable[LldpReading], network: WiredNetwork, stamp: Stamp
) -> tuple[Observation, ...]:
    """Return which circuits are cabled as intended, and which are not.

    Of a circuit whose ends nobody tells by LLDP, nothing is said.
    """
    known = tuple(readings)
    devices = {one.chassis: one.device for one in known if one.chassis}
    identities = {one.device: one for one in known}
    found = []
    for one in known:
        for landing in network.landings_of(one.device):
            seen = [n for n in one.neighbours if n.interface == landing.interface]
            verdict = _verdict(landing, seen, devices, identities)
            if verdict:
                found.append(Speaker(stamp, one.at_s, Source.LLDP).of_circuit(landing, *verdict))
    return tuple(found)


def _verdict(
    landing: Landing,
    seen: list[Neighbour],
    devices: Mapping[Identity, DeviceName],
    readings: Mapping[DeviceName, LldpReading],
) -> tuple[Health, str] | None:
    """Return whether an interface meets what it should; None where that cannot be told."""
    far = readings.get(landing.far_device)
    if not seen or far is None or far.chassis is None:
        return None
    here = f"{landing.device} {landing.interface}"
    # A switch in between may let several be seen; the right one among them is enough.
    right = [neighbour for neighbour in seen if neighbour.chassis == far.chassis]
    if not right:
        met = devices.get(seen[0].chassis) or _stranger(seen[0])
        return Health.DEGRADED, f"wrong cable: {here} should meet {landing.far_device}, meets {met}"
    port = far.ports.get(landing.far_interface)
    if port is None or any(neighbour.port == port for neighbour in right):
        return Health.OK, f"{here} meets {landing.far_device}"
    holes = {identity: name for name, identity in far.ports.items()}
    other = holes.get(right[0].port) or right[0].port_name or "another port"
    wanted = f"{landing.far_device} {landing.far_interface}"
    return (
        Health.DEGRADED,
        f"wrong cable: {here} should meet {wanted}, meets {landing.far_device} {other}",
    )


def _stranger(neighbour: Neighbour) -> str:
    name = f" that calls itself {neighbour.name}" if neighbour.name else ""
    return f"an unknown device{name} (chassis {identity_text(neighbour.chassis)})"


def identity_text(identity: Identity) -> str:
    """Return a chassis or port id as people write it."""
    subtype, octets = identity
    return octets.hex(":") if subtype in MAC_SUBTYPES else as_text(octets) or octets.hex()


def _rows(rows: Rows, root: str) -> Mapping[tuple[str, ...], dict[int, Value]]:
    """Return a table's rows by index, each with its values by column."""
    found: dict[tuple[str, ...], dict[int, Value]] = {}
    for name, value in rows:
        column, *index = name.removeprefix(f"{root}.").split(".")
        if column.isdigit() and index:
            found.setdefault(tuple(index), {})[int(column)] = value
    return found


def _local_ports(rows: Rows) -> list[tuple[str, Mapping[int, Value]]]:
    """Return the local ports by number, in its order."""
    found = _rows(rows, oids.LLDP_LOCAL_PORT).items()
    numbered = [(index[0], values) for index, values in found if len(index) == 1]
    return sorted(numbered, key=lambda port: int(port[0]))


def _neighbours(
    rows: Mapping[tuple[str, ...], Mapping[int, Value]], names: Mapping[str, str]
) -> Iterator[Neighbour]:
    """Yield the neighbours; a row's index is a time, the local port's number and a number."""
    for index, values in rows.items():
        chassis = _identity(values, _CHASSIS_SUBTYPE, _CHASSIS)
        port = _identity(values, _PORT_SUBTYPE, _PORT)
        interface = names.get(index[1], "") if len(index) == 3 else ""
        if chassis and port and interface:
            name = as_text(values.get(_NAME))
            yield Neighbour(interface, chassis, port, as_text(values.get(_PORT_DESCRIPTION)), name)


def _port_name(values: Mapping[int, Value]) -> str:
    """Return the interface that a local port is: its id where that is a name, else its text."""
    named = values.get(_LOCAL_SUBTYPE) in {INTERFACE_NAME, LOCAL}
    return as_text(values.get(_LOCAL_ID if named else _LOCAL_DESCRIPTION))


def _identity(values: Mapping[int, Value], subtype: int, content: int) -> Identity | None:
    return _identified(values.get(subtype), values.get(content))


def _identified(subtype: Value, content: Value) -> Identity | None:
    return (subtype, content) if isinstance(subtype, int) and isinstance(content, bytes) else None
