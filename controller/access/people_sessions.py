"""Sessions over the VPN: people's devices at gateways."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.access.gateways import Gateways, reachable
from controller.access.registrar import Registrar
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
class PeopleSessions:
    """Everybody who is known to have dialled a gateway, latest first; faults say who is silent."""

    sessions: tuple[PersonSession, ...]
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
            traffic=traffic_of(one),
            consultation=bool(own.intersection(map(str, said["calling"]))),
        )


def traffic_of(one: Mapping[str, Any]) -> Traffic:
    """Return the traffic that a device says."""
    return Traffic(one.get("handshake_age_s"), (one["sent_octets"], one["received_octets"]))
