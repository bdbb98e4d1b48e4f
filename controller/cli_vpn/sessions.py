"""Who is connected, and by which way: people at gateways, edges by their tunnels."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from controller.access.gateways import Gateways
from controller.access.registrar import Registrar
from controller.cli_vpn.site_keys import connect
from controller.environment import state_dir
from controller.intended.overlay import build_overlay
from controller.load import load
from controller.telemetry import edge_status
from controller.terminal.output import say
from inventory.errors import SanagaError
from inventory.model import DeviceName
from vpn.people import device_config

Row = dict[str, object]

PEOPLE: Final = {
    "person": "PERSON",
    "device": "DEVICE",
    "gateway": "GATEWAY",
    "from": "FROM",
    "handshake_age_s": "HANDSHAKE, S AGO",
    "octets": "SENT, RECEIVED",
    "consultation": "CALL",
}
SITES: Final = {
    "edge": "EDGE",
    "peer": "PEER",
    "path": "PATH",
    "state": "STATE",
    "handshake_age_s": "HANDSHAKE, S AGO",
    "octets": "SENT, RECEIVED",
    "carries": "CARRIES",
    "consultation": "CALL",
}


def of_people(registrar: Registrar) -> list[Row]:
    """Return everybody who is known to have dialled a gateway, latest first."""
    terms = registrar.terms()
    doors = [gateway.device for gateway in terms.gateways if gateway.device in terms.doors]
    rows: list[Row] = []
    for name, said in Gateways(registrar, state_dir()).status(doors, who=True):
        if isinstance(said, SanagaError):
            say(str(said))
        elif "dialled" not in said:
            say(f"{name}: its daemon is of an older release and does not say who dialled")
        else:
            rows += _dialled(registrar, name, said)
    return sorted(rows, key=lambda row: float(str(row["handshake_age_s"])))


def _dialled(registrar: Registrar, name: DeviceName, said: Mapping[str, Any]) -> Iterator[Row]:
    terms, gateway = registrar.terms(), registrar.gateway(name)
    for one in said["dialled"]:
        owner = registrar.store.owner(str(one["key"]))
        if owner is None:
            continue
        own = {str(a) for a in device_config.addresses(terms.plan, owner.device, gateway)}
        yield {
            "person": owner.device.person,
            "device": owner.device.name,
            "gateway": name,
            "from": one["endpoint"],
            **_session(one),
            "consultation": bool(own.intersection(map(str, said["calling"]))),
        }


def of_sites(folder: Path) -> list[Row]:
    """Return every path of every edge to every far end, and what takes it."""
    loaded = load(folder)
    names = sorted(build_overlay(loaded.intent).managed)
    found = dict(edge_status.status_reports(names, connect(loaded)))
    for said in found.values():
        if isinstance(said, SanagaError):
            say(str(said))
    return [
        row
        for name in names
        if not isinstance(said := found[name], SanagaError)
        for peer in said["peers"]
        for row in _paths(name, peer)
    ]


def _paths(name: DeviceName, peer: Mapping[str, Any]) -> Iterator[Row]:
    for path in peer["paths"]:
        classes = [one["name"] for one in peer["classes"] if one["path"] == path["name"]]
        copied = [f"{c['name']} (copy)" for c in peer["classes"] if c["second"] == path["name"]]
        yield {
            "edge": name,
            "peer": peer["device"],
            "path": path["name"],
            "state": path["state"],
            **_session(path),
            "carries": [*classes, *copied],
            "consultation": peer["consultation"],
        }


def _session(one: Mapping[str, Any]) -> Row:
    return {
        "handshake_age_s": one.get("handshake_age_s"),
        "octets": [one["sent_octets"], one["received_octets"]],
    }
