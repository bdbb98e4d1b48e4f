"""No text travels on behind an address: zones of IPv6 addresses are refused everywhere."""

from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from edge.nftables.call_flows import CallFlow
from edge.selection import call_list
from inventory.documents.fields import ManagementAddress, NextHop, Prefix, Prefix6
from inventory.errors import EdgeError

MALICE = "x . ::1 . udp . 1 . 1 : 1 }\nflush ruleset\n#"
NEAR, FAR = "fd00::1", "fd00::2"
addresses = st.builds(lambda n: str(IPv6Address(n)), st.integers(0, 2**128 - 1))
zones = st.text(min_size=1) | st.just(MALICE) | st.sampled_from(["eth0", "1", "%", " "])
hosts = [TypeAdapter[Any](kind) for kind in (ManagementAddress, NextHop)]
networks = [TypeAdapter[Any](kind) for kind in (Prefix, Prefix6)]


def request(source: str, destination: str, port: object = None) -> dict[str, Any]:
    """Return what somebody asks who announces a call."""
    return {"source": source, "destination": destination, "destination_port": port}


@given(addresses, zones)
def test_a_call_between_addresses_with_a_zone_is_refused(address: str, zone: str):
    zoned = f"{address}%{zone}"
    for ends in ((zoned, FAR), (NEAR, zoned)):
        with pytest.raises(EdgeError):
            call_list.parse_flow(request(*ends))


@given(addresses)
def test_a_call_between_plain_addresses_is_the_call_that_was_asked_for(address: str):
    flow = call_list.parse_flow(request(address, FAR, 5000))
    assert flow == CallFlow("udp", IPv6Address(address), None, IPv6Address(FAR), 5000)


@given(addresses, st.from_regex(r"[^%/]+", fullmatch=True))
def test_a_flow_has_no_zone_however_it_was_made(address: str, zone: str):
    zoned, plain = IPv6Address(f"{address}%{zone}"), IPv6Address(FAR)
    for source, destination in ((zoned, plain), (plain, zoned)):
        with pytest.raises(EdgeError, match="have no zone"):
            CallFlow("udp", source, None, destination, None)


@pytest.mark.parametrize("port", [True, False])
def test_a_truth_value_is_no_port(port: Any):
    with pytest.raises(EdgeError, match="is no port"):
        call_list.parse_flow(request(NEAR, FAR, port))
    with pytest.raises(EdgeError, match="ports are 0 to 65535"):
        CallFlow("udp", IPv6Address(NEAR), port, IPv6Address(FAR), None)


@given(addresses, zones)
def test_documents_hold_no_address_with_a_zone(address: str, zone: str):
    for kind in hosts:
        with pytest.raises(ValidationError):
            kind.validate_python(f"{address}%{zone}")
    for kind in networks:
        with pytest.raises(ValidationError):
            kind.validate_python(f"{address}%{zone}/128")


def test_documents_hold_addresses_and_prefixes_without_a_zone():
    assert hosts[1].validate_python(NEAR) == NEAR
    assert [str(kind.validate_python("fd00::/64")) for kind in networks] == ["fd00::/64"] * 2
