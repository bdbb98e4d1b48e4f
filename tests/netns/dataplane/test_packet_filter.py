"""What an edge lets pass between segments, by real packets: the whole matrix, and what is forged.

The model is the list of rules alone; the control is the same matrix without a filter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

import pytest

from edge.nftables import nft
from inventory import addressing
from inventory.model import Segment
from policies.clinical import read_catalogue
from policies.segmentation import allowed_flows
from simulations.netns.namespaces import entered_namespace
from tests.rigs.edge.crafted_packets import PROTOCOLS, Crafted
from tests.rigs.edge.filter_world import (
    BEHIND,
    GOSSIP_PORT,
    INTERNET,
    MANAGEMENT_PORT,
    STRANGER,
    FilterWorld,
    Where,
    filter_world,
)
from tests.rigs.edge.segments import HERE, PEER, SERVER, THERE, service_ports

pytestmark = pytest.mark.netns

VERSIONS = (4, 6)
HOST_OF_NOBODY, FIRST_PORT = 13, 100
POLICIES = read_catalogue()
Sent = tuple[Where, Crafted]


@pytest.fixture(scope="module")
def made() -> Iterator[FilterWorld]:
    with filter_world() as built:
        yield built


@pytest.fixture
def world(made: FilterWorld) -> FilterWorld:
    made.load(made.wanted)
    return made


def between_segments(world: FilterWorld) -> Iterator[tuple[Sent, bool]]:
    """Yield a packet of each kind from each segment to each, within the site and both ways."""
    for source, target, kind, version in product(Segment, Segment, PROTOCOLS, VERSIONS):
        expected = allowed_flows(POLICIES, source, target).allowed
        ways: list[tuple[Where, str, str]] = [(source, HERE, THERE), ("far", THERE, HERE)]
        if source is not target:
            ways.append((source, HERE, HERE))
        for where, site, other in ways:
            ends = world.host(site, source, version), world.host(other, target, version)
            yield (where, Crafted(*ends, kind, 22)), expected


def to_services(world: FilterWorld) -> Iterator[tuple[Sent, bool]]:
    """Yield packets to each service at its ports, beside them, and by the other protocol."""
    for source, version in product(Segment, VERSIONS):
        for place, service in enumerate(POLICIES.classes):
            expected = allowed_flows(POLICIES, source, service).allowed
            tcp, udp = service_ports(place)
            for where, site, other in ((source, HERE, THERE), ("far", THERE, HERE)):
                near = world.host(site, source, version)
                far = world.host(other, Segment.DEVICES, version, SERVER)
                for kind, port, right in (
                    ("tcp", tcp.first, True),
                    ("udp", udp.first, True),
                    ("udp", udp.last, True),
                    ("udp", udp.last + 1, False),
                    ("udp", tcp.first, False),
                    ("tcp", udp.first, False),
                    ("icmp", tcp.first, False),
                ):
                    yield (where, Crafted(near, far, kind, port)), expected and right


def matrix(world: FilterWorld) -> dict[Sent, bool]:
    return dict((*between_segments(world), *to_services(world)))


def passing(expected: Iterable[tuple[Sent, bool]]) -> set[Crafted]:
    return {packet for (_, packet), passes in expected if passes}


def test_exactly_what_rules_open_passes(world: FilterWorld) -> None:
    expected = matrix(world)
    assert len(passing(expected.items())) > 100
    assert {*world.passed(expected)} == passing(expected.items())


def test_without_a_filter_everything_passes(world: FilterWorld) -> None:
    world.load(None)
    expected = matrix(world)
    assert {*world.passed(expected)} == {packet for _, packet in expected}


def test_answers_pass_and_nothing_else_that_comes_back(world: FilterWorld) -> None:
    _, udp = service_ports([*POLICIES.classes].index("records"))
    asked = [
        Crafted(
            world.host(HERE, Segment.CLINICAL, version),
            world.host(THERE, Segment.DEVICES, version, SERVER),
            "udp",
            udp.first,
            source_port=40_100,
        )
        for version in VERSIONS
    ]
    before = [("far", packet.answer) for packet in asked]
    assert not world.passed(before)
    assert {*world.passed([(Segment.CLINICAL, packet) for packet in asked])} == {*asked}
    assert {*world.passed(before)} == {packet.answer for packet in asked}
    # A rule that is withdrawn ends what it had opened.
    world.load(replace(world.wanted, openings=()))
    assert not world.passed([(Segment.CLINICAL, packet) for packet in asked])
    beside = [replace(packet.answer, port=packet.answer.port + 1) for packet in asked]
    assert not world.passed([("far", packet) for packet in beside])


def forged(world: FilterWorld) -> Iterator[Sent]:
    """Yield packets whose sources are not where they come from, to what those could reach."""
    blocks = addressing.people_blocks(world.intent.network.plan)
    for place, at in product(range(len(VERSIONS)), Segment):
        version = VERSIONS[place]
        others = {(s, site) for s, site in product(Segment, (HERE, THERE))} - {(at, HERE)}
        sources = [world.host(site, s, version, HOST_OF_NOBODY) for s, site in sorted(others)]
        rooms = world.host(THERE, Segment.CLINICAL, version)
        for source in (*sources, blocks[place][5], INTERNET[place]):
            yield at, Crafted(source, rooms, "udp", FIRST_PORT + [*Segment].index(at))


def test_a_lan_sends_from_its_own_addresses_alone(world: FilterWorld) -> None:
    several = list(forged(world))
    assert not world.passed(several)
    world.load(None)
    assert {*world.passed(several)} == {packet for _, packet in several}


def test_networks_of_others_open_nothing_and_forge_nothing(world: FilterWorld) -> None:
    several: list[Sent] = []
    for version in VERSIONS:
        stranger = INTERNET[VERSIONS.index(version)]
        mine = world.host(HERE, Segment.CLINICAL, version)
        theirs = world.host(THERE, Segment.MANAGEMENT, version)
        forged_source = world.host(THERE, Segment.CLINICAL, version)
        several.append(("outside", Crafted(stranger, mine, "udp", 7)))
        several.append(("outside", Crafted(forged_source, mine, "udp", 7)))
        managing = world.host("region-1", Segment.MANAGEMENT, version)
        several.append(("outside", Crafted(managing, theirs, "tcp", 22)))
    assert not world.passed(several)
    world.load(replace(world.wanted, outside=()))
    # Without that, the sender's network is nobody's, and the segment of a forged source decides.
    assert len(world.passed(several)) == len(several)


def test_addresses_outside_of_the_plan_are_of_no_segment(world: FilterWorld) -> None:
    out = [
        (segment, Crafted(world.host(HERE, segment, version), INTERNET[place], "tcp", 443))
        for segment in Segment
        for place, version in enumerate(VERSIONS)
    ]
    assert len(world.passed(out)) == len(out)


def test_people_are_judged_by_their_gateway_and_nobody_calls_them(world: FilterWorld) -> None:
    blocks = addressing.people_blocks(world.intent.network.plan)
    hosts = {block[5]: world.host(HERE, Segment.CLINICAL, block.version) for block in blocks}
    came = [("far", Crafted(person, host, "tcp", 443)) for person, host in hosts.items()]
    called = [
        (Segment.CLINICAL, Crafted(host, person, "tcp", 444)) for person, host in hosts.items()
    ]
    assert {*world.passed([*came, *called])} == {packet for _, packet in came}


def test_a_network_behind_a_lan_is_of_its_segment(world: FilterWorld) -> None:
    rooms, *others = world.wanted.lans
    world.load(replace(world.wanted, lans=(replace(rooms, behind=(BEHIND,)), *others)))
    inner = BEHIND[5]
    near, far, patient = (
        world.host(HERE, Segment.DEVICES, 4),
        world.host(THERE, Segment.CLINICAL, 4),
        world.host(THERE, Segment.PATIENTS, 4),
    )
    passing = [("far", Crafted(far, inner, "tcp", 80)), ("clinical", Crafted(inner, far, "udp", 7))]
    several = [
        *passing,
        ("far", Crafted(patient, inner, "tcp", 80)),
        ("far", Crafted(INTERNET[0], inner, "tcp", 80)),
        ("devices", Crafted(near, inner, "tcp", 80)),
        ("devices", Crafted(inner, far, "udp", 8)),
    ]
    assert {*world.passed(several)} == {packet for _, packet in passing}


def asked_of_the_gateway(world: FilterWorld) -> Iterator[tuple[Sent, bool]]:
    """Yield what hosts ask of the device, at its address on their LAN and at another."""
    for segment, version in product(Segment, VERSIONS):
        managing = segment is Segment.MANAGEMENT
        host, own = world.host(HERE, segment, version), world.own(segment, version)
        for kind, port, served in (
            ("icmp", 1, True),
            ("udp", 53, True),
            ("tcp", 53, True),
            ("udp", 123, True),
            ("udp", 67, True),
            ("tcp", 22, False),
            ("tcp", 179, False),
            ("udp", 5000, False),
        ):
            yield (segment, Crafted(host, own, kind, port)), served or managing
        yield (segment, Crafted(host, own, "tcp", GOSSIP_PORT)), False
        next_door = world.own([*Segment][[*Segment].index(segment) - 1], version)
        yield (segment, Crafted(host, next_door, "icmp", 2)), managing
        yield (segment, Crafted(host, next_door, "tcp", 53)), managing
        distant = world.host(THERE, segment, version)
        yield ("far", Crafted(distant, own, "tcp", 22)), managing
        yield ("far", Crafted(distant, own, "icmp", 3)), True
    for source, passes in ((PEER, True), (STRANGER, False)):
        yield ("far", Crafted(source, world.own(Segment.CLINICAL, 4), "tcp", GOSSIP_PORT)), passes
    for segment in Segment:
        forged_peer = Crafted(PEER, world.own(segment, 4), "tcp", GOSSIP_PORT, 41_000)
        yield (segment, forged_peer), False
    yield ("far", Crafted(INTERNET[0], world.management, "tcp", MANAGEMENT_PORT)), True
    yield ("far", Crafted(INTERNET[0], PEER + 1, "tcp", MANAGEMENT_PORT)), False
    six = world.own(Segment.CLINICAL, 6)
    yield ("far", Crafted(INTERNET[1], six, "tcp", MANAGEMENT_PORT)), False


def test_the_device_answers_its_own_hosts_and_its_peers_alone(world: FilterWorld) -> None:
    expected = dict(asked_of_the_gateway(world))
    assert {*world.passed(expected)} == passing(expected.items())


def test_without_a_filter_the_device_answers_everybody(world: FilterWorld) -> None:
    expected = dict(asked_of_the_gateway(world))
    world.load(None)
    assert {*world.passed(expected)} == {packet for _, packet in expected}


def test_what_was_dropped_is_no_change_of_the_tables(world: FilterWorld) -> None:
    with entered_namespace(world.space("gate")):
        before = nft.list_tables()
    host, there = (world.host(site, Segment.PATIENTS, 4) for site in (HERE, THERE))
    assert not world.passed([(Segment.PATIENTS, Crafted(host, there, "udp", 9))])
    assert world.dropped() > 0
    with entered_namespace(world.space("gate")):
        assert nft.list_tables() == before
        nft.load_ruleset("add rule inet sanaga segment_from_patients accept")
        assert nft.list_tables().digest != before.digest
