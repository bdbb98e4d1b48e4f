"""Taking the data plane away: everything of ours, nothing of anybody else's."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.dataplane.dataplane import Dataplane
from edge.dataplane.desired import desired_state
from edge.dataplane.sysctls import Undo
from edge.dataplane.teardown import remove_everything
from edge.policy.model import EdgePolicy
from edge.wireguard.userspace import WireGuardGo
from simulations.netns.namespaces import entered_namespace
from tests.rigs.edge.dataplane_world import ENDS, plane_of, policy_of, steering
from tests.rigs.edge.edge_rig import World, world

pytestmark = pytest.mark.netns

FOREIGN = """
ip rule add priority 100 fwmark 7 lookup 99
ip route add 203.0.113.0/24 dev lan0 table 99
ip -6 route add 2001:db8::/32 dev lan0 table 99
ip route add 198.51.100.0/24 via 198.18.0.2
ip addr add 10.255.255.77/32 dev lo
tc qdisc add dev lan0 root tbf rate 100mbit burst 20kb limit 100kb
tc qdisc add dev w-leo root handle 7: tbf rate 100mbit burst 20kb limit 100kb
nft add table inet foreign
nft add chain inet foreign input '{ type filter hook input priority 0; policy accept; }'
nft add rule inet foreign input tcp dport 1 drop
sysctl -qw net.ipv4.conf.w-fibre.rp_filter=1
sysctl -qw net.ipv4.conf.w-leo.src_valid_mark=0
"""
LOOKS = (
    "ip rule",
    "ip -6 rule",
    "ip -4 route show table all | sort",
    "ip -6 route show table all proto boot",
    "nft -s list ruleset",
    "tc qdisc show",
    "tc class show dev w-fibre",
    "ip -o link",
    "ip -o addr show dev lo",
    "sysctl net.ipv4.ip_forward net.ipv4.conf.w-fibre.rp_filter net.ipv4.conf.w-leo.rp_filter",
    "sysctl net.ipv4.conf.w-fibre.src_valid_mark net.ipv4.conf.w-leo.src_valid_mark",
)


@pytest.fixture
def place() -> Iterator[World]:
    with world(name="r") as made:
        made.exec("edge", "sh", "-ec", FOREIGN)
        yield made


def _key() -> bytes:
    return X25519PrivateKey.generate().private_bytes_raw()


def _policy(place: World) -> EdgePolicy:
    points = {end: X25519PrivateKey.generate().public_key() for end in ENDS}
    keys = {end: base64.b64encode(p.public_bytes_raw()).decode() for end, p in points.items()}
    return policy_of(place, "edge", keys, ingress=True)


def _seen(place: World) -> dict[str, str]:
    return {look: place.exec("edge", "sh", "-c", look) for look in LOOKS}


def _applied(place: World, policy: EdgePolicy) -> tuple[Undo, tuple[str, ...]]:
    kept = list[Undo]()
    with entered_namespace(place.namespace("edge")):
        plane = Dataplane(WireGuardGo(), _key(), kept.append)
        words = plane.apply(desired_state(policy, steering(policy, "fibre", "leo")))
        plane.close()
    (undo,) = kept
    return undo, words


def test_everything_of_ours_goes_without_any_record_and_the_rest_stays(place: World):
    before = _seen(place)
    undo, _ = _applied(place, _policy(place))
    there = _seen(place)
    assert all(there[look] != before[look] for look in ("ip rule", "ip -o link", LOOKS[-2]))
    with entered_namespace(place.namespace("edge")):
        assert remove_everything(WireGuardGo(), undo=undo)
    assert _seen(place) == before


def test_settings_of_an_interface_that_came_later_are_restored_too(place: World):
    before, kept = _seen(place), list[Undo]()
    policy, leave = _policy(place), place.namespace("lan")
    want = desired_state(policy, steering(policy, "fibre", "leo"))
    with entered_namespace(place.namespace("edge")):
        plane = Dataplane(WireGuardGo(), _key(), kept.append)
        place.exec("edge", "ip", "link", "set", "w-leo", "netns", leave)
        plane.apply(want)
        place.exec("lan", "ip", "link", "set", "w-leo", "netns", place.namespace("edge"))
        plane.repair()
        assert kept[1].settings == {
            "net/ipv4/conf/w-leo/rp_filter": "0",
            "net/ipv4/conf/w-leo/src_valid_mark": "0",
        }
        remove_everything(WireGuardGo(), undo=kept[0].merged(kept[1]))
        plane.close()
    assert [_seen(place)[look] for look in LOOKS[-2:]] == [before[look] for look in LOOKS[-2:]]


def test_removing_what_is_gone_already_does_nothing(place: World):
    undo, _ = _applied(place, _policy(place))
    with entered_namespace(place.namespace("edge")):
        remove_everything(WireGuardGo(), undo=undo)
        assert remove_everything(WireGuardGo(), undo=undo) == ()


def test_a_queue_that_somebody_chose_is_left_and_told(place: World):
    _, words = _applied(place, _policy(place))
    assert any("w-leo has a queue of its own" in word for word in words)
    assert "tbf 7: root" in place.exec("edge", "tc", "qdisc", "show", "dev", "w-leo")


def test_another_policy_takes_the_place_of_the_first(place: World):
    first = _policy(place)
    second = replace(first, underlays=first.underlays[:1], peers=())
    key = _key()
    with entered_namespace(place.namespace("edge")):
        plane = plane_of(key)
        plane.apply(desired_state(first, steering(first, "fibre", "leo")))
        words = plane.apply(desired_state(second, steering(second, "fibre")))
        assert f"took {first.underlays[1].tunnel} away" in words
        assert plane.apply(desired_state(second, steering(second, "fibre"))) == ()
        plane.close()
        remove_everything(WireGuardGo())
    assert "10.91.2.0/24" not in place.exec("edge", "ip", "route", "show", "table", "all")


def test_another_process_adopts_what_stands_and_announced_calls(place: World):
    policy, key = _policy(place), _key()
    want = desired_state(policy, steering(policy, "fibre", "leo"))
    with entered_namespace(place.namespace("edge")):
        first = plane_of(key)
        first.apply(want)
        place.exec(
            "edge",
            *("nft", "add", "element", "inet", "sanaga", "calls4"),
            "{ 10.91.1.10 . 10.91.2.10 . udp . 0-65535 . 5000 timeout 90s : 0x5a41 }",
        )
        first.close()
        second = plane_of(key)
        assert second.apply(want) in {
            (),
            ("w-leo has a queue of its own, which is left: no shaping there",),
        }
        second.close()
        calls = place.exec("edge", "nft", "list", "map", "inet", "sanaga", "calls4")
        remove_everything(WireGuardGo())
    assert "10.91.1.10 . 10.91.2.10 . udp . 0-65535 . 5000" in calls
