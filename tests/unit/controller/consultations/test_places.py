"""Where consultations are: sites of addresses, and what the edges of a site are told."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from controller.consultations.model import Announcement
from controller.consultations.places import MOST, edges_by_site, site_at, told_to_site
from controller.load import load
from edge.clock import Moment
from edge.selection.consultations import peers_in, read_announced
from inventory import addressing
from inventory.model import Segment
from tests.rigs.service.api_bench import SPUR

NOW_S = 10_000.0
CALL = Announcement(
    "call-1", ("kolofata", "yaounde"), "consultation-video", NOW_S - 60, NOW_S + 600, "clinic", 0.0
)


@pytest.fixture(scope="module")
def intent():
    return load(SPUR).intent


def machine(intent, site, version=4):
    """Return the address of a computer in a site's clinical network."""
    plan, number = intent.network.plan, intent.sites[site].number
    of = addressing.segment4 if version == 4 else addressing.segment6
    return str(of(plan, number, Segment.CLINICAL).network_address + 20)


@pytest.mark.parametrize("version", [4, 6])
def test_an_address_is_at_the_site_in_whose_networks_it_is(intent, version):
    assert site_at(intent, ip_address(machine(intent, "kolofata", version))) == "kolofata"
    assert site_at(intent, ip_address("192.0.2.1")) is None


def test_the_edges_of_a_site_are_told_of_their_consultations_alone(intent):
    assert [one["name"] for one in told_to_site(intent, "kolofata", [CALL], NOW_S)] == ["call-1"]
    assert told_to_site(intent, "mora", [CALL], NOW_S) == []
    over = replace(CALL, ends_s=NOW_S)
    back = replace(CALL, cancelled_s=NOW_S)
    assert told_to_site(intent, "kolofata", [over, back], NOW_S) == []


def test_times_are_told_from_now_and_machines_by_where_they_are(intent):
    here, there = machine(intent, "kolofata"), machine(intent, "yaounde")
    call = replace(CALL, addresses=(there, here))
    (told,) = told_to_site(intent, "kolofata", [call], NOW_S)
    assert (told["begins_in_s"], told["ends_in_s"]) == (-60.0, 600.0)
    assert (told["here"], told["there"]) == ([here], [there])


def test_an_edge_understands_it_and_finds_its_peer(intent):
    (told,) = told_to_site(intent, "kolofata", [CALL], NOW_S)
    now = Moment("boot", 5.0, 5.0, 0.0)
    (heard,) = read_announced([told], now)
    assert (heard.name, heard.left_s(now), heard.runs(now)) == ("call-1", 600.0, True)
    assert [site_at(intent, one) for one in heard.far] == ["yaounde"]
    assert peers_in([heard], NoPeers, now) == frozenset()  # type: ignore[arg-type]


class NoPeers:
    """A policy without peers."""

    peers = ()


def test_no_more_are_told_than_an_edge_takes_those_that_begin_first_before(intent):
    many = [replace(CALL, name=f"call-{n:03}", begins_s=NOW_S + n) for n in range(MOST + 9)]
    told = told_to_site(intent, "kolofata", reversed(many), NOW_S)
    assert [one["name"] for one in told] == [one.name for one in many[:MOST]]


def test_a_site_that_left_the_intent_is_left_out(intent):
    call = replace(CALL, sites=("kolofata", "atlantis"))
    (told,) = told_to_site(intent, "kolofata", [call], NOW_S)
    assert told["far"] == []


def test_edges_are_known_by_their_sites(intent):
    found = edges_by_site(intent)
    assert "kolofata-e1" in found["kolofata"]
    assert all(intent.devices[name].site == site for site, names in found.items() for name in names)
