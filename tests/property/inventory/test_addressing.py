from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import addressing
from inventory.addressing import MAX_CIRCUIT, MAX_DEVICE, MAX_GATEWAY, MAX_SITE
from inventory.model import AddressPlan, Segment
from tests.rigs.examples import examples

PLAN = AddressPlan(
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/14"),
    IPv4Network("172.20.0.0/14"),
    IPv6Network("fd5a:6e61:6700::/40"),
)
MANY = 20_000

sites = st.integers(1, MAX_SITE)
circuits = st.integers(1, MAX_CIRCUIT)
devices = st.integers(1, MAX_DEVICE)


@st.composite
def plans(draw):
    """Plans of any size whose parts share no address, and the highest numbers they hold."""
    lengths = {"sites": (8, 22), "loopbacks": (14, 28), "links": (14, 30)}
    size = {name: draw(st.integers(*bounds)) for name, bounds in lengths.items()}
    return AddressPlan(
        IPv4Network(("10.0.0.0", size["sites"])),
        IPv4Network(("172.16.0.0", size["loopbacks"])),
        IPv4Network(("172.20.0.0", size["links"])),
        IPv6Network(("fd00::", draw(st.integers(8, 58)))),
    )


def lans(site):
    return [addressing.segment4(PLAN, site, segment) for segment in Segment]


def lans6(site):
    return [addressing.segment6(PLAN, site, segment) for segment in Segment]


def assert_disjoint(prefixes):
    spans = sorted((int(p.network_address), int(p.broadcast_address)) for p in prefixes)
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


def test_twenty_thousand_sites_share_no_ipv4_address():
    assert addressing.block_capacity(PLAN).sites >= MANY
    assert_disjoint(addressing.site_block4(PLAN, n) for n in range(1, MANY + 1))


def test_twenty_thousand_sites_share_no_ipv6_address():
    blocks = [addressing.site_block6(PLAN, n) for n in range(1, MANY + 1)]
    assert_disjoint([*blocks, addressing.loopbacks6(PLAN), addressing.links6(PLAN)])


def test_twenty_thousand_circuits_share_no_address():
    numbers = range(1, MANY + 1)
    assert addressing.block_capacity(PLAN).circuits >= MANY
    for link in (addressing.link4, addressing.link6):
        ends = [int(end) for n in numbers for end in link(PLAN, n)]
        assert len(set(ends)) == 2 * MANY


def test_twenty_thousand_sites_of_seven_devices_share_no_loopback():
    pairs = [(n, k) for n in range(1, MANY + 1) for k in range(1, MAX_DEVICE + 1)]
    for loopback in (addressing.loopback4, addressing.loopback6):
        assert len({int(loopback(PLAN, n, k)) for n, k in pairs}) == len(pairs)


def test_twenty_thousand_tunnels_share_no_address():
    tunnels = {int(addressing.tunnel4(PLAN, n)) for n in range(1, MANY + 1)}
    assert len(tunnels) == MANY
    assert addressing.tunnel4(PLAN, MAX_CIRCUIT) in PLAN.ipv4_tunnels


def test_a_circuit_beyond_the_addresses_of_tunnels_has_no_room():
    small = replace(PLAN, ipv4_tunnels=IPv4Network("172.24.0.0/24"))
    assert addressing.block_capacity(small).circuits == 255
    assert addressing.tunnel4(small, 255) in small.ipv4_tunnels


@given(sites)
def test_the_lans_of_a_site_are_disjoint_and_within_its_block(site):
    assert_disjoint(lans(site))
    assert_disjoint(lans6(site))
    assert all(lan.subnet_of(addressing.site_block4(PLAN, site)) for lan in lans(site))
    assert all(lan.subnet_of(addressing.site_block6(PLAN, site)) for lan in lans6(site))


@given(sites, sites)
def test_two_sites_never_meet(one, other):
    if one != other:
        assert_disjoint([*lans(one), *lans(other)])
        assert_disjoint([*lans6(one), *lans6(other)])


@given(st.lists(sites, unique=True, max_size=50), sites)
def test_another_site_moves_nobody(present, added):
    before = {n: (lans(n), lans6(n)) for n in present}
    after = {n: (lans(n), lans6(n)) for n in sorted({*present, added})}
    assert all(after[n] == before[n] for n in present)


