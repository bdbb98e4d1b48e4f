"""The packet filter of a device in a small network, derived from its rules, for tests."""

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final

from controller.intended.segments import device_filter, gossip_ports, segment_openings
from inventory import addressing
from inventory.model import Intent, Ports, Segment
from policies.clinical import read_catalogue
from policies.packet_filter.model import PacketFilter
from tests.factories import hierarchy
from vpn.model import ServiceHost

HERE: Final = "department-1-1"
THERE: Final = "yaounde"
SERVER: Final = 20
PEER: Final = IPv4Address("172.16.0.9")


def packet_filter() -> PacketFilter:
    """Return the filter of the gateway at HERE, with a host of each service at both sites."""
    intent = hierarchy()
    device = next(d for d in intent.devices.values() if d.site == HERE and d.lan)
    hosts = services(intent, (HERE, THERE))
    opened = segment_openings(read_catalogue(), hosts, intent.network.plan)
    made = device_filter(intent, device, opened, gossip_ports((PEER,)))
    assert made
    return made


def services(intent: Intent, sites: Iterable[str]) -> tuple[ServiceHost, ...]:
    """Return a host of each service at each site, among the devices, with ports of its own."""
    lans = (addressing.segment4, addressing.segment6)
    return tuple(
        ServiceHost(
            name,
            site,
            tuple(
                lan_of(intent.network.plan, intent.sites[site].number, Segment.DEVICES)[SERVER]
                for lan_of in lans
            ),
            service_ports(place),
        )
        for site in sites
        for place, name in enumerate(read_catalogue().classes)
    )


def service_ports(place: int) -> tuple[Ports, ...]:
    """Return the ports at which the service in a place of the catalogue answers."""
    first = 1000 + 10 * place
    return (Ports("tcp", first, first), Ports("udp", first + 1, first + 3))
