"""What a person's device and its gateways are told of each other, for WireGuard."""

from ipaddress import IPv4Interface, IPv6Interface, ip_network
from typing import Final

from inventory import addressing
from inventory.model import AddressPlan
from vpn.keys import Secret
from vpn.model import Address, Gateway, PersonDevice
from vpn.wgfile import KEEPALIVE_S, Config, PeerSection

# Fits into the packets of every mobile and satellite network (RFC 8200, section 5).
MTU: Final = 1280


def addresses(plan: AddressPlan, device: PersonDevice, gateway: Gateway) -> tuple[Address, ...]:
    """Return the addresses that a device has behind a gateway, IPv4 and IPv6."""
    return (
        addressing.people4(plan, gateway.number, device.number),
        addressing.people6(plan, gateway.number, device.number),
    )


def config(
    plan: AddressPlan,
    device: PersonDevice,
    gateway: Gateway,
    preshared: Secret,
    private: Secret | None = None,
) -> Config:
    """Return the device's side; private is None where the device keeps its key to itself.

    All of the network goes through the tunnel and nothing else does, so that what a grant opens
    later needs no other file; what no grant opens ends at the gateway.
    """
    four, six = addresses(plan, device, gateway)
    far = PeerSection(
        gateway.public_key,
        (plan.ipv4_sites, plan.ipv6, *map(ip_network, own(plan, gateway))),
        gateway.endpoint,
        preshared,
        KEEPALIVE_S,
    )
    return Config(private, (IPv4Interface(four), IPv6Interface(six)), (far,), mtu=MTU)


def own(plan: AddressPlan, gateway: Gateway) -> tuple[Address, ...]:
    """Return a gateway's own addresses among people's, where it answers for names."""
    return (
        addressing.gateway4(plan, gateway.number),
        addressing.gateway6(plan, gateway.number),
    )


def peer(
    plan: AddressPlan, device: PersonDevice, gateway: Gateway, preshared: Secret
) -> PeerSection:
    """Return the gateway's side: a device may send from its own addresses and no others."""
    allowed = tuple(map(ip_network, addresses(plan, device, gateway)))
    return PeerSection(device.public_key, allowed, preshared_key=preshared)
