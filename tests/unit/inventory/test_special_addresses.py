"""Which blocks a router takes, compared with what Python knows of them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.special_addresses import destination_fault, host_fault, interface_block_fault


@given(st.integers(0, 2**32 - 1))
def test_a_host_has_any_ipv4_address_but_those_that_the_registry_keeps_back(number):
    address = IPv4Address(number)
    kept = (
        address.is_multicast
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
        or address in IPv4Network("0.0.0.0/8")
    )
    assert (host_fault(address) is not None) == kept


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_block_for_interfaces_is_a_destination_too(number, length):
    network = IPv4Network((number >> (32 - length) << (32 - length), length))
    if interface_block_fault(network) is None:
        assert destination_fault(network) is None
        assert host_fault(network[0]) is host_fault(network[-1]) is None


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "128.0.0.0/1", "192.0.0.0/2", "::/0", "::/1", "64:ff9b::/96", "fd00::/8"]
)
def test_a_destination_may_be_wider_than_what_can_be_reached_of_it(text):
    assert destination_fault(ip_network(text)) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("224.0.0.0/3", "the broadcast address"),
        ("239.255.0.0/16", "multicast"),
        ("ff0e::/16", "multicast"),
        ("fe80::/64", "link-local"),
        ("4000::/16", "reserved"),
    ],
)
def test_a_destination_with_nothing_to_reach_is_named(text, what):
    assert destination_fault(ip_network(text)) == what


@pytest.mark.parametrize("text", ["2001:db8::/32", "2a00::/16", "fd5a:6e61:6700::/40"])
def test_global_and_unique_local_blocks_serve_interfaces(text):
    assert interface_block_fault(IPv6Network(text)) is None


@pytest.mark.parametrize("text", ["::1", "::", "ff02::1", "fe80::1", "::ffff:10.0.0.1"])
def test_no_host_has_a_special_ipv6_address(text):
    assert host_fault(ip_address(text)) is not None
