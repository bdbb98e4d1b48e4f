"""Two daemons with a LAN of consultation rooms and one of patients, and floods from either."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Final

from inventory.model import Ports, Segment
from policies.packet_filter.model import (
    PacketFilter,
    SegmentLan,
    SegmentOpening,
    SegmentPattern,
)
from simulations.netns import namespaces
from tests.rigs.edge.edge_pair import End
from tests.rigs.edge.edge_rig import FIBRE, LAN_PORT, ROOT, SATELLITE
from tests.rigs.edge.edge_site import Site, put, standing

# What is left after a cut carries a call, and not the flood beside it.
LINES: Final = (FIBRE, replace(SATELLITE, rate_mbps=8))
# The upper half of a site's LAN is the patients'.
PLAN: Final = ip_network("10.91.0.0/16")
PATIENTS: Final = 128
HALF: Final = IPv4Address("0.0.0.128")
PATIENT: Final = IPv4Address("10.91.1.140")
ROOM: Final = IPv4Address("10.91.1.11")
PORTAL: Final = IPv4Address("10.91.2.20")
PORTAL_PORT: Final = 9


def rooms_and_patients(end: End) -> PacketFilter:
    """Return a filter by which rooms reach each other, and everybody the portal."""
    site = 1 if end == "edge" else 2
    lans = {Segment.CLINICAL: (LAN_PORT, 0), Segment.PATIENTS: ("lan1", PATIENTS)}
    portal = (IPv4Network(PORTAL),), (Ports("udp", PORTAL_PORT, PORTAL_PORT),)
    return PacketFilter(
        plan=(PLAN,),
        people=(),
        segments=tuple(
            SegmentPattern(segment, PLAN, HALF, IPv4Address(first))
            for segment, (_, first) in lans.items()
        ),
        lans=tuple(
            SegmentLan(
                segment,
                interface,
                own=(IPv4Address(f"10.91.{site}.{first + 1}"),),
                prefixes=(IPv4Network(f"10.91.{site}.{first}/25"),),
            )
            for segment, (interface, first) in lans.items()
        ),
        openings=(
            SegmentOpening(Segment.CLINICAL, Segment.CLINICAL),
            *(SegmentOpening(segment, None, *portal) for segment in lans),
        ),
        control=(),
    )


@contextmanager
def flooded_site(name: str) -> Iterator[Site]:
    """Give two daemons, a host among the patients, a second one in the rooms, and the portal."""
    with standing(name, LINES) as site:
        edge, patients = site.world.namespace("edge"), _patients(site)
        gate = f"10.91.1.{PATIENTS + 1}"
        try:
            namespaces.run_ip_batch(
                (
                    f"netns add {patients}",
                    f"link add net0 netns {patients} type veth peer name lan1 netns {edge}",
                )
            )
            namespaces.run_ip_batch((f"addr add {gate}/25 dev lan1", "link set lan1 up"), edge)
            own = (f"addr add {PATIENT}/25 dev net0", "link set net0 up")
            namespaces.run_ip_batch((*own, f"route add default via {gate}"), patients)
            rooms, server = site.world.namespace("lan"), site.world.namespace("server")
            namespaces.run_ip_batch((f"addr add {ROOM}/24 dev net0",), rooms)
            namespaces.run_ip_batch((f"addr add {PORTAL}/24 dev net0",), server)
            with _sink(server):
                yield site
        finally:
            if namespaces.namespace_exists(patients):
                namespaces.run_ip_batch((f"netns del {patients}",))


def filter_by(site: Site, *, segments: bool) -> None:
    """Let both ends have policies with both LANs, which filter between them or not."""
    for end, daemon in site.pair.daemons.items():
        wanted = rooms_and_patients(end) if segments else None
        put(site, end, replace(daemon.policy, lans=(LAN_PORT, "lan1"), packet_filter=wanted))


def _patients(site: Site) -> str:
    return f"sgt-{site.world.mark}-patients"


@contextmanager
def _sink(space: str) -> Iterator[None]:
    """Take in what comes to the portal without a word."""
    with namespaces.entered_namespace(space):
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with door:
        door.bind((str(PORTAL), PORTAL_PORT))
        yield


@contextmanager
def flood(site: Site, source: IPv4Address, tos: int, rate_mbps: float) -> Iterator[None]:
    """Let a host send to the portal at a rate, from when it does."""
    space = _patients(site) if source == PATIENT else site.world.namespace("lan")
    words = [source, PORTAL, PORTAL_PORT, tos, rate_mbps]
    argv = [sys.executable, "-m", "tests.rigs.edge.edge_flood", *map(str, words)]
    with subprocess.Popen(
        ["ip", "netns", "exec", space, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == "ready\n"
            yield
            said, _ = running.communicate(timeout=120)
            assert int(said) > 0
        finally:
            running.kill()
