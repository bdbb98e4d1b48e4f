"""Laws of changing a WireGuard device, checked against a model of what devices do with changes."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.policy.model import Prefix, TunnelEndpoint
from edge.wireguard.diff import (
    MOST_NAMED,
    Changes,
    PeerChange,
    Served,
    ServedPeer,
    diff_device,
)
from edge.wireguard.model import NO_PRESHARED_KEY, PeerStatus, Tunnel, TunnelPeer
from inventory.errors import TunnelError
from vpn.key_text import public_text

KEYS = tuple(public_text(bytes([number]) * 32) for number in range(1, 6))
PREFIXES = tuple(ip_network(f"10.{number}.0.0/16") for number in range(8))
SECRETS = (b"\x11" * 32, b"\x12" * 32)
ENDPOINTS = tuple(TunnelEndpoint(IPv4Address(f"192.0.2.{number}"), 51820) for number in (1, 2))


@st.composite
def tunnels(draw: st.DrawFn) -> Tunnel:
    """Draw a tunnel whose prefixes have one owner each."""
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
    owners = {prefix: draw(st.sampled_from([*keys, None])) for prefix in PREFIXES}
    peers = tuple(
        TunnelPeer(
            key,
            tuple(prefix for prefix, owner in owners.items() if owner == key),
            draw(st.sampled_from([None, *ENDPOINTS])),
            draw(st.sampled_from([0, 25])),
            draw(st.sampled_from([NO_PRESHARED_KEY, *SECRETS])),
        )
        for key in keys
    )
    port, mark = draw(st.sampled_from([0, 51820, 51821])), draw(st.sampled_from([0, 0x5A10]))
    return Tunnel("wgf", 1340, port, mark, (), peers)


secrets = st.sampled_from(SECRETS)
BLANK = Served(None, 40000, 0, {})


def applied(now: Served, changes: Changes) -> Served:
    """Return what a device is after changes, taking them one after another as devices do."""
    *_, last = moments(now, changes)
    return last


def moments(now: Served, changes: Changes) -> Iterator[Served]:
    """Yield the device before, and after every change of a peer."""
    now = Served(
        changes.private_key or now.private_key,
        now.listen_port if changes.listen_port is None else changes.listen_port,
        now.mark if changes.mark is None else changes.mark,
        now.peers,
    )
    yield now
    for change in changes.peers:
        now = replace(now, peers=dict(_peers_after(now, change)))
        yield now


def _peers_after(now: Served, change: PeerChange) -> Iterator[tuple[str, ServedPeer]]:
    assert change.create != (change.public_key in now.peers)
    for key, peer in now.peers.items():
        if key != change.public_key:
            yield key, replace(peer, allowed=peer.allowed - set(change.allowed))
    if not change.remove:
        before = now.peers.get(change.public_key, ServedPeer(PeerStatus(None, 0, 0, 0)))
        kept = frozenset() if change.replace_allowed else before.allowed
        endpoint = change.endpoint or before.state.endpoint
        keepalive = before.keepalive_s if change.keepalive_s is None else change.keepalive_s
        shared = before.preshared_key if change.preshared_key is None else change.preshared_key
        state = replace(before.state, endpoint=endpoint)
        yield change.public_key, ServedPeer(state, kept | set(change.allowed), keepalive, shared)


@given(tunnels(), tunnels(), secrets, secrets)
def test_a_changed_device_is_what_the_tunnel_says_and_needs_no_more(
    old: Tunnel, new: Tunnel, old_secret: bytes, secret: bytes
):
    device = applied(BLANK, diff_device(BLANK, old, old_secret))
    device = applied(device, diff_device(device, new, secret))
    assert device.private_key == secret
    assert device.mark == new.mark
    assert {key: peer.allowed for key, peer in device.peers.items()} == {
        peer.public_key: frozenset(peer.allowed) for peer in new.peers
    }
    assert {key: peer.preshared_key for key, peer in device.peers.items()} == {
        peer.public_key: peer.preshared_key for peer in new.peers
    }
    again = diff_device(device, new, secret)
    assert again == Changes(None, None, None, ())
    assert again.words("wgf") == ()


@given(tunnels(), secrets)
def test_what_is_said_of_changes_shows_no_key(tunnel: Tunnel, secret: bytes):
    changes = diff_device(BLANK, tunnel, secret)
    said = repr(changes) + repr(tunnel) + " ".join(changes.words("wgf"))
    assert not any(repr(one)[2:-1] in said or one.hex() in said for one in (*SECRETS, secret))


@given(st.integers(1, 30))
def test_many_changed_peers_are_counted(number: int):
    peers = (TunnelPeer(public_text(bytes([9, n]) * 16), ()) for n in range(number))
    changes = diff_device(BLANK, Tunnel("wgf", 1340, 51820, 0, (), tuple(peers)), SECRETS[0])
    said = [words for words in changes.words("wgf") if "peer" in words]
    if number > MOST_NAMED:
        assert said == [f"wgf: added {number} peers"]
    else:
        assert len(said) == number


@given(tunnels(), tunnels(), secrets)
def test_only_peers_that_differ_or_gain_are_touched(old: Tunnel, new: Tunnel, secret: bytes):
    device = applied(BLANK, diff_device(BLANK, old, secret))
    before, after = ({peer.public_key: peer for peer in t.peers} for t in (old, new))
    for change in diff_device(device, new, secret).peers:
        assert before.get(change.public_key) != after.get(change.public_key)


@given(tunnels(), tunnels(), secrets)
def test_a_prefix_that_only_moves_has_an_owner_at_every_moment(
    old: Tunnel, new: Tunnel, secret: bytes
):
    device = applied(BLANK, diff_device(BLANK, old, secret))
    stable = _owned(old) & _owned(new)
    if not _owned(old) - _owned(new):
        for moment in moments(device, diff_device(device, new, secret)):
            held = frozenset(p for peer in moment.peers.values() for p in peer.allowed)
            assert stable <= held


def _owned(tunnel: Tunnel) -> frozenset[Prefix]:
    return frozenset(prefix for peer in tunnel.peers for prefix in peer.allowed)


@given(tunnels(), secrets)
def test_words_hold_no_private_key(tunnel: Tunnel, secret: bytes):
    changes = diff_device(BLANK, tunnel, secret)
    said = repr(changes) + "".join(changes.words("wgf"))
    assert secret.hex() not in said
    assert repr(secret)[2:-1] not in said


def test_a_peer_with_our_own_key_is_refused():
    tunnel = Tunnel("wgf", 1340, 0, 0, (), (TunnelPeer(public_text(SECRETS[0]), ()),))
    with pytest.raises(TunnelError, match="has this device's own key"):
        diff_device(BLANK, tunnel, SECRETS[0])


def test_a_peer_named_twice_is_refused():
    tunnel = Tunnel("wgf", 1340, 0, 0, (), (TunnelPeer(KEYS[0], ()), TunnelPeer(KEYS[0], ())))
    with pytest.raises(TunnelError, match="is named twice"):
        diff_device(BLANK, tunnel, SECRETS[0])
