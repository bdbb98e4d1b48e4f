from dataclasses import replace

import pytest

from edge.clock import Moment
from edge.keys.handshakes import Handshake, HandshakeRetrier, tunnels_to_check
from edge.selection.evaluate import initial
from edge.wireguard.model import PeerStatus, TunnelState
from tests.rigs.edge.edge_policies import edge_policy

POLICY = edge_policy()
PEER = POLICY.peers[0]
PATH = next(path for path in PEER.paths if path.endpoint)
TUNNEL = POLICY.underlay(PATH.circuit).tunnel
CARE = Handshake(POLICY.care.interface, PEER.public_key)


def at(s: float) -> Moment:
    return Moment("boot", s, s, 1.8e9 + s)


def peer_states(*, dead: bool = False, alone: bool = False, consultation: bool = False):
    state = initial(PEER, 0.0, {})
    healths = {
        name: replace(health, delay_ms=20.0, dead=alone or (dead and name == PATH.name))
        for name, health in state.healths.items()
    }
    return {PEER.device: replace(state, healths=healths, consultation=consultation)}


def tunnels(handshake_at_s: float, transport_at_s: float = 1.8e9, received_octets: int = 0):
    return {
        name: TunnelState(
            1, 1280, 0, 0, {PEER.public_key: PeerStatus(None, at_s, received_octets, 0)}
        )
        for name, at_s in ((CARE.tunnel, handshake_at_s), (TUNNEL, transport_at_s))
    }


def dialled(dialler: HandshakeRetrier, seconds, known, served) -> list[float]:
    return [s for s in seconds if dialler.due(POLICY, known, served, at(s))]


def test_a_dead_path_keeps_the_session_that_its_circuit_may_bring_back():
    assert dialled(HandshakeRetrier(), range(40), peer_states(dead=True), tunnels(1.8e9)) == []


@pytest.mark.parametrize("handshake_at_s", [0.0, 1.8e9 - 182])
def test_a_dead_path_without_a_session_is_dialled_ever_more_rarely(handshake_at_s):
    found = dialled(
        HandshakeRetrier(), range(40), peer_states(dead=True), tunnels(1.8e9, handshake_at_s)
    )
    assert found == [2, 4, 8, 16, 32]


def test_a_peer_of_whom_nothing_is_heard_is_dialled_whatever_sessions_there_are():
    first = HandshakeRetrier().due(POLICY, peer_states(alone=True), tunnels(1.8e9), at(0))
    assert first == ()
    found = dialled(HandshakeRetrier(), range(10), peer_states(alone=True), tunnels(1.8e9))
    assert found == [2, 4, 8]


def test_a_session_in_which_anything_arrives_is_kept_though_nothing_answers():
    """The far end's daemon is down, or begins again, and its kernel goes on with the calls."""
    dialler, lost = HandshakeRetrier(), peer_states(alone=True)
    octets = [*range(0, 2000, 100), *[1900] * 10]
    found = [
        second
        for second, received in enumerate(octets)
        for dial in dialler.due(POLICY, lost, tunnels(1.8e9, received_octets=received), at(second))
        if dial.tunnel == TUNNEL
    ]
    assert found == [22, 24, 28]


def test_a_path_that_answers_is_not_dialled_and_starts_anew():
    dialler, none = HandshakeRetrier(), tunnels(1.8e9, 0.0)
    dialled(dialler, range(20), peer_states(dead=True), none)
    assert dialled(dialler, range(20, 30), peer_states(), none) == []
    assert dialled(dialler, range(30, 35), peer_states(dead=True), none) == [32, 34]


def test_only_tunnels_of_dead_paths_and_the_care_tunnel_are_asked_for():
    assert tunnels_to_check(POLICY, peer_states()) == (CARE.tunnel,)
    assert tunnels_to_check(POLICY, peer_states(dead=True)) == (CARE.tunnel, TUNNEL)


def test_the_care_tunnel_is_dialled_when_its_session_has_ended_but_not_in_a_call():
    fresh, old = tunnels(1.8e9 - 170), tunnels(1.8e9 - 182)
    assert dialled(HandshakeRetrier(), range(4), peer_states(), fresh) == []
    assert dialled(HandshakeRetrier(), range(4), peer_states(), old) == [2]
    assert dialled(HandshakeRetrier(), range(4), peer_states(consultation=True), old) == []


def test_a_care_tunnel_without_any_session_is_dialled_also_in_a_call():
    assert dialled(HandshakeRetrier(), range(4), peer_states(consultation=True), tunnels(0.0)) == [
        2
    ]


def test_nobody_is_dialled_over_paths_that_do_not_answer_yet():
    unknown = {PEER.device: initial(PEER, 0.0, {})}
    assert dialled(HandshakeRetrier(), range(4), unknown, tunnels(0.0)) == []
