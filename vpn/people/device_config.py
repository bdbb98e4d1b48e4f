"""What a person's device and its gateways are told of each other, for WireGuard."""

from collections.abc import Iterable
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Final

from inventory import addressing
from inventory.addressing import only_address
from inventory.model import AddressPlan
from inventory.names import PEOPLE, interface_name
from vpn.model import Address, Gateway, Person, PersonDevice
from vpn.people import dns_names
from vpn.people.roster import Roster, RosterDevice
from vpn.people.terms import AccessTerms
from vpn.wireguard.config import KEEPALIVE_S, Config, PeerSection
from vpn.wireguard.keys import Secret

# Fits into the packets of every mobile and satellite network (RFC 8200, section 5).
MTU: Final = 1280


def device_addresses(
    plan: AddressPlan, device: PersonDevice, gateway: Gateway
) -> tuple[Address, ...]:
    """Return the addresses that a device has behind a gateway, IPv4 and IPv6."""
    return (
        addressing.people4(plan, gateway.number, device.number),
        addressing.people6(plan, gateway.number, device.number),
    )


def describe_people_blocks(terms: AccessTerms) -> str:
    """Return in words where the addresses of people's devices are."""
    said = (
        f"{addressing.people_block4(terms.plan, gateway.number)} and "
        f"{addressing.people_block6(terms.plan, gateway.number)} are behind {gateway.device}"
        for gateway in terms.gateways
    )
    return "; ".join(said)


def device_config(
    terms: AccessTerms,
    device: PersonDevice,
    gateway: Gateway,
    preshared: Secret,
    private: Secret | None = None,
) -> Config:
    """Return the device's side; private is None where the device keeps its key to itself.

    All of the network goes through the tunnel and nothing else does, so that what a grant opens
    later needs no other file; what no grant opens ends at the gateway.
    """
    plan = terms.plan
    four, six = device_addresses(plan, device, gateway)
    behind = (plan.ipv4_sites, plan.ipv6, *map(only_address, gateway_addresses(plan, gateway)))
    far = PeerSection(gateway.public_key, behind, gateway.endpoint, preshared, KEEPALIVE_S)
    own4, own6 = IPv4Interface((int(four), 32)), IPv6Interface((int(six), 128))
    return Config(private, (own4, own6), (far,), mtu=MTU, dns=_dns(terms, gateway))


def _dns(terms: AccessTerms, gateway: Gateway) -> tuple[str, ...]:
    """Return where a device asks for names, and in which domain; nothing without a resolver."""
    if not gateway.resolver:
        return ()
    return (
        *map(str, gateway_addresses(terms.plan, gateway)),
        dns_names.network_domain(terms.network),
    )


def gateway_addresses(plan: AddressPlan, gateway: Gateway) -> tuple[Address, ...]:
    """Return a gateway's own addresses among people's, where it answers for names."""
    return (
        addressing.gateway4(plan, gateway.number),
        addressing.gateway6(plan, gateway.number),
    )


def admit_device(
    terms: AccessTerms, person: Person, device: PersonDevice, gateway: Gateway
) -> RosterDevice:
    """Return what a gateway is told of a device: it may send from its own addresses alone."""
    return RosterDevice(
        device.public_key,
        device_addresses(terms.plan, device, gateway),
        tuple(group.name for group in terms.groups_of(person)),
        person.until,
    )


def build_roster(terms: AccessTerms, gateway: Gateway, devices: Iterable[RosterDevice]) -> Roster:
    """Return all that a gateway is told."""
    plan, number = terms.plan, gateway.number
    lengths = (
        addressing.people_block4(plan, number).prefixlen,
        addressing.people_block6(plan, number).prefixlen,
    )
    return Roster(
        network=terms.network,
        gateway=gateway.device,
        interface=interface_name(terms.network, gateway.device, PEOPLE),
        listen_port=gateway.endpoint.port,
        mtu=MTU,
        addresses=tuple(
            ip_interface((address, length))
            for address, length in zip(gateway_addresses(plan, gateway), lengths, strict=True)
        ),
        devices=tuple(devices),
        openings=terms.openings,
        names=terms.names if gateway.resolver else (),
        key=gateway.public_key,
    )


def roster_peers(roster: Roster, preshared: Iterable[Secret]) -> tuple[PeerSection, ...]:
    """Return what `wg` is told of a roster's devices."""
    return tuple(
        PeerSection(
            device.public_key, tuple(map(only_address, device.addresses)), preshared_key=secret
        )
        for device, secret in zip(roster.devices, preshared, strict=True)
    )
