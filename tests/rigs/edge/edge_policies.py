"""Policies of a small edge and its hub, mirrored, for tests."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.policy.model import (
    CareTunnel,
    EdgePolicy,
    Peer,
    PeerPath,
    TrafficClass,
    TunnelEndpoint,
    Underlay,
)
from edge.signed import policy_envelope
from inventory.model import Medium
from policies.clinical import read_catalogue

EDGE_KEY: Final = base64.b64encode(bytes(range(32))).decode()
HUB_KEY: Final = base64.b64encode(bytes(range(32, 64))).decode()
SIGNER: Final = Ed25519PrivateKey.from_private_bytes(b"a key that only tests ever trust")
ISSUED: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
_RATES: Final = {Medium.FIBRE: 20.0, Medium.LEO: 13.0, Medium.LTE: 8.0}


def classes() -> tuple[TrafficClass, ...]:
    """Return the built-in classes as an edge has them."""
    policies = read_catalogue()
    return tuple(TrafficClass(c, policies.paths[name]) for name, c in policies.classes.items())


def edge_policy(*, prefix: str = "sgt", **changes: Any) -> EdgePolicy:
    """Return the policy of an edge with fibre, LEO and metered LTE to one hub."""
    media = (Medium.FIBRE, Medium.LEO, Medium.LTE)
    made = EdgePolicy(
        network="test",
        device="kolofata-e1",
        loopback=IPv4Address("172.16.0.35"),
        prefixes=(IPv4Network("10.0.3.0/24"),),
        lans=("lan0",),
        underlays=tuple(_underlay(i, m, prefix + "e") for i, m in enumerate(media)),
        peers=(
            Peer(
                device="yaounde-e1",
                public_key=HUB_KEY,
                loopback=IPv4Address("172.16.0.11"),
                prefixes=(IPv4Network("10.0.1.0/24"),),
                paths=tuple(_path(i, m, dials=True) for i, m in enumerate(media)),
            ),
        ),
        care=CareTunnel(f"{prefix}ecare", 1280),
        classes=classes(),
    )
    return replace(made, **changes)


def hub_policy(*, prefix: str = "sgt", **changes: Any) -> EdgePolicy:
    """Return the policy of that hub, which the edge dials."""
    media = (Medium.FIBRE, Medium.LEO, Medium.LTE)
    underlays = tuple(_underlay(i, m, prefix + "h") for i, m in enumerate(media))
    made = EdgePolicy(
        network="test",
        device="yaounde-e1",
        loopback=IPv4Address("172.16.0.11"),
        prefixes=(IPv4Network("10.0.1.0/24"),),
        lans=("lan0",),
        underlays=tuple(
            replace(
                underlay,
                gateway=IPv4Address(f"192.0.2.{16 * i + 9}"),
                tunnel_address=IPv4Address(f"172.24.0.{i + 129}"),
            )
            for i, underlay in enumerate(underlays)
        ),
        peers=(
            Peer(
                device="kolofata-e1",
                public_key=EDGE_KEY,
                loopback=IPv4Address("172.16.0.35"),
                prefixes=(IPv4Network("10.0.3.0/24"),),
                paths=tuple(_path(i, m, dials=False) for i, m in enumerate(media)),
            ),
        ),
        care=CareTunnel(f"{prefix}hcare", 1280),
        classes=classes(),
    )
    return replace(made, **changes)


def _underlay(i: int, medium: Medium, prefix: str) -> Underlay:
    return Underlay(
        circuit=f"kolofata-{medium}",
        interface=f"wan{i}",
        gateway=IPv4Address(f"192.0.2.{16 * i + 1}"),
        medium=medium,
        metered=medium is Medium.LTE,
        rate_up_mbps=_RATES[medium],
        rate_down_mbps=_RATES[medium] * 2,
        tunnel=f"{prefix}{medium}",
        tunnel_address=IPv4Address(f"172.24.0.{i + 21}"),
        listen_port=51_820 + i,
        mtu=1340,
    )


def _path(i: int, medium: Medium, *, dials: bool) -> PeerPath:
    return PeerPath(
        name=f"kolofata-{medium}",
        circuit=f"kolofata-{medium}",
        remote_address=IPv4Address(f"172.24.0.{i + (129 if dials else 21)}"),
        endpoint=TunnelEndpoint(IPv4Address(f"192.0.2.{16 * i + 10}"), 51_820 + i)
        if dials
        else None,
        medium=medium,
        metered=medium is Medium.LTE,
        cost=10 * (i + 1),
        rate_mbps=_RATES[medium],
    )


def signed(policy: EdgePolicy, serial: int = 1, key: Ed25519PrivateKey = SIGNER) -> str:
    """Return a policy in its envelope, signed by the controller that tests trust."""
    return policy_envelope.sign_policy(policy_envelope.SignedPolicy(serial, ISSUED, policy), key)
