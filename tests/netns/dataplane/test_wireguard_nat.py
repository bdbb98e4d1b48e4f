"""Tunnels through a carrier's address translation, and how soon they carry anything."""

from collections.abc import Iterator

import pytest

from edge.wireguard.userspace import WireGuardGo
from simulations.netns.waiting import eventually
from tests.rigs.wireguard.carrier_rig import Carrier, natted_pair, seen_from_afar
from tests.rigs.wireguard.wireguard_rig import FAR, NEAR, Pair
from tests.rigs.wireguard.wireguard_rig import pair as a_pair

pytestmark = pytest.mark.netns

WITHIN_S = 60


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give two places with a cable between them."""
    with a_pair(WireGuardGo(), within_s=WITHIN_S) as made:
        yield made


@pytest.fixture
def hidden() -> Iterator[tuple[Pair, Carrier]]:
    """Give a pair that is connected although the dialling end is behind a carrier."""
    with natted_pair(WireGuardGo(), within_s=WITHIN_S) as (pair, carrier):
        pair.connect()
        eventually(lambda: seen_from_afar(pair), within_s=WITHIN_S, what="a handshake")
        yield pair, carrier


def test_the_listening_end_reaches_a_hidden_one_that_nothing_was_sent_by(
    hidden: tuple[Pair, Carrier],
):
    pair, _ = hidden
    endpoint = seen_from_afar(pair)
    assert endpoint
    assert 4000 <= endpoint.port < 4100
    assert pair.far.hears(NEAR.ip, within_s=WITHIN_S)


def test_traffic_of_the_hidden_end_heals_a_forgotten_binding(hidden: tuple[Pair, Carrier]):
    pair, carrier = hidden
    shaken = pair.near.served().peers[pair.far.public].handshake_at_s
    carrier.bind(5000)
    assert not pair.far.hears(NEAR.ip, within_s=1), "the old binding still works"
    assert pair.near.hears(FAR.ip, within_s=2)
    endpoint = seen_from_afar(pair)
    assert endpoint
    assert 5000 <= endpoint.port < 5100
    assert pair.far.hears(NEAR.ip, within_s=2)
    assert pair.near.served().peers[pair.far.public].handshake_at_s == shaken


def test_a_far_end_that_comes_late_is_met_without_any_traffic(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    eventually(lambda: sent(pair), within_s=WITHIN_S, what="the first attempt")
    pair.far.ensure(pair.far_tunnel())
    eventually(
        lambda: pair.far.served().peers[pair.near.public].handshake_at_s > 0,
        within_s=WITHIN_S,
        what="a later attempt",
    )


def test_a_far_end_that_comes_late_is_met_at_once_when_dialled_anew(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    eventually(lambda: sent(pair), within_s=WITHIN_S, what="the first attempt")
    pair.far.ensure(pair.far_tunnel())
    pair.route()
    pair.near.redial(pair.near_tunnel(), pair.far.public)
    assert pair.near.hears(FAR.ip, within_s=2)


def sent(pair: Pair) -> int:
    """Return how many octets the dialling end has sent."""
    return pair.near.served().peers[pair.far.public].sent_octets
