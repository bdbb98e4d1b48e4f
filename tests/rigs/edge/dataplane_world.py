"""The data plane at both ends of the reference world of the edge, for tests and benchmarks."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, ip_network
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.dataplane.dataplane import Dataplane
from edge.dataplane.desired import DesiredState, desired_state
from edge.dataplane.teardown import remove_everything
from edge.forwarding.steering import PeerSteering, Steering
from edge.policy.model import (
    CareTunnel,
    EdgePolicy,
    Peer,
    PeerPath,
    Prefix,
    TunnelEndpoint,
    Underlay,
)
from edge.wireguard.userspace import WireGuardGo
from simulations.netns import namespaces
from simulations.netns.waiting import eventually
from tests.rigs.edge import edge_rig
from tests.rigs.edge.edge_policies import classes
from tests.rigs.edge.edge_rig import Line, Place, World, port_of

LOOPBACKS: Final[Mapping[Place, IPv4Address]] = {
    "edge": IPv4Address("10.255.255.2"),
    "hub": IPv4Address("10.255.255.1"),
}
PREFIXES: Final[Mapping[Place, tuple[Prefix, ...]]] = {
    "edge": (ip_network("10.91.1.0/24"), ip_network("fd91:1::/64")),
    "hub": (ip_network("10.91.2.0/24"), ip_network("fd91:2::/64")),
}
OTHER: Final[Mapping[Place, Place]] = {"edge": "hub", "hub": "edge"}
WITHIN_S: Final = 120.0
EXPEDITED: Final = 0xB8
ENDS: Final[tuple[Place, ...]] = ("edge", "hub")


@dataclass(frozen=True, slots=True)
class Node:
    """An end of the tunnels: its key, its policy and its data plane."""

    space: str
    key: bytes
    policy: EdgePolicy
    plane: Dataplane

    def apply(self, steering: Steering) -> tuple[str, ...]:
        """Make the kernel what the policy and some decisions want."""
        with namespaces.entered_namespace(self.space):
            return self.plane.apply(desired_state(self.policy, steering))

    def steer(self, steering: Steering) -> None:
        """Move traffic."""
        with namespaces.entered_namespace(self.space):
            self.plane.steer(steering)

    def repair(self) -> tuple[str, ...]:
        """Let the data plane put right what was changed."""
        with namespaces.entered_namespace(self.space):
            return self.plane.repair()

    def wanted(self, steering: Steering) -> DesiredState:
        """Return what would stand in the kernel."""
        return desired_state(self.policy, steering)


@dataclass(frozen=True, slots=True)
class Overlay:
    """Both ends in a world."""

    world: World
    edge: Node
    hub: Node

    @property
    def nodes(self) -> tuple[Node, Node]:
        """Return both ends."""
        return self.edge, self.hub

    def await_care(self) -> None:
        """Return once a consultation's packets come through, and ordinary ones."""
        for tos in (0, EXPEDITED):
            check = partial(self.pings, tos)
            eventually(check, within_s=WITHIN_S, what="a way from the LAN to the server")

    def pings(self, tos: int = 0) -> bool:
        """Return whether one ping from the LAN to the server is answered within a second."""
        argv = ("ping", "-n", "-c1", "-W1", f"-Q{tos}", str(edge_rig.SERVER))
        return " 1 received" in self.world.exec("lan", *argv, check=False)

    def steer(self, first: str, second: str | None = None) -> None:
        """Move everything at both ends onto one line, and copy consultations onto another."""
        for node in self.nodes:
            node.steer(steering(node.policy, first, second))


def steering(policy: EdgePolicy, first: str, second: str | None = None) -> Steering:
    """Return that everything takes one path, and that consultations are copied onto another."""
    services = {c.service.name: first for c in policy.classes}
    ways = PeerSteering(services, care=first, second=second)
    return Steering({peer.device: ways for peer in policy.peers})


def policy_of(
    world: World, place: Place, keys: Mapping[Place, str], *, ingress: bool = False
) -> EdgePolicy:
    """Return the policy of one end; lines give the names of paths."""
    other, letter = OTHER[place], place[0]
    underlays = tuple(
        Underlay(
            circuit=line.name,
            interface=port_of(line.name),
            gateway=world.outer(line.name, other),
            medium=line.medium,
            metered=line.metered,
            rate_up_mbps=line.rate_mbps,
            rate_down_mbps=line.rate_mbps,
            tunnel=f"{world.mark}-{letter}{number}",
            tunnel_address=_inner(number, place),
            listen_port=51_820 + number,
            mtu=1340,
            shape_ingress=ingress,
        )
        for number, line in enumerate(world.lines)
    )
    paths = tuple(_path(world, n, line, place) for n, line in enumerate(world.lines))
    peer = Peer(other, keys[other], LOOPBACKS[other], PREFIXES[other], paths)
    return EdgePolicy(
        network="test",
        device=place,
        loopback=LOOPBACKS[place],
        prefixes=PREFIXES[place],
        lans=(edge_rig.LAN_PORT,),
        underlays=underlays,
        peers=(peer,),
        care=CareTunnel(f"{world.mark}-{letter}care", 1280),
        classes=classes(),
    )


def _inner(number: int, place: Place) -> IPv4Address:
    return IPv4Address(f"172.24.{number}.{1 if place == 'edge' else 2}")


def _path(world: World, number: int, line: Line, place: Place) -> PeerPath:
    other = OTHER[place]
    dialled = TunnelEndpoint(world.outer(line.name, other), 51_820 + number)
    return PeerPath(
        name=line.name,
        circuit=line.name,
        remote_address=_inner(number, other),
        endpoint=dialled if place == "edge" else None,
        medium=line.medium,
        metered=line.metered,
        cost=line.cost,
        rate_mbps=line.rate_mbps,
    )


def plane_of(key: bytes) -> Dataplane:
    """Return a data plane of this thread's namespace that keeps nothing of what settings were."""
    return Dataplane(WireGuardGo(), key, lambda _: None)


@contextmanager
def overlay(
    lines: Sequence[Line] = edge_rig.TWO, *, name: str = "d", ingress: bool = False
) -> Iterator[Overlay]:
    """Build a world with data planes that take the first line and copy onto the second."""
    with edge_rig.world(lines, name=name) as world:
        keys = {place: X25519PrivateKey.generate().private_bytes_raw() for place in ENDS}
        public = {place: _public(key) for place, key in keys.items()}
        made = {}
        for place in ENDS:
            policy = policy_of(world, place, public, ingress=ingress)
            space = world.namespace(place)
            with namespaces.entered_namespace(space):
                plane = plane_of(keys[place])
            made[place] = Node(space, keys[place], policy, plane)
        try:
            for node in made.values():
                second = lines[1].name if len(lines) > 1 else None
                node.apply(steering(node.policy, lines[0].name, second))
            yield Overlay(world, made["edge"], made["hub"])
        finally:
            for node in made.values():
                node.plane.close()
                with namespaces.entered_namespace(node.space):
                    remove_everything(
                        WireGuardGo(), names=[t.tunnel for t in node.policy.underlays]
                    )


def _public(key: bytes) -> str:
    point = X25519PrivateKey.from_private_bytes(key).public_key()
    return base64.b64encode(point.public_bytes_raw()).decode()
