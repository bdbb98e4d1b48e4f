"""Sessions over the VPN: people's devices at gateways, and edges with each other by path."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.access.gateways import Gateways, reachable
from controller.access.registrar import Registrar
from controller.drivers.connect import ask_edges
from controller.drivers.protocol import ConnectEdge
from controller.load import Loaded
from inventory.errors import SanagaError
from inventory.model import DeviceName
from vpn.people import device_config


@dataclass(frozen=True, slots=True)
class Traffic:
    """When a session shook hands last, in seconds ago, and what it sent and received."""

    handshake_age_s: float | None
    octets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PersonSession:
    """A person's device at a gateway; endpoint is from where it dials."""

    person: str
    device: str
    gateway: DeviceName
    endpoint: str
    traffic: Traffic
    consultation: bool


@dataclass(frozen=True, slots=True)
class PathSession:
    """A path of an edge to a far end; carries are the classes of traffic that take it."""

    edge: DeviceName
    peer: DeviceName
    path: str
    state: str
    traffic: Traffic
    carries: tuple[str, ...]
    consultation: bool


@dataclass(frozen=True, slots=True)
class PeopleSessions:
    """Everybody who is known to have dialled a gateway, latest first; faults say who is silent."""

    sessions: tuple[PersonSession, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteSessions:
    """Every path of every edge to every far end; faults say who is silent."""

    sessions: tuple[PathSession, ...]
    faults: tuple[str, ...]


def people_sessions(registrar: Registrar, gateways: Gateways) -> PeopleSessions:
    """Return the sessions of people at all gateways."""
    sessions: list[PersonSession] = []
    faults: list[str] = []
    for name, said in gateways.status(reachable(registrar.terms())[0], who=True):
        if isinstance(said, SanagaError):
            faults.append(str(said))
        elif "dialled" not in said:
            faults.append(f"{name}: its daemon is of an older release and does not say who dialled")
        else:
            sessions += _dialled(registrar, name, said)
    sessions.sort(key=lambda one: _age(one.traffic))
    return PeopleSessions(tuple(sessions), tuple(faults))


def _age(traffic: Traffic) -> float:
    return float("inf") if traffic.handshake_age_s is None else traffic.handshake_age_s


def _dialled(
    registrar: Registrar, name: DeviceName, said: Mapping[str, Any]
) -> Iterator[PersonSession]:
    terms, gateway = registrar.terms(), registrar.gateway(name)
    for one in said["dialled"]:
        owner = registrar.store.owner(str(one["key"]))
        if owner is None:
            continue
        own = {str(a) for a in device_config.device_addresses(terms.plan, owner.device, gateway)}
        yield PersonSession(
            person=owner.device.person,
            device=owner.device.name,
            gateway=name,
            endpoint=one["endpoint"],
            traffic=_traffic(one),
            consultation=bool(own.intersection(map(str, said["calling"]))),
        )


def status_reports(
    names: Iterable[DeviceName], connect: ConnectEdge
) -> Generator[tuple[DeviceName, Mapping[str, Any] | SanagaError], None, None]:
    """Yield how everything stands at every edge, or why it does not say."""
    yield from ask_edges(names, connect, lambda driver: driver.health())


def site_sessions(loaded: Loaded, connect: ConnectEdge) -> SiteSessions:
    """Return the sessions of all edges of a folder."""
    names = sorted(loaded.overlay.managed)
    found = dict(status_reports(names, connect))
    reports = {n: said for n, said in found.items() if not isinstance(said, SanagaError)}
    paths = (
        session
        for name in names
        if name in reports
        for peer in reports[name]["peers"]
        for session in _paths(name, peer)
    )
    faults = tuple(str(said) for said in found.values() if isinstance(said, SanagaError))
    return SiteSessions(tuple(paths), faults)


def _paths(name: DeviceName, peer: Mapping[str, Any]) -> Iterator[PathSession]:
    for path in peer["paths"]:
        classes = [one["name"] for one in peer["classes"] if one["path"] == path["name"]]
        copied = [f"{c['name']} (copy)" for c in peer["classes"] if c["second"] == path["name"]]
        yield PathSession(
            edge=name,
            peer=peer["device"],
            path=path["name"],
            state=path["state"],
            traffic=_traffic(path),
            carries=(*classes, *copied),
            consultation=peer["consultation"],
        )


def _traffic(one: Mapping[str, Any]) -> Traffic:
    return Traffic(one.get("handshake_age_s"), (one["sent_octets"], one["received_octets"]))
