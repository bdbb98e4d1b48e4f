import pytest

from controller.model import DeviceConfig, Impact
from controller.planning.impact import assess, diff
from controller.platforms.model import is_routed, is_understood, unconfigured

BASE = """frr defaults traditional
hostname mora-r1
interface eth1
 description to the department
 ip address 172.20.0.25/31
 ipv6 address fd5a::19/127
exit
!
interface eth2
 description to the next arrondissement
 ip address 172.20.0.41/31
exit
!
interface vlan20
 ip address 10.0.18.1/25
exit
!
router bgp 65000
 bgp router-id 172.16.0.73
 neighbor 172.20.0.24 remote-as 65000
 neighbor 172.20.0.24 description mayo-sava
 neighbor 172.20.0.40 remote-as 65000
 !
 address-family ipv4 unicast
  network 10.0.18.0/25
  neighbor 172.20.0.24 route-map in-circuit-1 in
 exit-address-family
exit
!
route-map in-circuit-1 permit 10
exit
!
"""


def changed(old: str, new: str) -> tuple[DeviceConfig, DeviceConfig]:
    assert old in BASE
    return DeviceConfig(BASE), DeviceConfig(BASE.replace(old, new, 1))


FILTER = "packet-filter\n table inet sanaga_segments {\n \tchain segment_a {\n \t}\n }\nexit\n!\n"


@pytest.mark.parametrize("before", ["", FILTER.replace("segment_a", "segment_b")])
def test_another_packet_filter_changes_what_may_pass_and_no_path(before):
    judged = assess(DeviceConfig(BASE + before), DeviceConfig(BASE + FILTER))
    assert judged.impact is Impact.REROUTE
    assert judged.because == "what may pass between segments changes"
    assert (judged.interfaces, judged.whole_device) == (frozenset(), False)


def test_packet_filter_is_told_besides_what_else_changes():
    old, new = changed("172.20.0.25/31", "172.20.0.27/31")
    judged = assess(old, DeviceConfig(new.text + FILTER))
    assert judged.impact is Impact.INTERRUPTION
    assert judged.because.endswith("; what may pass between segments changes")
    assert judged.interfaces == assess(old, new).interfaces
    harmless = assess(DeviceConfig(BASE), DeviceConfig(BASE.replace("mayo-sava", "other") + FILTER))
    assert harmless.impact is Impact.REROUTE


def test_packet_filter_alone_is_a_configuration_of_a_router_that_routes_nothing():
    assert unconfigured(DeviceConfig(FILTER))
    assert is_understood(DeviceConfig(FILTER))
    assert is_routed(DeviceConfig(BASE + FILTER))
    told = diff(DeviceConfig(""), DeviceConfig(BASE + FILTER))
    assert told.endswith("BGP neighbours 2, a packet filter")


@pytest.mark.parametrize(
    ("old", "new", "impact"),
    [
        ("to the department", "elsewhere", Impact.NONE),
        ("description mayo-sava", "description other", Impact.NONE),
        ("hostname mora-r1\n", "hostname other\n", Impact.NONE),
        ("in-circuit-1 in", "in-circuit-9 in", Impact.REROUTE),
        ("  network 10.0.18.0/25\n", "", Impact.REROUTE),
        ("route-map in-circuit-1 permit 10\n", "route-map x permit 10\n", Impact.REROUTE),
        ("hostname", "ip route 198.51.100.0/24 10.0.18.5\nhostname", Impact.REROUTE),
        ("172.20.0.25/31", "172.20.0.27/31", Impact.INTERRUPTION),
        ("remote-as 65000", "remote-as 65072", Impact.INTERRUPTION),
        ("router bgp 65000", "router bgp 65001", Impact.INTERRUPTION),
        ("router-id 172.16.0.73", "router-id 172.16.0.74", Impact.INTERRUPTION),
        ("hostname", "something unheard of\nhostname", Impact.INTERRUPTION),
    ],
)
def test_impact_follows_from_the_lines_that_change(old, new, impact):
    assert assess(*changed(old, new)).impact is impact


def test_new_interface_and_session_take_nothing_away():
    before, after = changed("router bgp", "interface eth3\n ip address 172.20.0.42/31\nrouter bgp")
    judged = assess(before, after)
    assert judged.impact is Impact.REROUTE
    assert judged.interfaces == judged.new_interfaces == {"eth3"}


def test_session_is_found_on_the_interface_that_carries_it():
    judged = assess(*changed("remote-as 65000", "remote-as 65072"))
    assert judged.interfaces == {"eth1"}
    assert judged.new_interfaces == frozenset()
    assert not judged.whole_device
    assert "the session with 172.20.0.24" in judged.because


def test_losing_a_session_interrupts_its_circuit_and_not_the_whole_router():
    judged = assess(*changed("172.20.0.40 remote-as 65000", "172.20.0.40 remote-as 65001"))
    assert judged.interfaces == {"eth2"}
    assert not judged.whole_device


def test_lan_address_touches_that_interface():
    judged = assess(*changed("10.0.18.1/25", "10.0.18.2/25"))
    assert judged.interfaces == {"vlan20"}


def test_removed_neighbour_and_renamed_interface_do_not_revert_by_themselves():
    gone = BASE.replace(" neighbor 172.20.0.40 remote-as 65000\n", "").replace("eth1", "eth7")
    told = "\n".join(assess(DeviceConfig(BASE), DeviceConfig(gone)).cannot_revert)
    assert "session with 172.20.0.40" in told
    assert "eth1 give way to eth7" in told


def test_another_as_number_does_not_revert_without_harm():
    told = assess(*changed("router bgp 65000", "router bgp 65001")).cannot_revert
    assert any("AS number" in text for text in told)


@pytest.mark.parametrize(
    "route", ["ip route 198.51.100.0/24 192.0.2.1", "ipv6 route 2001:db8::/32 2001:db8::1",
              "vrf clinic\n ip route 198.51.100.0/24 192.0.2.1\nexit-vrf"]
)  # fmt: skip
def test_router_with_static_routes_alone_is_not_taken_for_blank(route):
    before = DeviceConfig(f"interface eth1\n ip address 192.0.2.2/24\n{route}\n")
    assert not unconfigured(before)
    assert f"-{route.splitlines()[0]}" in diff(before, DeviceConfig(BASE))
    assert assess(before, DeviceConfig(BASE)).impact is Impact.INTERRUPTION


def test_blank_router_is_one_line_to_read_and_carries_nothing():
    empty = DeviceConfig("frr defaults traditional\n")
    assert unconfigured(empty)
    assert diff(empty, DeviceConfig(BASE)) == (
        "blank router: 32 lines, interfaces eth1, eth2, vlan20, BGP neighbours 2"
    )
    assert assess(empty, DeviceConfig(BASE)).unconfigured


def test_diff_shows_context_and_hides_secrets():
    before, after = changed("hostname mora-r1\n", "hostname mora-r1\nenable password hunter2\n")
    shown = diff(before, after)
    assert "+enable password <hidden>" in shown
    assert " hostname mora-r1" in shown
    assert "hunter2" not in shown


def test_mere_reordering_counts_as_rerouting():
    lines = BASE.splitlines()
    swapped = "\n".join([lines[1], lines[0], *lines[2:], ""])
    assert assess(DeviceConfig(BASE), DeviceConfig(swapped)).impact is Impact.REROUTE
