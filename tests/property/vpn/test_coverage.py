"""What covers what: prefixes and ports, against counting every address and port."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Ports
from vpn.grants.coverage import covers_way, ways_opened
from vpn.grants.packet_filter import FilterOpening

PREFIXES = st.builds(
    lambda value, length: IPv4Network(
        (0x0A000000 + (value >> 3 - length << 3 - length), 29 + length)
    ),
    st.integers(0, 7),
    st.integers(0, 3),
)
PORTS = st.none() | st.builds(
    lambda kind, first, more: Ports(kind, first, first + more),
    st.sampled_from(["tcp", "udp"]),
    st.integers(1, 4),
    st.integers(0, 3),
)
WAYS = st.lists(st.tuples(PREFIXES, PORTS), max_size=6)


def reached(found):
    """Return every address, protocol and port that ways lead to; port 0 stands for all others."""
    return {
        (address, kind, port)
        for prefix, ports in found
        for address in prefix
        for kind in ("tcp", "udp", "icmp")
        for port in range(9)
        if ports is None or (ports.protocol == kind and ports.first <= port <= ports.last)
    }


@given(WAYS, WAYS)
def test_what_covers_reaches_at_least_as_much(wider, narrower):
    if covers_way(wider, narrower):
        assert reached(narrower) <= reached(wider)


@given(WAYS, st.tuples(PREFIXES, PORTS))
def test_a_way_that_lies_within_one_other_is_covered(wider, way):
    within = any(reached([way]) <= reached([one]) for one in wider)
    assert covers_way(wider, [way]) == within


@given(WAYS)
def test_everything_covers_itself_and_nothing(found):
    assert covers_way(found, found)
    assert covers_way(found, [])
    assert covers_way([], found) == (not found)


def test_families_do_not_cover_each_other():
    everything = [(IPv6Network("::/0"), None)]
    assert not covers_way(everything, [(IPv4Network("10.0.0.0/8"), None)])


def test_openings_are_ways_on_each_of_their_ports():
    https, turn = Ports("tcp", 443, 443), Ports("udp", 3478, 3478)
    some = (ip_network("10.0.0.0/24"), ip_network("fd00::/64"))
    assert list(
        ways_opened([FilterOpening("a", (https, turn), some[:1]), FilterOpening("b", (), some[1:])])
    ) == [
        (some[0], https),
        (some[0], turn),
        (some[1], None),
    ]
