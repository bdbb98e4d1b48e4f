"""What rules open, as the packet filters of devices."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from controller.intended.segments import device_filter, segment_openings, shut_services
from inventory.addressing import segment4, segment6
from inventory.model import Device, Intent, Ports, Segment, StaticRoute
from policies.clinical import read_catalogue
from policies.model import ZoneRule
from policies.packet_filter.canonical import filter_from_json, filter_json
from policies.packet_filter.model import PacketFilter, SegmentOpening
from tests.factories import hierarchy
from vpn.model import ServiceHost

RECORDS = ServiceHost("records", "yaounde", (ip_address("10.0.3.140"),), (Ports("tcp", 443, 443),))


def _filter(intent: Intent, device: Device) -> PacketFilter:
    opened = segment_openings(read_catalogue(), (RECORDS,), intent.network.plan)
    made = device_filter(intent, device, opened, ())
    assert made
    return made


def _device(intent: Intent, *, lan: bool = True) -> Device:
    return next(device for device in intent.devices.values() if device.lan is lan)


def test_a_service_is_open_where_its_addresses_are_written():
    opened = segment_openings(read_catalogue(), (RECORDS,), hierarchy().network.plan)
    records = (ip_network("10.0.3.140/32"),)
    assert {o.source for o in opened if o.prefixes == records} == {
        Segment.CLINICAL,
        Segment.PROFESSIONALS,
    }
    assert all(o.ports == RECORDS.ports for o in opened if o.prefixes == records)


def test_who_may_manage_hosts_may_manage_devices():
    plan = hierarchy().network.plan
    opened = segment_openings(read_catalogue(), (), plan)
    assert SegmentOpening(Segment.MANAGEMENT, Segment.MANAGEMENT) in opened
    assert {o.source for o in opened if plan.ipv4_loopbacks in o.prefixes} == {Segment.MANAGEMENT}


def test_what_no_rule_can_open_is_not_opened_by_one():
    rule = ZoneRule(Segment.PATIENTS, Segment.MANAGEMENT, "by mistake")
    policies = replace(read_catalogue(), rules=(rule,))
    assert segment_openings(policies, (), hierarchy().network.plan) == ()


def test_services_that_nobody_can_reach_are_named_with_their_zones():
    intent = hierarchy()
    shut = shut_services(read_catalogue(), intent, (RECORDS,))
    offered = {s for zone in intent.zones.values() for s in zone.services} - {"records"}
    assert set(shut) == offered & {r.target for r in read_catalogue().rules}


def test_a_prefix_behind_a_site_is_of_the_segment_on_whose_lan_its_next_hop_is():
    intent = hierarchy()
    device = _device(intent)
    site = intent.sites[device.site]
    hop = segment4(intent.network.plan, site.number, Segment.DEVICES)[9]
    route = StaticRoute(ip_network("192.168.7.0/24"), str(hop))
    behind = replace(intent, sites={**intent.sites, site.name: replace(site, routes=(route,))})
    assert {lan.segment: lan.behind for lan in _filter(behind, device).lans if lan.behind} == {
        Segment.DEVICES: (route.prefix,)
    }


@pytest.mark.parametrize("segment", Segment)
@pytest.mark.parametrize("version", [4, 6])
def test_a_pattern_finds_the_segment_of_every_host_of_every_site(segment, version):
    intent = hierarchy()
    patterns = _filter(intent, _device(intent)).segments
    segment_of = segment4 if version == 4 else segment6
    for site in intent.sites.values():
        lan = segment_of(intent.network.plan, site.number, segment)
        for host in (lan[1], lan[10], lan[lan.num_addresses - 1]):
            found = {
                pattern.segment
                for pattern in patterns
                if pattern.within.version == version
                and host in pattern.within
                and int(host) & int(pattern.mask) == int(pattern.value)
            }
            assert found == {segment}, host


def test_a_filter_is_the_same_after_json():
    intent = hierarchy()
    made = _filter(intent, _device(intent))
    assert filter_from_json(filter_json(made)) == made


def test_a_new_site_changes_no_filter_of_another_device():
    small, large = hierarchy(3, 2, 2), hierarchy(3, 2, 3)
    shared = [d for d in small.devices.values() if large.devices.get(d.name) == d and d.lan]
    assert shared
    for device in shared:
        assert _filter(small, device) == _filter(large, device)


def test_nothing_is_filtered_where_the_network_or_the_device_says_so():
    intent = hierarchy()
    device = _device(intent)
    off = replace(intent, network=replace(intent.network, segmentation=False))
    assert device_filter(off, device, (), ()) is None
    assert device_filter(intent, replace(device, packet_filter=False), (), ()) is None


def test_own_addresses_are_those_of_the_gateway():
    intent = hierarchy()
    device = _device(intent)
    plan, number = intent.network.plan, intent.sites[device.site].number
    for lan in _filter(intent, device).lans:
        assert ip_interface(f"{lan.own[0]}/32").ip == segment4(plan, number, lan.segment)[1]
