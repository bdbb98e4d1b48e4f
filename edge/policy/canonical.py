"""Policies as JSON and back: equal policies are equal texts.

Nothing is checked here, and nothing heavy imported: the daemon has it checked by another process.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, ip_network
from typing import Any, TypeAlias

from edge.policy.model import (
    CareTunnel,
    EdgePolicy,
    Peer,
    PeerPath,
    Prefix,
    TrafficClass,
    TunnelEndpoint,
    Underlay,
)
from inventory.model import Medium
from policies.model import METERED_FOR_S, PathPolicy, ServiceClass, Slo
from policies.packet_filter.canonical import filter_from_json, filter_json

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SignedPolicy:
    """A policy that the controller answers for; serial grows with every policy of a device."""

    serial: int
    issued_at: datetime
    policy: EdgePolicy


def policy_text(policy: EdgePolicy) -> str:
    """Return the canonical text of a policy."""
    return canonical_json(policy_json(policy))


def canonical_json(value: Json) -> str:
    """Return a JSON object as canonical text: keys sorted, one to a line."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def policy_json(policy: EdgePolicy) -> dict[str, Any]:
    """Return a policy as JSON knows it; reading that back gives the same policy."""
    return {
        "network": policy.network,
        "device": policy.device,
        "loopback": str(policy.loopback),
        "prefixes": [str(prefix) for prefix in policy.prefixes],
        "lans": list(policy.lans),
        "underlays": [_underlay(underlay) for underlay in policy.underlays],
        "peers": [_peer(peer) for peer in policy.peers],
        "care": {
            "interface": policy.care.interface,
            "mtu": policy.care.mtu,
            "port": policy.care.port,
        },
        "classes": [_class(entry) for entry in policy.classes],
        **({"key": policy.key} if policy.key else {}),
        **({"preshared": policy.preshared} if policy.preshared else {}),
        **_packet_filter(policy),
        **({"telemetry": list(policy.telemetry)} if policy.telemetry else {}),
    }


def _packet_filter(policy: EdgePolicy) -> dict[str, Any]:
    """Return the packet filter where there is one; edges of former releases know no such key."""
    wanted = policy.packet_filter
    return {} if wanted is None else {"packet_filter": filter_json(wanted)}


def _underlay(underlay: Underlay) -> dict[str, Any]:
    return {
        "circuit": underlay.circuit,
        "interface": underlay.interface,
        "gateway": str(underlay.gateway),
        "medium": underlay.medium.value,
        "metered": underlay.metered,
        "rate_up_mbps": float(underlay.rate_up_mbps),
        "rate_down_mbps": float(underlay.rate_down_mbps),
        "tunnel": underlay.tunnel,
        "tunnel_address": str(underlay.tunnel_address),
        "listen_port": underlay.listen_port,
        "mtu": underlay.mtu,
        "shape_ingress": underlay.shape_ingress,
    }


def _peer(peer: Peer) -> dict[str, Any]:
    return {
        "device": peer.device,
        "public_key": peer.public_key,
        "loopback": str(peer.loopback),
        "prefixes": [str(prefix) for prefix in peer.prefixes],
        "paths": [_path(path) for path in peer.paths],
        **({"next_key": peer.next_key} if peer.next_key else {}),
        **({} if peer.preshared is None else {"preshared": peer.preshared}),
    }


def _path(path: PeerPath) -> dict[str, Any]:
    far = path.endpoint
    return {
        "name": path.name,
        "circuit": path.circuit,
        "remote_address": str(path.remote_address),
        "endpoint": {"address": str(far.address), "port": far.port} if far else None,
        "medium": path.medium.value,
        "metered": path.metered,
        "cost": path.cost,
        "rate_mbps": float(path.rate_mbps),
    }


def _class(entry: TrafficClass) -> dict[str, Any]:
    service, paths = entry.service, entry.paths
    return {
        "name": service.name,
        "title": service.title,
        "slo": {
            "delay_ms": float(service.slo.delay_ms),
            "jitter_ms": float(service.slo.jitter_ms),
            "loss": float(service.slo.loss),
            "mos": None if service.slo.mos is None else float(service.slo.mos),
        },
        "dscp": service.dscp,
        "rate_mbps": float(service.rate_mbps),
        "share": float(service.share),
        "paths": {
            "media": [medium.value for medium in paths.media],
            "leave_after_ms": paths.leave_after_ms,
            "return_after_s": paths.return_after_s,
            "hold_down_s": paths.hold_down_s,
            "metered_allowed": paths.metered_allowed,
            "metered_cost": paths.metered_cost,
            **_metered_for(paths),
        },
    }


def _metered_for(paths: PathPolicy) -> dict[str, int]:
    """Return the bound of metered paths where it is not the usual one, which goes unsaid.

    Edges of former releases know no such key.
    """
    usual = paths.metered_for_s == METERED_FOR_S
    return {} if usual else {"metered_for_s": paths.metered_for_s}


def policy_from_json(held: Json) -> EdgePolicy:
    """Return the policy that plain() gave; for JSON that was checked, since nothing is here."""
    return EdgePolicy(
        network=held["network"],
        device=held["device"],
        loopback=IPv4Address(held["loopback"]),
        prefixes=_prefixes(held),
        lans=tuple(held["lans"]),
        underlays=tuple(_underlay_of(underlay) for underlay in held["underlays"]),
        peers=tuple(_peer_of(peer) for peer in held["peers"]),
        care=CareTunnel(**held["care"]),
        classes=tuple(_class_of(entry) for entry in held["classes"]),
        key=held.get("key", ""),
        preshared=held.get("preshared", 0),
        packet_filter=filter_from_json(held["packet_filter"]) if "packet_filter" in held else None,
        telemetry=tuple(held.get("telemetry", ())),
    )


def _prefixes(held: Json) -> tuple[Prefix, ...]:
    return tuple(ip_network(prefix) for prefix in held["prefixes"])


def _underlay_of(held: Json) -> Underlay:
    parts = {
        "gateway": IPv4Address(held["gateway"]),
        "medium": Medium(held["medium"]),
        "tunnel_address": IPv4Address(held["tunnel_address"]),
    }
    return Underlay(**{**held, **parts})


def _peer_of(held: Json) -> Peer:
    paths = tuple(_path_of(path) for path in held["paths"])
    loopback = IPv4Address(held["loopback"])
    further = (held.get("next_key", ""), held.get("preshared"))
    return Peer(held["device"], held["public_key"], loopback, _prefixes(held), paths, *further)


def _path_of(held: Json) -> PeerPath:
    far = held["endpoint"]
    parts = {
        "remote_address": IPv4Address(held["remote_address"]),
        "endpoint": TunnelEndpoint(IPv4Address(far["address"]), far["port"]) if far else None,
        "medium": Medium(held["medium"]),
    }
    return PeerPath(**{**held, **parts})


def _class_of(held: Json) -> TrafficClass:
    own = {key: value for key, value in held.items() if key not in {"slo", "paths"}}
    media = tuple(Medium(medium) for medium in held["paths"]["media"])
    choice = {**held["paths"], "media": media}
    service = ServiceClass(**own, slo=Slo(**held["slo"]))
    return TrafficClass(service, PathPolicy(service=service.name, **choice))
