"""Scenarios in which several things fail or come back at once: which of them is a cause.

In each, what the controller finds, what the plain oracle asks for, and what is written are one.
"""

import pytest

from controller.incidents.model import NoticeKind
from tests.rigs.incidents.monday import window
from tests.rigs.incidents.retelling import Retelling
from tests.rigs.incidents.story import device

LEO = "provider:leo"
CHAIN = (
    ("t1", "s0-r1", "s1-r1"),
    ("t2", "s1-r1", "s2-r1"),
    ("t3", "s1-r1", "s3-r1"),
    ("s0-leo", "s0-r1", LEO),
    ("s2-leo", "s2-r1", LEO),
)
PAIR = (
    ("s1-inside", "s1-r1", "s1-r2"),
    ("t1", "s0-r1", "s1-r2"),
    ("m0", "s0-r1", "s1-r1"),
    ("s0-leo", "s0-r1", LEO),
)


def opened(net):
    return sorted(net.story.sent(NoticeKind.OPENED))


def test_a_site_that_fails_anew_is_not_the_old_incident_of_a_circuit_first_taken_for_it():
    net = Retelling(*CHAIN)
    assert net.become(cut=["t2"]) == ["t2"] == net.due()
    now = net.become(cut=["t2"], dead=["s2-r1", "s3-r1"])
    assert now == ["s2", "t2", "t3"] == net.due()
    assert net.become(cut=["t2"], dead=["s1-r1", "s3-r1"]) == ["t1", "t2", "t3"] == net.due()
    assert net.become(cut=["t1"], dead=["s1-r1", "s3-r1"]) == ["t1", "t2", "t3"] == net.due()
    now = net.become(cut=["t1"], dead=["s1-r1", "s2-r1", "s3-r1"])
    assert now == ["s2", "t1", "t2", "t3"] == net.due()


def test_a_router_that_failed_first_stays_an_incident_when_its_whole_site_fails_later():
    net = Retelling(*PAIR, ("t2", "s1-r1", "s2-r1"), ("m2", "s0-r1", "s2-r1"))
    assert net.become(dead=["s1-r1"]) == ["s1-r1"] == net.due()
    assert net.become(dead=["s1-r1", "s1-r2"]) == ["s1", "s1-r1"] == net.due()


@pytest.mark.parametrize("back", ["s1-r1", "s1-r2"])
def test_a_router_that_stays_silent_when_its_site_comes_back_keeps_the_incident(back):
    left = {"s1-r1": "s1-r2", "s1-r2": "s1-r1"}[back]
    net = Retelling(*PAIR)
    assert net.become(dead=["s1-r1", "s1-r2"]) == ["s1"] == net.due()
    assert net.become(dead=[left], cut=["s1-inside"]) == [left] == net.due()
    assert opened(net) == ["s1"]
    assert net.become(dead=[]) == [] == net.due()
    assert net.story.sent(NoticeKind.ENDED) == [left]


def test_a_site_whose_routers_come_back_one_after_the_other_ends_without_another_name():
    net = Retelling(*PAIR)
    net.become(dead=["s1-r1", "s1-r2"])
    story, told = net.story, len(net.story.notices)
    net.truth.dead = {"s1-r1"}
    story.hear(*net.words(), *net.votes())
    story.wait(8)
    net.truth.dead = set()
    story.hear(*net.words(), *net.votes())
    story.wait(60)
    assert story.roots() == []
    assert [(n.kind, n.incident.root.name) for n in story.notices[told:]] == [
        (NoticeKind.ENDED, "s1")
    ]


def test_a_circuit_heard_dead_before_its_silent_device_moves_into_the_devices_incident():
    net = Retelling(*PAIR)
    assert net.become(dead=["s1-r1", "s1-r2"]) == ["s1"] == net.due()
    assert net.become(dead=["s1-r1"], deaf=True) == ["collector-1", "s1"] == net.due()
    assert net.become(dead=["s1-r1"], votes_after_s=9.0) == ["s1-r1"] == net.due()
    assert opened(net) == ["collector-1", "s1"]


def test_a_site_that_had_failed_stays_the_cause_until_it_is_asked_again():
    net = Retelling(("t1", "s0-r1", "s1-r1"), ("s0-leo", "s0-r1", LEO), ("s1-leo", "s1-r1", LEO))
    assert net.become(dead=["s1-r1"]) == ["s1"] == net.due()
    net.become(dead=["s1-r1"], deaf=True)
    now = net.become(dead=["s1-r1"], cut=["s0-leo"], votes_after_s=9.0)
    assert now == ["s0-leo", "s1"] == net.due()
    assert opened(net) == ["collector-1", "s0-leo", "t1"]


def test_a_window_over_a_router_keeps_quiet_while_its_site_is_only_in_doubt():
    net = Retelling(
        *PAIR, ("m1", "s0-r1", "s1-r1"), ("t2", "s0-r1", "s2-r1"), ("m2", "s2-r1", "s1-r1")
    )
    net.truth.maintained.add(device("s1-r1"))
    order = window(device("s1-r1"), "11:00", "20:00")
    assert net.become(orders=[order], dead=["s1-r1"], votes_after_s=9.0) == [] == net.due()
    assert net.story.notices == []
    assert net.become(dead=["s1-r1", "s1-r2"]) == ["s1"] == net.due()


