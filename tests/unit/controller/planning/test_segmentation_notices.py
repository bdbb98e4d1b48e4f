"""Where nothing keeps segments apart, what is shut, and what begins, in sentences."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

import pytest

from controller.intended.overlay import build_overlay
from controller.model import Change, DeviceConfig, Impact, Operational
from controller.planning.notices import first_filters, segmentation_notices
from controller.platforms.filter_block import assume_filters
from inventory.model import DataCentreZone, Intent, Platform, Role
from policies.clinical import read_catalogue
from tests.factories import Draft
from vpn.model import ServiceHost

ROUTED = "router bgp 65000\nexit\n!\n"
ZONES = ("a", "yaounde"), ("b", "maroua")
FILTER = "packet-filter\n table inet sanaga_segments {\n }\nexit\n!\n"


def _intent() -> Intent:
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.circuit("fibre", "yaounde-r1", "maroua-r1")
    return draft.intent()


def _told(intent: Intent, *hosts: ServiceHost) -> list[str]:
    return [*segmentation_notices(intent, build_overlay(intent), read_catalogue(), hosts)]


def _with(intent: Intent, **changes: object) -> Intent:
    device = replace(intent.devices["maroua-r1"], **changes)  # type: ignore[arg-type]
    return replace(intent, devices={**intent.devices, device.name: device})


def test_a_network_whose_gateways_all_filter_gets_no_word():
    assert _told(_intent()) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"packet_filter": False}, "'packet_filter: false' in the device"),
        ({"platform": Platform.IOS}, "there is no packet filter for the platform ios"),
        ({"role": Role.SWITCH}, "switches are not configured yet"),
        ({"role": Role.EDGE, "platform": Platform.LINUX}, "not managed yet"),
    ],
)
def test_gateway_that_does_not_filter_is_named_with_the_reason(
    changes: Mapping[str, object], why: str
):
    told = [f"maroua-r1 filters nothing between segments: {why}"]
    assert _told(_with(_intent(), **changes)) == told


def test_switch_that_is_no_gateway_has_nothing_to_filter():
    assert _told(_with(_intent(), role=Role.SWITCH, lan=False)) == []


def test_network_without_segmentation_is_told_in_one_sentence():
    intent = _with(_intent(), packet_filter=False)
    (told,) = _told(replace(intent, network=replace(intent.network, segmentation=False)))
    assert "segmentation: false" in told


def test_service_without_an_address_is_named_with_its_zones():
    intent = _intent()
    zones = {name: DataCentreZone(name, site, ("records",)) for name, site in ZONES}
    intent = replace(intent, zones=zones)
    (told,) = _told(intent)
    assert told.startswith("records cannot be reached in a and b: rules allow it, but ")
    (told,) = _told(intent, ServiceHost("records", "a", (ip_address("10.0.1.140"),), ()))
    assert told.startswith("records cannot be reached in b:")


def _change(before: str, after: str) -> Change:
    texts = DeviceConfig(before), DeviceConfig(after)
    return Change("maroua-r1", Platform.FRR, *texts, "", Impact.REROUTE, "")


def test_first_filter_of_a_router_that_carries_traffic_is_told():
    (told,) = first_filters([_change(ROUTED, ROUTED + FILTER)])
    assert told.startswith("maroua-r1 begins to filter between segments: what no rule opens ends")


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ROUTED + FILTER), (ROUTED + FILTER, FILTER), (ROUTED + FILTER, ROUTED), (ROUTED, "")],
)
def test_other_changes_begin_no_filter(before: str, after: str):
    assert [*first_filters([_change(before, after)])] == []


@pytest.mark.parametrize(
    ("saved", "assumed"),
    [
        (ROUTED, ROUTED + FILTER),
        (ROUTED + FILTER.replace(" }", " \tx\n }"), ROUTED + FILTER.replace(" }", " \tx\n }")),
        ("", ""),
        ("{}", "{}"),
    ],
)
def test_saved_text_that_cannot_tell_of_a_filter_is_taken_to_have_it(saved: str, assumed: str):
    seen = Operational({"maroua-r1": DeviceConfig(saved)}, {})
    found, untold = assume_filters({"maroua-r1": DeviceConfig(ROUTED + FILTER)}, seen)
    assert found.configs["maroua-r1"].text == assumed
    assert untold == (("maroua-r1",) if saved != assumed else ())
