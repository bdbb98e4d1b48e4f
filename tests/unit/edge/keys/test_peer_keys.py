"""Following a peer that moves to another key, with a kernel and traffic of the test's own."""

from dataclasses import replace

import pytest

from tests.rigs.edge.rotation_rig import NEXT, asked_to_move


@pytest.fixture
def follower(tmp_path):
    world = asked_to_move(tmp_path)
    (peer, *others) = world.policy.peers
    policy = replace(world.policy, key="", peers=(replace(peer, next_key=NEXT), *others))
    world.take(policy)
    world.renewals.clear()
    return world


def key_of(world, name):
    return world.rotation.generations.far_key(name, world.policy.peers[0])


def test_what_is_behind_a_peer_belongs_to_the_key_that_shook_hands_last(follower):
    (peer, *_), (first, second, *_) = follower.policy.peers, follower.policy.tunnels
    follower.handshakes = {(first, peer.public_key): 10.0, (second, peer.public_key): 10.0}
    follower.passes(0.2)
    assert follower.renewals == []
    follower.handshakes[first, NEXT] = 11.0
    follower.passes(0.2)
    assert (key_of(follower, first), key_of(follower, second)) == (NEXT, peer.public_key)
    assert len(follower.renewals) == 1
    # It went back.
    follower.handshakes[first, peer.public_key] = 12.0
    follower.passes(0.2)
    assert key_of(follower, first) == peer.public_key


def test_whoever_follows_and_is_killed_speaks_to_the_same_key_after_its_start(follower):
    first = follower.policy.tunnels[0]
    follower.handshakes = {(first, NEXT): 11.0}
    follower.passes(0.2)
    follower.rotation = follower.anew()
    follower.take()
    assert key_of(follower, first) == NEXT


def test_a_peer_that_has_moved_has_one_key(follower):
    first = follower.policy.tunnels[0]
    follower.handshakes = {(first, NEXT): 11.0}
    follower.passes(0.2)
    (peer, *others) = follower.policy.peers
    done = replace(peer, public_key=NEXT, next_key="")
    follower.take(replace(follower.policy, peers=(done, *others)))
    assert key_of(follower, first) == NEXT
    assert follower.rotation.generations.other_key(first, done) == ""
    assert not follower.rotation.busy
