from dataclasses import replace

import pytest

from controller.drivers.frr import canonical
from controller.intended.render import one_line, render
from controller.intended.routers import intended_routers
from controller.intended.segments import segment_openings
from controller.model import Intended
from inventory.errors import PlanError
from inventory.model import Platform
from policies.clinical import read_catalogue
from tests.factories import hierarchy


def _intended(name: str = "region-1-r1") -> Intended:
    return intended_routers(hierarchy())[name]


def _filtering(name: str = "region-1-r1") -> Intended:
    intent = hierarchy()
    opened = segment_openings(read_catalogue(), (), intent.network.plan)
    return intended_routers(intent, (), opened)[name]


def test_rendered_text_is_already_canonical():
    for intended in intended_routers(hierarchy()).values():
        assert canonical(render(intended).text) == render(intended)


def test_packet_filter_stands_in_a_block_after_all_else_and_nothing_more_changes():
    text, without = render(_filtering()).text, render(_intended()).text
    assert text.startswith(without)
    assert text.removeprefix(without).startswith("packet-filter\n table inet sanaga_segments {\n")
    assert text.endswith("\n }\nexit\n!\n")
    assert canonical(text).text == text
    assert "packet-filter" not in without


@pytest.mark.parametrize("name", ['eth1" accept "x', 'e"\n drop', "eth 1", "", "eth1 }"])
def test_interface_name_that_is_no_word_is_refused_in_a_packet_filter(name: str):
    intended = _filtering()
    assert intended.packet_filter
    outside = replace(intended.packet_filter, outside=("eth9", name))
    with pytest.raises(PlanError, match="cannot stand in"):
        render(replace(intended, packet_filter=outside))


def test_rendering_twice_gives_the_same_fingerprint():
    assert render(_intended()).fingerprint == render(_intended()).fingerprint


def test_platform_without_a_template_is_an_error_that_says_what_to_do():
    with pytest.raises(PlanError, match=r"no template for platform junos; .*frr"):
        render(replace(_intended(), platform=Platform.JUNOS))


@pytest.mark.parametrize("name", ["eth1\n no router bgp", "eth 1", "", "eth1|x", "!"])
def test_interface_name_that_is_no_word_is_refused(name: str):
    intended = _intended()
    ports = (replace(intended.interfaces[0], name=name),)
    with pytest.raises(PlanError, match="cannot stand in a configuration"):
        render(replace(intended, interfaces=ports))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("x\n no router bgp 65000", "x no router bgp 65000"),
        ("a\r\v\f\x1c\x85\u2028\u2029b", "a b"),
        ("  Hôpital   de\tTokombéré ", "Hôpital de Tokombéré"),
        ("a | include b", "a / include b"),
        ("", "-"),
        ("\n\x00", "-"),
        ("\u202eevil\u200b", "evil"),
        ("é" * 200, "é" * 80),
        ("x" * 79 + " tail", "x" * 79),
        ("\ud800", "-"),
    ],
)
def test_free_text_becomes_one_printable_line(text: str, line: str):
    assert one_line(text) == line


def test_drained_circuit_uses_the_draining_policies_both_ways():
    intended = _intended()
    drained = tuple(replace(s, graceful_shutdown=True) for s in intended.sessions)
    text = render(replace(intended, sessions=drained)).text
    assert "route-map in-drained-" in text
    assert "route-map out-drained out" in text
    assert "out-drained out" not in render(intended).text


def test_every_cost_has_its_policies_on_every_router():
    text = render(_intended()).text
    for cost in range(1, 11):
        assert f"route-map in-circuit-{cost} permit 20\n set metric +{cost}\n" in text
        drained = f" set local-preference 0\n set metric +{10000 + cost}\n"
        assert f"route-map in-drained-{cost} permit 10\n{drained}" in text
        assert "  maximum-paths ibgp 1\n exit-address-family\n" in text
