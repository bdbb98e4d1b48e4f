"""What FRR says of BGP and BFD, and what that says of circuits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.incidents.model import Health, Source
from controller.polling import bgp
from controller.polling.bgp import PeerState, ShowError
from controller.polling.observing import Stamp
from inventory.addressing import link4, link6
from tests.rigs.snmp.readings import intent, network

FAR = str(link4(intent().network.plan, 1)[1].ip)
FAR6 = str(link6(intent().network.plan, 1)[1].ip)


def summary(**states):
    peers = {
        address.replace("_", "."): {"state": state, "peerUptimeMsec": 5000}
        for address, state in states.items()
    }
    return json.dumps({"ipv4Unicast": {"peers": peers}, "ipv6Unicast": {"peers": peers}})


def said(bgp_state, bfd_state="", address=FAR):
    peers = (PeerState(address, bgp_state),)
    found = bgp.session_observations(
        "mora-r1", peers, {address: bfd_state}, network(), (Stamp("noc", 4, 9.0), 8.0)
    )
    return [(one.subject.name, one.observer, one.source, one.state, one.reason) for one in found]


def test_neighbours_are_read_each_once():
    assert bgp.parse_bgp(summary(**{FAR.replace(".", "_"): "Established"})) == (
        PeerState(FAR, "Established", "", 5.0),
    )


def test_bfd_is_read_by_neighbour():
    told = json.dumps([{"peer": FAR, "status": "down"}, {"status": "up"}, 5])
    assert bgp.parse_bfd(told) == {FAR: "down"}


def test_a_neighbour_whose_bfd_is_down_is_told_before_bgp_is_asked():
    bfd = {FAR: "down", FAR6: "up"}
    peers = bgp.fallen_peers(bfd)
    moment = (Stamp("noc", 4, 9.0), 8.0)
    (found,) = bgp.session_observations("mora-r1", peers, bfd, network(), moment)
    assert (found.state, "BFD of mora-r1" in found.reason) == (Health.DOWN, True)
    assert bgp.fallen_peers({FAR: "up"}) == ()


@pytest.mark.parametrize(
    ("bgp_state", "bfd_state", "state", "reason"),
    [
        ("Established", "up", Health.OK, "BGP of mora-r1 with kolofata-r1 is established"),
        (
            "Active",
            "",
            Health.DEGRADED,
            "BGP of mora-r1 with kolofata-r1 is Active, not established",
        ),
        (
            "Idle",
            "down",
            Health.DOWN,
            "BFD of mora-r1 with kolofata-r1 is down: no packets come over eth1",
        ),
    ],
)
def test_a_session_says_how_its_circuit_is(bgp_state, bfd_state, state, reason):
    assert said(bgp_state, bfd_state) == [("mora-kolofata", "mora-r1", Source.BGP, state, reason)]


def test_a_neighbour_that_no_circuit_leads_to_says_nothing():
    assert said("Idle", address="192.0.2.1") == []


def test_of_two_sessions_over_a_circuit_the_worse_counts():
    peers = (PeerState(FAR, "Established"), PeerState(FAR6, "Active"))
    moment = (Stamp("noc", 4, 9.0), 8.0)
    (one,) = bgp.session_observations("mora-r1", peers, {}, network(), moment)
    assert one.state is Health.DEGRADED


@pytest.mark.parametrize("text", ["", "% Unknown command", "[" * 100_000, "{", '"x"' * 2])
def test_what_is_not_json_is_told(text):
    with pytest.raises(ShowError):
        bgp.parse_bgp(text)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_of_chance_is_read_or_told(value):
    bgp.parse_bgp(json.dumps(value))
    bgp.parse_bgp(json.dumps({"ipv4Unicast": {"peers": value}}))
    for made in (value, [value], [{"peer": value}]):
        if isinstance(made, list):
            bgp.parse_bfd(json.dumps(made))
        else:
            with pytest.raises(ShowError):
                bgp.parse_bfd(json.dumps(made))