@given(circuits)
def test_a_circuit_has_two_ends_in_one_prefix_for_itself(circuit):
    for link, length in ((addressing.link4, 31), (addressing.link6, 127)):
        a, b = link(PLAN, circuit)
        assert a.network == b.network
        assert a.network.prefixlen == length
        assert int(b) == int(a) + 1
        assert int(a) % 2 == 0


@given(sites, devices, circuits)
def test_every_address_lies_within_its_part_of_the_plan(site, device, circuit):
    assert addressing.site_block4(PLAN, site).subnet_of(PLAN.ipv4_sites)
    assert addressing.loopback4(PLAN, site, device) in PLAN.ipv4_loopbacks
    assert all(end.ip in PLAN.ipv4_links for end in addressing.link4(PLAN, circuit))
    assert addressing.site_block6(PLAN, site).subnet_of(PLAN.ipv6)
    assert addressing.loopback6(PLAN, site, device) in addressing.loopbacks6(PLAN)
    assert all(end.ip in addressing.links6(PLAN) for end in addressing.link6(PLAN, circuit))


@settings(max_examples=examples(200))
@given(plans())
def test_the_highest_numbers_of_any_plan_still_fit(plan):
    room = addressing.block_capacity(plan)
    if room.sites:
        assert addressing.site_block4(plan, room.sites).subnet_of(plan.ipv4_sites)
        assert addressing.loopback4(plan, room.sites, MAX_DEVICE) in plan.ipv4_loopbacks
        block = addressing.site_block6(plan, room.sites)
        assert block.subnet_of(plan.ipv6)
        assert_disjoint([block, addressing.loopbacks6(plan), addressing.links6(plan)])
        assert addressing.loopback6(plan, room.sites, MAX_DEVICE) in addressing.loopbacks6(plan)
    if room.circuits:
        assert addressing.link4(plan, room.circuits)[1].ip in plan.ipv4_links


def test_the_layout_of_a_site_is_the_documented_one():
    assert {segment: str(addressing.segment4(PLAN, 9, segment)) for segment in Segment} == {
        Segment.PROFESSIONALS: "10.0.18.0/25",
        Segment.PATIENTS: "10.0.18.128/25",
        Segment.DEVICES: "10.0.19.0/25",
        Segment.CLINICAL: "10.0.19.128/26",
        Segment.MANAGEMENT: "10.0.19.192/27",
    }
    assert str(addressing.segment6(PLAN, 9, Segment.CLINICAL)) == "fd5a:6e61:6700:90::/64"
    assert str(addressing.loopback4(PLAN, 9, 1)) == "172.16.0.73"
    assert str(addressing.loopback6(PLAN, 9, 1)) == "fd5a:6e61:67ff:ffff::49"
    assert [str(end) for end in addressing.link4(PLAN, 12)] == ["172.20.0.24/31", "172.20.0.25/31"]
    assert str(addressing.link6(PLAN, 12)[1]) == "fd5a:6e61:67ff:fffe::19/127"


def test_overlapping_parts_of_a_plan_are_found_in_pairs():
    plan = AddressPlan(PLAN.ipv4_sites, IPv4Network("10.4.0.0/14"), PLAN.ipv4_links, PLAN.ipv6)
    assert list(addressing.find_overlaps(plan)) == [("ipv4_sites", "ipv4_loopbacks")]
    assert not list(addressing.find_overlaps(PLAN))


@given(st.integers(1, MAX_GATEWAY), st.integers(1, addressing.people_capacity(PLAN)))
def test_an_address_tells_which_device_has_it_behind_any_gateway(gateway, device):
    for address_of in (addressing.people4, addressing.people6):
        assert addressing.people_number(PLAN, gateway, address_of(PLAN, gateway, device)) == device


@given(st.integers(1, MAX_GATEWAY), sites)
def test_addresses_of_gateways_and_of_sites_are_nobodys_devices(gateway, site):
    others = [
        addressing.gateway4(PLAN, gateway),
        addressing.gateway6(PLAN, gateway),
        addressing.people_block4(PLAN, gateway)[0],
        addressing.people_block4(PLAN, gateway)[-1],
        addressing.people_block6(PLAN, gateway)[-1],
        addressing.people4(PLAN, gateway % MAX_GATEWAY + 1, 1),
        addressing.people6(PLAN, gateway % MAX_GATEWAY + 1, 1),
        lans(site)[0][1],
        lans6(site)[0][1],
    ]
    assert [addressing.people_number(PLAN, gateway, one) for one in others] == [None] * len(others)
