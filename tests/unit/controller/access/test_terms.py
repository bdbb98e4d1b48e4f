"""What other terms change, told in full, and who reaches more or less by it."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from controller.access.registrar import AccessDiff
from inventory.model import Ports
from tests.rigs.people.people_rig import ACT, NGONO, TERMS, make_registrar, nowhere
from vpn.grants.packet_filter import FilterOpening
from vpn.people.terms import diff_terms


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


NETS = tuple(ip_network(f"10.0.{n}.0/24") for n in range(6))
HTTPS = Ports("tcp", 443, 443)


def opened_to(*openings):
    return replace(TERMS, openings=openings)


def test_a_prefix_that_takes_another_s_place_is_a_difference_however_many_there_are(registrar):
    before = opened_to(FilterOpening("oncologists", (HTTPS,), NETS[:5]))
    after = opened_to(FilterOpening("oncologists", (HTTPS,), (*NETS[:4], NETS[5])))
    assert list(diff_terms(before, after)) == [
        "~ what is open to oncologists: + 10.0.5.0/24 on tcp/443; - 10.0.4.0/24 on tcp/443"
    ]
    registrar.add(NGONO, "tablet", ACT, nowhere)
    registrar.accept(before, ACT)
    assert registrar.diff(after) == AccessDiff((NGONO.name,), (NGONO.name,))
    assert list(diff_terms(before, opened_to(*before.openings, *before.openings))) == []


def test_who_reaches_more_loses_nothing(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    registrar.accept(opened_to(FilterOpening("oncologists", (HTTPS,), NETS[:2])), ACT)
    for wider in (
        FilterOpening("oncologists", (), NETS[:2]),
        FilterOpening("oncologists", (Ports("tcp", 1, 500),), NETS[:2]),
        FilterOpening("oncologists", (HTTPS,), (ip_network("10.0.0.0/16"),)),
    ):
        assert registrar.diff(opened_to(wider)) == AccessDiff((NGONO.name,), ())
    others = opened_to(
        FilterOpening("oncologists", (HTTPS,), NETS[:2]), FilterOpening("nurses", (), NETS)
    )
    assert registrar.diff(others) == AccessDiff((), ())


def test_without_gateways_everybody_loses_and_people_can_be_changed(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    none = replace(TERMS, gateways=())
    assert registrar.diff(none) == AccessDiff((), (NGONO.name,))
    registrar.accept(none, ACT)
    registrar.change(replace(NGONO, site="mora"), ACT)
    assert registrar.store.entry(NGONO.name).person.site == "mora"


def test_a_title_and_a_key_of_people_s_own_are_differences():
    (group, *rest), (gateway, *others) = TERMS.groups, TERMS.gateways
    renamed = replace(TERMS, groups=(replace(group, title="X"), *rest))
    assert list(diff_terms(TERMS, renamed)) == ["~ the title of oncologists: Oncologists becomes X"]
    own = replace(TERMS, gateways=(replace(gateway, kept=True), *others))
    (line,) = diff_terms(TERMS, own)
    assert line.endswith("of people's own")
