"""Floods with the marks of consultations, done to real daemons while a call goes over a cut."""

from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from simulations.netns.waiting import eventually, pause
from tests.rigs.edge.edge_site import FIRST, OTHER, SOON_S, Site, call, made_well
from tests.rigs.edge.flooded_site import PATIENT, ROOM, filter_by, flood, flooded_site

pytestmark = pytest.mark.netns

EF, BEST_EFFORT = 0xB8, 0
SOUND = "consultation-audio"
FLOOD_MBPS = 15.0
BEFORE_S, AFTER_S = 3.0, 10.0
# What a busy machine may add to what the same flood without marks costs.
SLACK = 10


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with flooded_site("f") as made:
        yield made


def cut_under(site: Site, source: IPv4Address, tos: int) -> int:
    """Return what a call loses when the best circuit is cut during a flood."""
    made_well(site)
    with call(site) as lost, flood(site, source, tos, FLOOD_MBPS):
        pause(BEFORE_S)
        site.world.cut(FIRST)
        eventually(lambda: site.way(SOUND) == OTHER, within_s=SOON_S, what="leaving what is cut")
        pause(AFTER_S)
    return lost[0]


@pytest.mark.long
def test_a_flood_with_marks_from_patients_costs_a_call_no_more_than_one_without(site):
    filter_by(site, segments=True)
    plain, marked = (cut_under(site, PATIENT, tos) for tos in (BEST_EFFORT, EF))
    filter_by(site, segments=False)
    trusted = cut_under(site, PATIENT, EF)
    assert marked <= plain + SLACK
    assert trusted > marked + SLACK


@pytest.mark.long
def test_a_flood_from_one_room_does_not_take_the_call_of_another(site):
    filter_by(site, segments=True)
    limited = cut_under(site, ROOM, EF)
    filter_by(site, segments=False)
    trusted = cut_under(site, ROOM, EF)
    assert limited <= SLACK
    assert trusted > limited + SLACK


@pytest.mark.long
def test_with_a_filter_a_call_loses_nothing_when_its_circuit_is_cut(site):
    filter_by(site, segments=True)
    made_well(site)
    with call(site) as lost:
        site.world.cut(FIRST)
        eventually(lambda: site.way() == OTHER, within_s=SOON_S, what="leaving the cut circuit")
    assert lost == [0]
