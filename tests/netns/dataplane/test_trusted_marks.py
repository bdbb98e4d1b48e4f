"""Whose code points of consultations an edge trusts, by real packets, and how many of a host."""

import time
from collections.abc import Iterator
from itertools import product

import pytest

from edge.nftables import call_flows, nft
from edge.nftables.call_flows import CallFlow
from edge.nftables.trusted_marks import host_limit
from inventory.model import Segment
from policies.clinical import read_catalogue
from simulations.netns.namespaces import entered_namespace
from tests.rigs.edge.crafted_packets import Crafted
from tests.rigs.edge.filter_world import FilterWorld, filter_world
from tests.rigs.edge.segments import HERE, SERVER, THERE, service_ports

pytestmark = pytest.mark.netns

VERSIONS = (4, 6)
EF, AF41, AF21 = 46, 34, 18
CARE = (EF, AF41)
ROOM = 1_000
MANY = 1_500
SERVICE = {
    Segment.CLINICAL: "records",
    Segment.PROFESSIONALS: "records",
    Segment.PATIENTS: "portal",
    Segment.DEVICES: "imaging",
    Segment.MANAGEMENT: "backup",
}


@pytest.fixture(scope="module")
def made() -> Iterator[FilterWorld]:
    with filter_world() as built:
        yield built


@pytest.fixture
def world(made: FilterWorld) -> FilterWorld:
    made.load(made.wanted)
    return made


def packet(
    world: FilterWorld, source: Segment, version: int, dscp: int, *, number: int = 0, host: int = 10
) -> Crafted:
    """Return a packet to what a segment may reach at the other site; numbers tell them apart."""
    _, udp = service_ports([*read_catalogue().classes].index(SERVICE[source]))
    near = world.host(HERE, source, version, host)
    far = world.host(THERE, Segment.DEVICES, version, SERVER)
    return Crafted(near, far, "udp", udp.first, 20_000 + number, dscp)


def points(world: FilterWorld, sent: list[tuple[str, Crafted]]) -> dict[Crafted, int]:
    """Send packets, all of which pass; return the code point with which each came out."""
    found = world.passed(sent)
    assert len(found) == len(sent)
    return {one: came.dscp for one, came in found.items()}


def marked(world: FilterWorld) -> list[tuple[str, Crafted]]:
    return [
        (segment, packet(world, segment, version, dscp, number=dscp))
        for segment, version, dscp in product(Segment, VERSIONS, (*CARE, AF21))
    ]


def live(world: FilterWorld) -> set[CallFlow]:
    with entered_namespace(world.space("gate")):
        sets = [nft.set_elements("set", f"live{version}") for version in VERSIONS]
    return {flow for elements in sets for flow in call_flows.parse_flows(elements)}


def flow_of(one: Crafted) -> CallFlow:
    return CallFlow("udp", one.source, one.source_port, one.target, one.port)


def test_marks_of_consultations_are_trusted_from_the_consultation_rooms_alone(
    world: FilterWorld,
) -> None:
    sent = marked(world)
    came = points(world, sent)
    for segment, one in sent:
        trusted = segment == Segment.CLINICAL or one.dscp not in CARE
        assert came[one] == (one.dscp if trusted else 0), (segment, one)
    rooms = {flow_of(one) for segment, one in sent if segment == Segment.CLINICAL}
    assert live(world) == {
        flow for flow in rooms if flow.source_port in {20_000 + point for point in CARE}
    }


def test_without_a_filter_marks_are_trusted_everywhere(world: FilterWorld) -> None:
    world.load(None)
    sent = marked(world)
    assert points(world, sent) == {one: one.dscp for _, one in sent}


def test_an_announced_flow_is_trusted_wherever_it_comes_from(world: FilterWorld) -> None:
    mark = call_flows.mark_of(world.policy(world.wanted), "consultation-audio")
    for version in VERSIONS:
        tablet, beside = (packet(world, Segment.PATIENTS, version, EF, number=n) for n in (1, 2))
        with entered_namespace(world.space("gate")):
            nft.load_ruleset(call_flows.add_text(flow_of(tablet), mark, 60))
        came = points(world, [("patients", tablet), ("patients", beside)])
        assert (came[tablet], came[beside]) == (EF, 0)
        assert flow_of(tablet) in live(world)


def flood(world: FilterWorld, segment: Segment, version: int, host: int) -> list[int]:
    """Return the code points with which a flood of a host came out."""
    several = [
        (segment.value, heavy(packet(world, segment, version, EF, number=number, host=host)))
        for number in range(MANY)
    ]
    return list(points(world, several).values())


def heavy(one: Crafted) -> Crafted:
    """Return a packet with something in it."""
    return Crafted(one.source, one.target, one.protocol, one.port, one.source_port, one.dscp, ROOM)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_has_a_few_consultations_and_the_rest_of_what_it_marks_is_ordinary(
    world: FilterWorld, version: int
) -> None:
    limit = host_limit(world.policy(world.wanted))
    size = ROOM + len(packet(world, Segment.CLINICAL, version, EF).octets())
    began_s = time.monotonic()
    came = flood(world, Segment.CLINICAL, version, host=10)
    took_s = time.monotonic() - began_s
    trusted = came.count(EF)
    assert set(came) == {EF, 0}
    # What has been saved up in a second, and what came in while the flood went on.
    assert 0.9 * limit < trusted * size < limit * (1.1 + took_s)
    neighbour = packet(world, Segment.CLINICAL, version, EF, number=9_999, host=20)
    assert points(world, [("clinical", neighbour)]) == {neighbour: EF}


def test_hosts_at_which_services_answer_send_as_much_as_they_must(world: FilterWorld) -> None:
    several = []
    for number in range(MANY):
        asked = packet(world, Segment.CLINICAL, 4, EF, number=number)
        server = world.host(HERE, Segment.DEVICES, 4, SERVER)
        room = world.host(THERE, Segment.CLINICAL, 4)
        question = Crafted(room, server, "udp", asked.port, asked.source_port, EF, ROOM)
        several.append(question)
    assert len(world.passed([("far", one) for one in several])) == MANY
    answers = [Crafted(q.target, q.source, "udp", q.source_port, q.port, EF, ROOM) for q in several]
    assert set(points(world, [("devices", one) for one in answers]).values()) == {EF}
