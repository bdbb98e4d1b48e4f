"""Sessions over the VPN: edges with each other, by path."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.access.people_sessions import Traffic, traffic_of
from controller.drivers.connect import ask_edges
from controller.drivers.protocol import ConnectEdge
from controller.load import Loaded
from inventory.errors import SanagaError
from inventory.model import DeviceName


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
class SiteSessions:
    """Every path of every edge to every far end; faults say who is silent."""

    sessions: tuple[PathSession, ...]
    faults: tuple[str, ...]


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
            traffic=traffic_of(path),
            carries=(*classes, *copied),
            consultation=peer["consultation"],
        )
