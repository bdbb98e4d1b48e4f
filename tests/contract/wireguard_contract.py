"""What every WireGuard must do: subclass WireGuardContract and give a fixture.

The fixture `pair` yields a Pair of places that work with the implementation under test.
"""

from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface, ip_network

import pytest

from edge.policy.model import TunnelEndpoint
from edge.wireguard.model import TunnelPeer
from inventory.errors import TunnelError
from simulations.netns.waiting import eventually
from tests.rigs.wireguard.wireguard_rig import (
    FAR,
    FAR_UNDERLAY,
    MARK,
    NEAR,
    NEAR_UNDERLAY,
    PORT,
    Pair,
    new_key,
)
from vpn.key_text import public_text

SHARED = b"\x5a" * 32
P, Q, R = (ip_network(f"10.{number}.0.0/16") for number in (7, 8, 9))


def shaken(pair: Pair) -> float | None:
    """Return when the dialling end last shook hands, None before the first time."""
    return pair.near.served().peers[pair.far.public].handshake_at_s or None


def a_peer(*allowed, **options) -> TunnelPeer:
    return TunnelPeer(public_text(new_key()), allowed, **options)


class WireGuardContract:
    """The one contract test."""

    def test_an_interface_that_is_right_already_is_left_alone(self, pair: Pair):
        assert pair.near.ensure(pair.near_tunnel())
        before = pair.near.served()
        assert pair.near.ensure(pair.near_tunnel()) == ()
        assert pair.near.served().index == before.index

    def test_an_interface_is_as_its_tunnel_says(self, pair: Pair):
        pair.near.ensure(pair.near_tunnel())
        state = pair.near.served()
        assert (state.mtu, state.listen_port, state.mark) == (1340, PORT, MARK)
        assert state.peers[pair.far.public].endpoint == TunnelEndpoint(FAR_UNDERLAY, PORT)
        shown = pair.near.interface()
        assert {"UP", "LOWER_UP"} <= set(shown["flags"])
        assert [a["local"] for a in shown["addr_info"] if a["family"] == "inet"] == [str(NEAR.ip)]

    def test_hands_are_shaken_without_any_traffic(self, pair: Pair):
        pair.connect()
        eventually(lambda: shaken(pair), within_s=pair.within_s, what="a handshake")
        assert pair.far.served().peers[pair.near.public].endpoint == TunnelEndpoint(
            NEAR_UNDERLAY, PORT
        )

    def test_packets_cross_both_ways(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        assert pair.far.hears(NEAR.ip, within_s=pair.within_s)
        peer = pair.near.served().peers[pair.far.public]
        assert peer.received_octets > 0 < peer.sent_octets

    def test_there_is_no_state_of_an_interface_that_does_not_exist(self, pair: Pair):
        assert pair.near.state() is None

    def test_a_removed_interface_leaves_nothing_and_may_be_removed_again(self, pair: Pair):
        pair.near.ensure(pair.near_tunnel())
        pair.near.remove()
        pair.near.remove()
        assert pair.near.state() is None
        assert pair.near.name not in pair.near.run("ip", "-o", "link")

    def test_a_change_of_one_peer_does_not_disturb_another(self, pair: Pair):
        pair.connect()
        first = eventually(lambda: shaken(pair), within_s=pair.within_s, what="a handshake")
        index, other = pair.near.served().index, a_peer(P)
        changes = (
            pair.near_tunnel(other),
            pair.near_tunnel(replace(other, allowed=(Q,), keepalive_s=25)),
            pair.near_tunnel(
                replace(other, allowed=(Q,), endpoint=TunnelEndpoint(NEAR_UNDERLAY, 9))
            ),
            pair.near_tunnel(),
        )
        for tunnel in changes:
            (words,) = pair.near.ensure(tunnel)
            assert other.public_key[:8] in words
            assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        assert shaken(pair) == first
        assert pair.near.served().index == index

    def test_a_peer_that_dials_us_keeps_the_endpoint_that_was_learned(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        pair.far.ensure(pair.far_tunnel(a_peer(P)))
        assert pair.far.served().peers[pair.near.public].endpoint == TunnelEndpoint(
            NEAR_UNDERLAY, PORT
        )
        assert pair.far.hears(NEAR.ip, within_s=pair.within_s)

    def test_an_endpoint_that_has_wandered_off_is_put_back(self, pair: Pair):
        tunnel, other = pair.near_tunnel(), TunnelEndpoint(FAR_UNDERLAY, 7)
        (peer,) = tunnel.peers
        pair.near.ensure(replace(tunnel, peers=(replace(peer, endpoint=other),)))
        (words,) = pair.near.ensure(tunnel)
        assert "endpoint" in words
        assert pair.near.served().peers[pair.far.public].endpoint == TunnelEndpoint(
            FAR_UNDERLAY, PORT
        )

    def test_prefixes_swapped_between_peers_end_up_where_they_belong(self, pair: Pair):
        a, b = a_peer(P, R), a_peer(Q)
        pair.near.ensure(pair.near_tunnel(a, b))
        swapped = pair.near_tunnel(replace(a, allowed=(Q,)), replace(b, allowed=(P,)))
        assert pair.near.ensure(swapped)
        assert pair.near.ensure(swapped) == ()

    def test_a_far_end_with_a_new_key_takes_the_old_ones_place(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        renewed = replace(pair, far=replace(pair.far, key=new_key()))
        renewed.far.ensure(renewed.far_tunnel())
        renewed.near.ensure(renewed.near_tunnel())
        assert set(renewed.near.served().peers) == {renewed.far.public}
        assert renewed.near.hears(FAR.ip, within_s=pair.within_s)

    def test_a_new_private_key_of_our_own_works_once_the_far_end_knows_it(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        renewed = replace(pair, near=replace(pair.near, key=new_key()))
        renewed.far.ensure(renewed.far_tunnel())
        (words,) = renewed.near.ensure(renewed.near_tunnel())
        assert "private key" in words
        assert renewed.near.hears(FAR.ip, within_s=pair.within_s)
        assert renewed.far.served().peers[renewed.near.public].handshake_at_s > 0

    def test_a_preshared_key_must_be_the_same_at_both_ends(self, pair: Pair):
        pair.far.ensure(pair.far_tunnel(preshared_key=SHARED))
        pair.near.ensure(pair.near_tunnel(preshared_key=b"\x01" * 32))
        pair.route()
        assert not pair.near.hears(FAR.ip, within_s=3)
        (words,) = pair.near.ensure(pair.near_tunnel(preshared_key=SHARED))
        assert "preshared key" in words
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        assert pair.near.ensure(pair.near_tunnel(preshared_key=SHARED)) == ()

    def test_a_session_that_stands_goes_on_when_its_preshared_key_becomes_another(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        first = shaken(pair)
        pair.far.ensure(pair.far_tunnel(preshared_key=SHARED))
        pair.near.ensure(pair.near_tunnel(preshared_key=SHARED))
        assert pair.near.hears(FAR.ip, within_s=1)
        assert shaken(pair) == first
        pair.near.redial(pair.near_tunnel(preshared_key=SHARED), pair.far.public)
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)

    def test_an_interface_has_the_ipv6_addresses_of_its_tunnel(self, pair: Pair):
        own = IPv6Interface("fd5a::1/96")
        tunnel = replace(pair.near_tunnel(), addresses=(NEAR, own))
        pair.near.ensure(tunnel)
        assert pair.near.ensure(tunnel) == ()
        shown = [a["local"] for a in pair.near.interface()["addr_info"] if a["scope"] == "global"]
        assert shown == [str(NEAR.ip), str(own.ip)]
        pair.near.ensure(pair.near_tunnel())
        assert str(own.ip) not in pair.near.run("ip", "address")

    def test_a_far_end_that_lost_its_sessions_is_dialled_anew_at_once(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        pair.far.remove()
        pair.far.ensure(pair.far_tunnel())
        pair.route()
        assert not pair.near.hears(FAR.ip, within_s=1), "it came back by itself"
        pair.near.redial(pair.near_tunnel(), pair.far.public)
        assert pair.near.hears(FAR.ip, within_s=5)

    def test_a_listening_interface_made_anew_knows_where_its_far_ends_were(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        assert pair.far.state()
        pair.far.run("ip", "link", "del", pair.far.name)
        assert pair.far.ensure(pair.far_tunnel())
        pair.route()
        assert pair.far.hears(NEAR.ip, within_s=5)
        assert pair.far.ensure(pair.far_tunnel()) == ()

    def test_a_listening_interface_removed_on_purpose_remembers_nothing(self, pair: Pair):
        pair.connect()
        assert pair.near.hears(FAR.ip, within_s=pair.within_s)
        assert pair.far.state()
        pair.far.remove()
        pair.near.remove()
        pair.far.ensure(pair.far_tunnel())
        assert pair.far.served().peers[pair.near.public].endpoint is None

    def test_what_others_changed_by_hand_is_mended_and_said(self, pair: Pair):
        pair.near.ensure(pair.near_tunnel())
        name = pair.near.name
        pair.near.run("ip", "link", "set", name, "mtu", "1280", "down")
        pair.near.run("ip", "addr", "del", str(NEAR), "dev", name)
        pair.near.run("ip", "addr", "add", "203.0.113.9/24", "dev", name)
        assert pair.near.ensure(pair.near_tunnel()) == (
            f"{name}: set the MTU to 1340",
            f"{name}: removed the address 203.0.113.9/24",
            f"{name}: added the address {NEAR}",
            f"{name}: brought up",
        )

    def test_settings_are_changed_without_making_the_interface_anew(self, pair: Pair):
        pair.near.ensure(pair.near_tunnel())
        index = pair.near.served().index
        second = IPv4Interface("172.24.0.9/32")
        tunnel = replace(
            pair.near_tunnel(mtu=1280), listen_port=PORT + 1, mark=0, addresses=(NEAR, second)
        )
        assert len(pair.near.ensure(tunnel)) == 4
        state = pair.near.served()
        assert (state.index, state.mtu, state.listen_port, state.mark) == (
            *(index, 1280, PORT + 1, 0),
        )

    def test_a_far_end_may_have_hundreds_of_prefixes(self, pair: Pair):
        v4 = [ip_network(f"100.{64 + n // 256}.{n % 256}.0/24") for n in range(400)]
        v6 = [ip_network(f"fd5a:6e61:67{n:02x}::/48") for n in range(100)]
        tunnel = pair.near_tunnel(a_peer(*v4, *v6))
        pair.near.ensure(tunnel)
        assert pair.near.ensure(tunnel) == ()

    def test_a_listening_port_of_another_program_is_named_as_the_fault(self, pair: Pair):
        other = replace(pair.near_tunnel(), name=f"{pair.near.name[:-1]}x")
        pair.near.ensure(pair.near_tunnel())
        try:
            with pytest.raises(TunnelError, match="listening port"):
                pair.near.ensure(other)
        finally:
            pair.near.remove(other.name)

    def test_a_tunnel_that_contradicts_itself_is_refused_and_nothing_changes(self, pair: Pair):
        pair.near.ensure(pair.near_tunnel())
        before = pair.near.served()
        with pytest.raises(TunnelError, match="behind two peers"):
            pair.near.ensure(pair.near_tunnel(a_peer(P), a_peer(P)))
        assert pair.near.served() == before

    def test_an_interface_that_is_no_wireguard_is_not_taken_away(self, pair: Pair):
        pair.near.run("ip", "link", "add", pair.near.name, "type", "veth", "peer", "name", "other")
        try:
            with pytest.raises(TunnelError, match="another interface of this name"):
                pair.near.ensure(pair.near_tunnel())
            assert "other" in pair.near.run("ip", "-o", "link")
        finally:
            pair.near.run("ip", "link", "del", "other")
