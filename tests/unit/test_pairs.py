"""The preshared keys of a device: from the controller's chains, week by week, through restarts."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.pairs import FILE as SECRET_FILE
from controller.pairs import PairSecret
from edge import chains, envelopes, files
from edge.clock import Moment
from edge.dataplane.generations import SETTLED
from edge.dataplane.wireguard import NO_PRESHARED_KEY, PeerState, TunnelState
from edge.epochs import LISTENED_S, OVERDUE_S, TRIED_S
from edge.pairs import FILE, Pairs
from inventory.errors import CredentialError, PolicyRefusedError
from tests.edge_policies import SIGNER, edge_policy
from vpn import keys, ratchet
from vpn.ratchet import EPOCH_S

PRIVATE = keys.generate()
PUBLIC = keys.public_of(PRIVATE)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
POLICY = replace(edge_policy(), preshared=1)
(PEER, *_) = POLICY.peers
DEVICE = POLICY.device


def given(state_dir, series=1, device=DEVICE, key=PUBLIC, signer=SIGNER):
    """Return the envelope of a controller with a state folder."""
    secret = PairSecret(state_dir, series)
    delivery = secret.delivery(device, [peer.device for peer in POLICY.peers], NOW)
    return chains.sign(delivery, signer, key)


def check(envelope, file):
    return chains.verify(envelope, file, SIGNER.public_key(), (PRIVATE.octets,))


class Rig:
    """The pairs of a device with a clock, and sessions as the test says."""

    def __init__(self, folder):
        self.folder, self.state_dir = folder / "edge", folder / "state"
        self.folder.mkdir()
        self.now = NOW
        self.shaken_s = 0.0
        self.pairs = self.anew()

    def anew(self):
        made = Pairs(self.folder, DEVICE, check, self.clock)
        made.open()
        return made

    def clock(self):
        at_s = self.now.timestamp()
        return Moment("boot", at_s, at_s, at_s)

    def take(self, **how):
        asyncio.run(self.pairs.take(given(self.state_dir, **how)))

    def follow(self, policy=POLICY):
        return self.pairs.follow(policy)

    def looks(self, after_s=3.0, *, shaken=False):
        """Look after a time at sessions that all had a handshake then, or none since."""
        self.now += timedelta(seconds=after_s)
        self.shaken_s = self.now.timestamp() - 1 if shaken else self.shaken_s
        state = PeerState(None, self.shaken_s, 0, 0)
        peers = {peer.public_key: state for peer in POLICY.peers}
        return self.pairs.tend(
            {name: TunnelState(1, 1340, 1, 0, peers) for name in POLICY.tunnels}, SETTLED
        )

    def key(self, series=1, off=0, peer=PEER):
        """Return the preshared key of a week before or after this one, as the controller has it."""
        epoch = ratchet.epoch_at(self.now.timestamp()) + off
        secret = (self.state_dir / SECRET_FILE).read_bytes()
        chain = ratchet.first(secret, series, DEVICE, peer.device)
        return ratchet.preshared(chain, epoch)

    def used(self, peer=PEER):
        """Return the preshared keys that tunnels to a peer have."""
        return {key for (_, device), key in self.pairs.keys.items() if device == peer.device}

    def stored(self):
        return json.loads((self.folder / FILE).read_text())


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


def test_the_next_week_brings_the_next_key_and_the_one_before_the_last_is_gone(rig):
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
    rig.now += timedelta(seconds=EPOCH_S)
    rig.looks(shaken=True)
    assert rig.used() == {rig.key()}
    rig.looks(10, shaken=True)
    rig.looks(10, shaken=True)
    rig.looks(10, shaken=True)
    rig.looks(10, shaken=True)
    epoch = ratchet.epoch_at(rig.now.timestamp())
    stored = rig.stored()["peers"][PEER.device]
    assert (stored["answered"], stored["chains"]["1"][0]) == ([1, epoch], epoch - 1)
    secret = (rig.state_dir / SECRET_FILE).read_bytes()
    older = ratchet.turned(ratchet.first(secret, 1, DEVICE, PEER.device), epoch - 2)
    assert older.octets not in {chain.octets for chain in _chains(rig)}


def _chains(rig):
    return [chain for pair in rig.anew()._pairs.values() for chain in pair.chains.values()]


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


def test_a_device_that_is_restored_from_an_image_of_a_month_ago_has_today_s_key(rig):
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
    image = (rig.folder / FILE).read_bytes()
    rig.now += timedelta(days=31)
    files.replace(rig.folder / FILE, image)
    rig.pairs = rig.anew()
    rig.follow()
    assert rig.used() == {rig.key()}


def test_a_policy_of_another_series_moves_to_it_and_lets_the_former_go_once_it_is_answered(rig):
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
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
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
    rig.take(series=2)
    rig.follow(replace(POLICY, preshared=2))
    rig.looks()
    rig.follow(POLICY)
    rig.looks()
    assert rig.used() == {rig.key()}


def test_a_policy_whose_chains_never_came_is_told_and_the_tunnels_have_what_they_had(rig):
    rig.follow(replace(POLICY, preshared=3))
    assert "there are no preshared keys of series 3 with" in rig.pairs.fault
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


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"device": "maroua-e1"}, "are for 'maroua-e1' and not for this device"),
        ({"key": keys.public_of(keys.generate())}, "sealed to another device's key"),
        ({"signer": Ed25519PrivateKey.generate()}, "has not signed this"),
    ],
)
def test_chains_that_are_not_this_controller_s_for_this_device_are_refused(rig, how, what):
    with pytest.raises(PolicyRefusedError, match=what):
        rig.take(**how)
    assert not (rig.folder / FILE).exists()


def test_chains_of_another_secret_are_refused_in_the_same_series_and_taken_in_the_next(rig):
    rig.take()
    (rig.state_dir / SECRET_FILE).unlink()
    with pytest.raises(PolicyRefusedError, match="raise 'preshared' in network"):
        rig.take()
    rig.take(series=2)
    assert set(rig.pairs.known()) == {"1", "2"}


@pytest.mark.parametrize(
    "change",
    [
        {"peers": ["one", "two"]},
        {"epoch": "x"},
        {"epoch": -1},
        {"peers": 3},
        {"sealed": "%"},
        {"series": None},
    ],
)
def test_what_a_controller_signed_and_is_no_chain_all_the_same_is_refused(rig, change):
    rest = {k: v for k, v in json.loads(given(rig.state_dir)).items() if k != "signature"}
    envelope = envelopes.signed({**rest, **change}, b"sanaga pair chains\n", SIGNER)
    with pytest.raises(PolicyRefusedError, match="the chains: these are no chains"):
        asyncio.run(rig.pairs.take(envelope))


def test_no_secret_is_in_what_a_controller_sends_or_a_device_tells(rig):
    envelope = given(rig.state_dir)
    secret = (rig.state_dir / SECRET_FILE).read_bytes()
    rig.take()
    rig.follow()
    told = envelope + json.dumps(rig.pairs.known()) + repr(check(envelope, "it"))
    for octets in (secret, rig.key(), *(chain.octets for chain in _chains(rig))):
        assert octets.hex() not in told
        assert keys.Secret(octets).reveal() not in told


def test_a_controller_s_secret_that_is_none_is_told(tmp_path):
    files.replace(tmp_path / SECRET_FILE, b"short")
    with pytest.raises(CredentialError, match="this is no secret of preshared keys"):
        PairSecret(tmp_path, 1)


def test_a_tunnel_that_is_a_handshake_behind_takes_nothing_back(rig):
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
    before = rig.stored()
    epoch = before["peers"][PEER.device]["answered"][1]
    end = next(iter(rig.pairs.keys))
    rig.pairs._choices[end] = replace(rig.pairs._choices[end], term=(1, epoch - 1), shaken_s=1.0)
    rig.looks(shaken=True)
    assert rig.stored() == before


def test_a_tunnel_that_nobody_tells_of_proves_nothing(rig):
    """Whoever serves it may be slow to answer; its handshakes are what they were."""
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
    before, keys_before = rig.stored(), rig.pairs.keys
    for _ in range(5):
        rig.now += timedelta(seconds=OVERDUE_S)
        assert not rig.pairs.tend({}, SETTLED)
        rig.looks(1)
        assert rig.stored() == before
    assert rig.pairs.keys.keys() == keys_before.keys()


def test_a_policy_without_preshared_keys_that_comes_back_finds_a_far_end_that_has_them(rig):
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
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
    real = files.replace

    def full(*_args, **_how):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replace", full)
    with pytest.raises(OSError, match="No space"):
        rig.take(series=2)
    assert set(rig.pairs.known()) == {"1"}
    rig.looks(shaken=True)
    assert rig.pairs.disk_fault == "preshared.json: No space left on device"
    monkeypatch.setattr(files, "replace", real)
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
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
    rig.take(series=2)
    rig.follow(replace(POLICY, preshared=2))
    rig.looks()
    rig.looks()
    (one, *_) = POLICY.tunnels
    rig.now += timedelta(seconds=3)
    peers = {POLICY.peers[0].public_key: PeerState(None, rig.now.timestamp() - 1, 0, 0)}
    rig.pairs.tend({one: TunnelState(1, 1340, 1, 0, peers)}, SETTLED)
    stored = rig.stored()["peers"][PEER.device]
    assert stored["answered"][0] == 2
    assert set(stored["chains"]) == {"1", "2"}


def test_a_tunnel_that_is_down_keeps_the_key_that_another_one_has_shown_to_be_right(rig):
    rig.take()
    rig.follow()
    rig.looks()
    rig.looks(shaken=True)
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
                1, 1340, 1, 0, {PEER.public_key: PeerState(None, shaken_s[name], 0, 0)}
            )
            for name in (up, *down)
        }
        rig.pairs.tend(states, SETTLED)
        assert rig.used() == {rig.key()}
