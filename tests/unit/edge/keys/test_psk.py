"""The preshared keys of a device: from the controller's chains, week by week, through restarts."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controller.keys.psk_root import FILE as SECRET_FILE
from edge.identity.device import Identity
from edge.keys.psk import FILE, PresharedKeys
from edge.keys.psk_schedule import LISTENED_S, OVERDUE_S, TRIED_S
from edge.storage import atomic
from edge.wireguard.active_keys import SETTLED
from edge.wireguard.model import NO_PRESHARED_KEY, PeerStatus, TunnelState
from inventory.errors import EdgeError
from tests.rigs.edge.pairs_rig import DEVICE, PEER, POLICY, Rig, check, stored_chains
from vpn.wireguard import keys, psk_ratchet
from vpn.wireguard.psk_ratchet import EPOCH_S


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_every_tunnel_to_a_peer_has_the_week_s_key_of_the_pair(rig):
    rig.take()
    rig.follow()
    for peer in POLICY.peers:
        assert rig.used(peer) == {rig.key(peer=peer)}
    ends = {(POLICY.care.interface, peer.device) for peer in POLICY.peers}
    ends |= {
        (POLICY.underlay(path.circuit).tunnel, peer.device)
        for peer in POLICY.peers
        for path in peer.paths
    }
    assert rig.pairs.keys.keys() == ends
    assert rig.pairs.fault == ""


def test_a_peer_with_a_series_of_its_own_gets_other_keys(rig):
    rig.answered()
    renewed = replace(POLICY, peers=(replace(PEER, preshared=2),))
    rig.follow(renewed)
    assert PEER.device in rig.pairs.fault
    assert rig.used() == {rig.key()}
    rig.take(series=2)
    rig.follow(renewed)
    rig.looks()
    assert rig.pairs.fault == ""
    assert rig.used() == {rig.key(series=2)}


def test_the_next_week_brings_the_next_key_and_the_one_before_the_last_is_gone(rig):
    rig.answered()
    rig.now += timedelta(seconds=EPOCH_S)
    rig.looks(shaken=True)
    assert rig.used() == {rig.key()}
    rig.looks(10, shaken=True)
    rig.looks(10, shaken=True)
    rig.looks(10, shaken=True)
    rig.looks(10, shaken=True)
    epoch = psk_ratchet.epoch_at(rig.now.timestamp())
    stored = rig.stored()["peers"][PEER.device]
    assert (stored["answered"], stored["chains"]["1"][0]) == ([1, epoch], epoch - 1)
    secret = (rig.state_dir / SECRET_FILE).read_bytes()
    older = psk_ratchet.turn_chain(
        psk_ratchet.first_chain(secret, 1, DEVICE, PEER.device), epoch - 2
    )
    assert older.octets not in {chain.octets for chain in stored_chains(rig)}


def test_without_a_handshake_that_is_due_the_keys_around_are_tried(rig):
    rig.take()
    rig.follow()
    rig.looks(shaken=True)
    rig.looks(10, shaken=True)
    seen: list[set[bytes]] = []
    for _ in range(3):
        rig.looks(TRIED_S + 0.5 if seen else OVERDUE_S)
        seen.append(rig.used())
    assert seen == [{rig.key(off=1)}, {rig.key(off=-1)}, {rig.key()}]
    # When the session is over the right key is there most of the time.
    rig.now += timedelta(seconds=60)
    turns = []
    for _ in range(100):
        rig.looks(3)
        turns.append(rig.used() == {rig.key()})
    assert 0.6 < sum(turns) / len(turns) < 0.95
    assert any("no handshake with" in note for note in rig.pairs.notes)
    assert not any(rig.key(off=off).hex() in note for note in rig.pairs.notes for off in (0, 1))


def test_whoever_listens_keeps_what_was_answered(rig):
    (peer,) = (replace(p, paths=tuple(replace(q, endpoint=None) for q in p.paths)) for p in [PEER])
    rig.take()
    rig.follow(replace(POLICY, peers=(peer,)))
    rig.looks(shaken=True)
    rig.looks(10, shaken=True)
    for _ in range(10):
        rig.looks(LISTENED_S + 1)
        assert rig.used() == {rig.key()}


def test_after_a_restart_the_same_keys_are_there(rig):
    rig.take()
    before = rig.follow()
    rig.pairs = rig.anew()
    assert rig.follow() == before
    assert (rig.folder / FILE).stat().st_mode & 0o077 == 0


def test_chains_are_on_the_disk_for_this_device_s_key_alone(rig):
    rig.answered()
    (chain,) = {chain.octets for chain in stored_chains(rig)}
    for clear in (base64.b64encode(chain).decode(), chain.hex(), PEER.device):
        assert clear not in (rig.folder / FILE).read_text()
    stranger = Identity(DEVICE, keys.generate_private().octets)
    with pytest.raises(EdgeError, match=f"'sanaga vpn site load {DEVICE}'"):
        PresharedKeys(rig.folder, stranger, check, rig.clock).open()


def test_chains_that_lie_in_clear_are_taken_and_sealed_at_once(rig):
    rig.answered()
    plain = rig.unsealed()
    rig.pairs = rig.anew()
    assert rig.stored() == plain
    assert "peers" not in (rig.folder / FILE).read_text()
    rig.follow()
    assert rig.used() == {rig.key()}


def test_chains_that_lie_in_clear_on_a_disk_that_takes_nothing_are_told_and_tried_again(
    rig, monkeypatch
):
    rig.answered()
    rig.unsealed()

    def full(*_args, **_how):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(atomic, "replace", full)
        rig.pairs = rig.anew()
        assert rig.pairs.disk_fault == "preshared.json: No space left on device"
    rig.follow()
    assert rig.used() == {rig.key()}
    rig.looks()
    assert rig.pairs.disk_fault == ""
    assert "peers" not in (rig.folder / FILE).read_text()


def test_a_device_that_is_restored_from_an_image_of_a_month_ago_has_today_s_key(rig):
    rig.answered()
    image = (rig.folder / FILE).read_bytes()
    rig.now += timedelta(days=31)
    atomic.replace(rig.folder / FILE, image)
    rig.pairs = rig.anew()
    rig.follow()
    assert rig.used() == {rig.key()}


def test_a_policy_of_another_series_moves_to_it_and_lets_the_former_go_once_it_is_answered(rig):
    rig.answered()
    rig.take(series=2)
    rig.follow(replace(POLICY, preshared=2))
    rig.looks()
    assert rig.used() == {rig.key(series=2)}
    assert set(rig.stored()["peers"][PEER.device]["chains"]) == {"1", "2"}
    rig.looks()
    for _ in range(3):
        rig.looks(shaken=True)
    assert set(rig.stored()["peers"][PEER.device]["chains"]) == {"2"}


def test_a_policy_that_goes_back_finds_its_series_there_still(rig):
    rig.answered()
    rig.take(series=2)
    rig.follow(replace(POLICY, preshared=2))
    rig.looks()
    rig.follow(POLICY)
    rig.looks()
    assert rig.used() == {rig.key()}


def test_a_policy_whose_chains_never_came_is_told_and_the_tunnels_have_what_they_had(rig):
    rig.follow(replace(POLICY, preshared=3))
    assert f"{PEER.device}; 'sanaga vpn site load {DEVICE}' hands them over" in rig.pairs.fault
    assert rig.used() == {NO_PRESHARED_KEY}
    rig.take(series=3)
    rig.follow(replace(POLICY, preshared=3))
    assert rig.pairs.fault == ""


def test_without_preshared_keys_in_the_policy_there_is_nothing_to_look_at(rig):
    rig.follow(replace(POLICY, preshared=0))
    assert not rig.pairs.busy
    assert set(rig.pairs.keys.values()) == {NO_PRESHARED_KEY}


def test_chains_that_are_here_are_not_turned_back_by_those_that_come_again(rig):
    rig.take()
    rig.follow()
    rig.now += timedelta(days=21)
    rig.looks()
    rig.looks(shaken=True)
    rig.looks(shaken=True)
    before = rig.stored()
    rig.take()
    assert rig.stored() == before


def test_a_tunnel_that_is_a_handshake_behind_takes_nothing_back(rig):
    rig.answered()
    before = rig.stored()
    epoch = before["peers"][PEER.device]["answered"][1]
    end = next(iter(rig.pairs.keys))
    rig.pairs._choices[end] = replace(rig.pairs._choices[end], term=(1, epoch - 1), shaken_s=1.0)
    rig.looks(shaken=True)
    assert rig.stored() == before


def test_a_tunnel_that_nobody_tells_of_proves_nothing(rig):
    """Whoever serves it may be slow to answer; its handshakes are what they were."""
    rig.answered()
    before, keys_before = rig.stored(), rig.pairs.keys
    for _ in range(5):
        rig.now += timedelta(seconds=OVERDUE_S)
        assert not rig.pairs.tend({}, SETTLED)
        rig.looks(1)
        assert rig.stored() == before
    assert rig.pairs.keys.keys() == keys_before.keys()


def test_a_policy_without_preshared_keys_that_comes_back_finds_a_far_end_that_has_them(rig):
    rig.answered()
    with_key = rig.used()
    rig.follow(replace(POLICY, preshared=0))
    rig.looks()
    assert rig.used() == {NO_PRESHARED_KEY}
    assert rig.pairs.busy
    rig.looks(OVERDUE_S)
    assert rig.used() == with_key


def test_a_disk_that_takes_nothing_is_told_and_tried_again(rig, monkeypatch):
    rig.take()
    rig.follow()
    rig.looks()
    real = atomic.replace

    def full(*_args, **_how):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "replace", full)
    with pytest.raises(OSError, match="No space"):
        rig.take(series=2)
    assert set(rig.pairs.known()) == {"1"}
    rig.looks(shaken=True)
    assert rig.pairs.disk_fault == "preshared.json: No space left on device"
    monkeypatch.setattr(atomic, "replace", real)
    rig.looks()
    assert rig.pairs.disk_fault == ""
    assert rig.stored()["peers"][PEER.device]["answered"]


def test_a_clock_at_the_end_of_the_century_is_gone_by(rig):
    rig.take()
    rig.now = datetime(2199, 1, 1, tzinfo=UTC)
    rig.follow()
    seen = set()
    for _ in range(6):
        rig.looks(OVERDUE_S)
        seen |= rig.used()
    assert rig.key() in seen


def test_one_handshake_forgets_nothing_for_it_may_have_been_with_the_key_of_before(rig):
    rig.answered()
    rig.take(series=2)
    rig.follow(replace(POLICY, preshared=2))
    rig.looks()
    rig.looks()
    (one, *_) = POLICY.tunnels
    rig.now += timedelta(seconds=3)
    peers = {POLICY.peers[0].public_key: PeerStatus(None, rig.now.timestamp() - 1, 0, 0)}
    rig.pairs.tend({one: TunnelState(1, 1340, 1, 0, peers)}, SETTLED)
    stored = rig.stored()["peers"][PEER.device]
    assert stored["answered"][0] == 2
    assert set(stored["chains"]) == {"1", "2"}


def test_a_tunnel_that_is_down_keeps_the_key_that_another_one_has_shown_to_be_right(rig):
    rig.answered()
    rig.looks(10, shaken=True)
    up, *down = POLICY.tunnels
    silent_s = rig.now.timestamp()
    for _ in range(100):
        rig.now += timedelta(seconds=30)
        shaken_s = {
            name: rig.now.timestamp() - 5 if name == up else silent_s for name in (up, *down)
        }
        states = {
            name: TunnelState(
                1, 1340, 1, 0, {PEER.public_key: PeerStatus(None, shaken_s[name], 0, 0)}
            )
            for name in (up, *down)
        }
        rig.pairs.tend(states, SETTLED)
        assert rig.used() == {rig.key()}