def test_a_window_over_every_router_of_a_site_is_one_over_the_site():
    net = Retelling(("t1", "s0-r1", "s1-r1"), ("m1", "s0-r1", "s1-r1"))
    net.truth.maintained.add(device("s1-r1"))
    order = window(device("s1-r1"), "11:00", "20:00")
    assert net.become(orders=[order], dead=["s1-r1"]) == [] == net.due()
    assert net.story.notices == []


def test_an_old_good_word_of_one_end_does_not_mend_what_the_other_end_saw_dead_later():
    net = Retelling(("t1", "s0-r1", "s1-r1"), ("t2", "s0-r1", "s2-r1"), ("m0", "s1-r1", "s2-r1"))
    assert net.become(cut=["t2"]) == ["t2"] == net.due()
    assert net.become(cut=["t2", "m0"]) == ["m0", "t2"] == net.due()
    assert net.become(cut=["t1", "t2", "m0"]) == ["m0", "t1", "t2"] == net.due()
    assert net.become(cut=["t1", "m0"], words_after_s=12.0) == ["m0", "t1"] == net.due()
    assert net.story.sent(NoticeKind.ENDED) == ["t2"]


def test_a_site_in_doubt_gives_its_incident_to_its_router_and_not_to_a_failure_behind_it():
    net = Retelling(
        ("s1-inside", "s1-r1", "s1-r2"),
        ("s2-inside", "s2-r1", "s2-r2"),
        ("t1", "s0-r1", "s1-r1"),
        ("t2", "s1-r1", "s2-r1"),
        ("m1", "s0-r1", "s2-r1"),
        ("m2", "s0-r1", "s2-r1"),
        ("m3", "s0-r1", "s2-r2"),
        ("t3", "s1-r2", "s3-r1"),
        ("m4", "s0-r1", "s3-r1"),
    )
    assert net.become(dead=["s1-r1", "s2-r1"]) == ["s1-r1", "s2-r1"] == net.due()
    assert len(opened(net)) == 2


def test_a_site_that_comes_back_leaves_its_incident_to_its_own_router_and_not_to_one_behind_it():
    net = Retelling(
        ("s1-inside", "s1-r1", "s1-r2"),
        ("t1", "s0-r1", "s1-r1"),
        ("m0", "s0-r1", "s1-r2"),
        ("s2-inside", "s2-r1", "s2-r2"),
        ("t2", "s1-r1", "s2-r1"),
        ("m2", "s1-r1", "s2-r2"),
    )
    assert net.become(dead=["s1-r1", "s1-r2", "s2-r1"]) == ["s1"] == net.due()
    now = net.become(dead=["s1-r2", "s2-r1"])
    assert now == ["s1-r2", "s2-r1"] == net.due()
    (first,) = [i for i in net.story.state.incidents.values() if i.number == 1]
    assert first.root == device("s1-r2")


def test_a_cut_seen_after_a_site_came_back_is_another_incident_than_its_silent_router():
    net = Retelling(
        *PAIR, ("t2", "s1-r1", "s2-r1"), ("m2", "s0-r1", "s2-r1"), ("m1", "s0-r1", "s1-r2")
    )
    assert net.become(cut=["s1-inside"]) == ["s1-inside"] == net.due()
    assert net.become(cut=["s1-inside", "t1"], dead=["s1-r1", "s1-r2"]) == ["s1", "s1-inside"]
    now = net.become(cut=["s1-inside", "t1"], dead=["s1-r1"])
    assert now == ["s1-inside", "s1-r1", "t1"] == net.due()


BESIDE = (("t1", "s0-r1", "s1-r1"), ("t2", "s1-r1", "s2-r1"), ("m2", "s0-r1", "s2-r1"))


def test_what_a_device_said_of_a_circuit_while_its_far_end_was_dead_does_not_count_later():
    net = Retelling(*BESIDE)
    assert net.become(dead=["s1-r1"]) == ["s1"] == net.due()
    assert net.become(dead=["s2-r1"]) == ["s2"] == net.due()
    assert opened(net) == ["s1", "s2"]


def test_what_a_device_said_of_a_circuit_while_its_far_end_lived_counts_after_its_death():
    net = Retelling(*BESIDE)
    assert net.become(cut=["t2"]) == ["t2"] == net.due()
    assert net.become(cut=["t2"], dead=["s2-r1"]) == ["m2", "t2"] == net.due()


def test_a_router_that_fails_alone_is_not_first_taken_for_its_whole_site():
    net = Retelling(*PAIR, ("t2", "s1-r1", "s2-r1"), ("m2", "s0-r1", "s2-r1"))
    assert net.become(dead=["s1-r1"]) == ["s1-r1"] == net.due()
    assert opened(net) == ["s1-r1"]
    assert all("S1 has lost its power" not in change.sentence for change in net.story.changes)
