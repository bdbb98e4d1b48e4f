"""Consultations that the controller announced: read, kept, and what they ask of an edge."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from edge.clock import Moment
from edge.selection.consultations import (
    FILE,
    MOST,
    load_announced,
    peers_in,
    read_announced,
    save_announced,
    wanted_flows,
)
from tests.rigs.edge.edge_policies import edge_policy

NOW = Moment("boot", 100.0, 7.0, 1.8e9)
LATER = replace(NOW, since_boot_s=200.0)
FAR, HERE = "10.0.1.1", "10.0.3.20"
TOLD = {
    "name": "6f0c2a94",
    "service": "consultation-video",
    "begins_in_s": -5,
    "ends_in_s": 90.5,
    "far": [FAR],
    "here": [HERE, "fd00::3"],
    "there": ["10.0.1.5", "fd00::1"],
}


def told(**changes):
    return {**TOLD, **changes}


def test_one_runs_between_its_times_and_is_over_by_itself():
    running, coming = read_announced([told(), told(begins_in_s=50)], NOW)
    assert (running.runs(NOW), coming.runs(NOW)) == (True, False)
    assert running.left_s(NOW) == 90.5
    at = replace(NOW, since_boot_s=155.0)
    assert coming.runs(at)
    assert not running.runs(LATER)
    assert not coming.runs(LATER)
    assert running.left_s(LATER) == 0


def test_a_clock_that_is_set_moves_nothing():
    (one,) = read_announced([TOLD], NOW)
    assert one.runs(replace(NOW, unix_s=0.0))
    assert not one.runs(replace(NOW, boot="another"))


def test_its_peer_is_the_one_behind_which_its_far_end_is():
    policy = edge_policy()
    running = read_announced([TOLD], NOW)
    assert peers_in(running, policy, NOW) == {"yaounde-e1"}
    assert peers_in(running, policy, LATER) == frozenset()
    assert peers_in(read_announced([told(far=["192.0.2.1"])], NOW), policy, NOW) == frozenset()


def test_its_flows_are_those_from_machines_here_to_machines_there():
    flows = wanted_flows(read_announced([TOLD], NOW), NOW)
    assert {(str(one.source), str(one.destination)) for one in flows} == {
        (HERE, "10.0.1.5"),
        ("fd00::3", "fd00::1"),
    }
    assert {one.protocol for one in flows} == {"udp"}
    assert wanted_flows(read_announced([told(begins_in_s=9)], NOW), NOW) == {}


def test_of_two_that_share_a_flow_the_longer_one_counts():
    both = read_announced([told(name="long", ends_in_s=500), told(name="short")], NOW)
    assert {one.name for one in wanted_flows(both, NOW).values()} == {"long"}


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "text",
        {},
        told(ends_in_s="soon"),
        told(ends_in_s=True),
        told(ends_in_s=1e9),
        told(ends_in_s=float("nan")),
        told(name="a\nb"),
        told(name=3),
        told(far="10.0.1.1"),
        told(far=["10.0.1"]),
        told(there=["fe80::1%eth0; flush ruleset"]),
    ],
)
def test_what_makes_no_sense_is_left_out_and_the_rest_is_taken(entry):
    assert [one.name for one in read_announced([entry, TOLD], NOW)] == [TOLD["name"]]


@pytest.mark.parametrize("message", [None, 7, {}, "text"])
def test_what_is_no_list_announces_nothing(message):
    assert read_announced(message, NOW) == ()


def test_no_more_are_taken_than_an_edge_has_room_for():
    assert len(read_announced([told(name=str(n)) for n in range(500)], NOW)) == MOST


def test_what_was_written_down_is_read_again_until_it_is_over(tmp_path):
    kept = read_announced([TOLD], NOW)
    save_announced(tmp_path, kept)
    assert load_announced(tmp_path, NOW) == kept
    assert load_announced(tmp_path, LATER) == ()
    assert load_announced(tmp_path, replace(NOW, boot="another")) == ()
    (tmp_path / FILE).write_text("{torn")
    assert load_announced(tmp_path, NOW) == ()
    assert IPv4Address(FAR) in kept[0].far
