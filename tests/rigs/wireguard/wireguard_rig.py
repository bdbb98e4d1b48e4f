"""Two namespaces joined by a cable, and WireGuard at work in each."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, ip_network
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.policy.model import TunnelEndpoint
from edge.wireguard import go_process, sticky_sockets
from edge.wireguard.model import (
    NO_PRESHARED_KEY,
    Tunnel,
    TunnelPeer,
    TunnelState,
    WireGuard,
    redial,
)
from simulations.netns import namespaces
from vpn.key_text import public_text

NEAR_UNDERLAY: Final = IPv4Address("192.0.2.1")
FAR_UNDERLAY: Final = IPv4Address("192.0.2.2")
NEAR: Final = IPv4Interface("172.24.0.1/32")
FAR: Final = IPv4Interface("172.24.0.2/32")
PORT: Final = 51_820
MARK: Final = 0x5A10
# linux/netlink.h and linux/rtnetlink.h; the socket module does not name them.
_SOL_NETLINK, _DROP_MEMBERSHIP, _IPV4_ROUTES = 270, 2, 7


def new_key() -> bytes:
    """Return a private key that nobody else has."""
    return X25519PrivateKey.generate().private_bytes_raw()


@dataclass(frozen=True)
class Place:
    """A namespace, the WireGuard that works in it, and its interface's name and key."""

    namespace: str
    wireguard: WireGuard
    name: str
    key: bytes

    @property
    def public(self) -> str:
        """Return the public key."""
        return public_text(self.key)

    def ensure(self, tunnel: Tunnel, key: bytes | None = None) -> tuple[str, ...]:
        """Make the interface from within the namespace."""
        with namespaces.entered_namespace(self.namespace):
            return self.wireguard.ensure(tunnel, key or self.key)

    def state(self, name: str | None = None) -> TunnelState | None:
        """Return the interface's state, seen from within the namespace."""
        with namespaces.entered_namespace(self.namespace):
            return self.wireguard.state(name or self.name)

    def redial(self, tunnel: Tunnel, peer: str) -> None:
        """Shake hands with a peer again from within the namespace."""
        with namespaces.entered_namespace(self.namespace):
            redial(self.wireguard, tunnel, self.key, peer)

    def served(self) -> TunnelState:
        """Return the state of an interface that must be there."""
        state = self.state()
        assert state
        return state

    def remove(self, name: str | None = None) -> None:
        """Take the interface away from within the namespace."""
        with namespaces.entered_namespace(self.namespace):
            self.wireguard.remove(name or self.name)

    def run(self, *argv: str, within_s: float = 60) -> str:
        """Return what a program says in the namespace; it must succeed."""
        done = namespaces.run_in_namespace(self.namespace, argv, within_s=within_s)
        assert not done.returncode, done.stderr
        return done.stdout

    def hears(self, address: IPv4Address, *, within_s: float) -> bool:
        """Return whether anything answers pings within a time."""
        argv = ["ping", "-q", "-c", "1", "-i", "0.2", "-w", str(round(within_s)), str(address)]
        return (
            namespaces.run_in_namespace(self.namespace, argv, within_s=within_s + 30).returncode
            == 0
        )

    def interface(self) -> Any:
        """Return what ip knows of the interface."""
        return json.loads(self.run("ip", "-j", "-d", "address", "show", "dev", self.name))[0]


@dataclass(frozen=True)
class Pair:
    """Two places: near dials, far listens. within_s is what a slow machine may take."""

    near: Place
    far: Place
    within_s: float

    def near_tunnel(
        self, *more: TunnelPeer, mtu: int = 1340, preshared_key: bytes = NO_PRESHARED_KEY
    ) -> Tunnel:
        """Return the dialling interface."""
        peer = TunnelPeer(
            self.far.public,
            (ip_network(FAR.network), ip_network("10.2.0.0/16")),
            TunnelEndpoint(FAR_UNDERLAY, PORT),
            keepalive_s=25,
            preshared_key=preshared_key,
        )
        return Tunnel(self.near.name, mtu, PORT, MARK, (NEAR,), (peer, *more))

    def far_tunnel(self, *more: TunnelPeer, preshared_key: bytes = NO_PRESHARED_KEY) -> Tunnel:
        """Return the listening interface."""
        peer = TunnelPeer(
            self.near.public,
            (ip_network(NEAR.network), ip_network("10.1.0.0/16")),
            preshared_key=preshared_key,
        )
        return Tunnel(self.far.name, 1340, PORT, MARK + 1, (FAR,), (peer, *more))

    def connect(self) -> None:
        """Make both interfaces, the listening one first, and the routes to the far ends."""
        self.far.ensure(self.far_tunnel())
        self.near.ensure(self.near_tunnel())
        self.route()

    def route(self) -> None:
        """Lay the routes to the far ends; they vanish with an interface."""
        for place, address in ((self.near, FAR), (self.far, NEAR)):
            place.run("ip", "route", "replace", str(address.ip), "dev", place.name)


def deafen(name: str) -> None:
    """Keep the news of routes from the process that serves an interface.

    It stands for a process that reads them late: what it does until then is what it does now.
    """
    for pid in go_process.serving_processes(name):
        for found in sticky_sockets.sockets(pid):
            if found.family == socket.AF_NETLINK:
                found.setsockopt(_SOL_NETLINK, _DROP_MEMBERSHIP, _IPV4_ROUTES)


@contextmanager
def pair(wireguard: WireGuard, *, within_s: float) -> Iterator[Pair]:
    """Give two places with a cable between them, and take everything away afterwards."""
    with unconnected(wireguard, within_s=within_s) as made:
        addresses = (f"{NEAR_UNDERLAY}/30", f"{FAR_UNDERLAY}/30")
        cable(made.near.namespace, made.far.namespace, addresses)
        yield made


@contextmanager
def unconnected(wireguard: WireGuard, *, within_s: float) -> Iterator[Pair]:
    """Give two places with nothing between them yet, and take everything away afterwards."""
    tag = f"{os.getpid() % 4096:03x}{uuid4().hex[:4]}"
    near, far = (
        Place(f"sgt-{tag}-{end}", wireguard, f"sgt{tag}{end}", new_key()) for end in ("n", "f")
    )
    with namespace(near.namespace), namespace(far.namespace):
        try:
            yield Pair(near, far, within_s)
        finally:
            near.remove()
            far.remove()


@contextmanager
def namespace(name: str) -> Iterator[str]:
    """Give a namespace with a loopback, and delete it afterwards."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        namespaces.run_ip_batch(["link set lo up"], name)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def cable(
    a: str, b: str, addresses: Sequence[str], *, names: tuple[str, str] = ("u0", "u0")
) -> None:
    """Join two namespaces by a pair of interfaces that have an address each."""
    namespaces.run_ip_batch(
        [f"link add {names[0]} netns {a} type veth peer name {names[1]} netns {b}"]
    )
    for place, name, address in zip((a, b), names, addresses, strict=True):
        namespaces.run_ip_batch([f"addr add {address} dev {name}", f"link set {name} up"], place)
