"""The preshared keys of a device, with a clock, and sessions as a test says."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controller.keys.psk_root import FILE as SECRET_FILE
from controller.keys.psk_root import PairSecret
from edge.clock import Moment
from edge.identity.at_rest import AtRestCipher
from edge.identity.device import Identity
from edge.keys.psk import FILE, SEALED, PresharedKeys
from edge.signed import psk_envelope
from edge.wireguard.active_keys import SETTLED
from edge.wireguard.model import PeerStatus, TunnelState
from tests.rigs.edge.edge_policies import SIGNER, edge_policy
from vpn.wireguard import keys, psk_ratchet

PRIVATE = keys.generate_private()
PUBLIC = keys.public_of(PRIVATE)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
POLICY = replace(edge_policy(), preshared=1)
(PEER, *_) = POLICY.peers
DEVICE = POLICY.device


def given(state_dir, series=1, device=DEVICE, key=PUBLIC, signer=SIGNER):
    """Return the envelope of a controller with a state folder."""
    secret = PairSecret(state_dir, series)
    delivery = secret.delivery(device, [peer.device for peer in POLICY.peers], NOW)
    return psk_envelope.sign_psk_bundle(delivery, signer, key)


def check(envelope, file):
    return psk_envelope.verify_psk_bundle(envelope, file, SIGNER.public_key(), (PRIVATE.octets,))


class Rig:
    """The pairs of a device with a clock, and sessions as the test says."""

    def __init__(self, folder):
        self.folder, self.state_dir = folder / "edge", folder / "state"
        self.folder.mkdir()
        self.now = NOW
        self.shaken_s = 0.0
        self.pairs = self.anew()

    def anew(self):
        made = PresharedKeys(self.folder, Identity(DEVICE, PRIVATE.octets), check, self.clock)
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
        state = PeerStatus(None, self.shaken_s, 0, 0)
        peers = {peer.public_key: state for peer in POLICY.peers}
        return self.pairs.tend(
            {name: TunnelState(1, 1340, 1, 0, peers) for name in POLICY.tunnels}, SETTLED
        )

    def answered(self):
        """Have the week's keys, and a handshake with them."""
        self.take()
        self.follow()
        self.looks()
        self.looks(shaken=True)

    def key(self, series=1, off=0, peer=PEER):
        """Return the preshared key of a week before or after this one, as the controller has it."""
        epoch = psk_ratchet.epoch_at(self.now.timestamp()) + off
        secret = (self.state_dir / SECRET_FILE).read_bytes()
        chain = psk_ratchet.first_chain(secret, series, DEVICE, peer.device)
        return psk_ratchet.preshared_key(chain, epoch)

    def used(self, peer=PEER):
        """Return the preshared keys that tunnels to a peer have."""
        return {key for (_, device), key in self.pairs.keys.items() if device == peer.device}

    def stored(self):
        """Return what is on the disk, opened."""
        box = json.loads((self.folder / FILE).read_text())[SEALED]
        return json.loads(AtRestCipher(PRIVATE.octets).opened(box, FILE))

    def unsealed(self):
        """Put what is on the disk there as it was kept before boxes, in clear."""
        plain = self.stored()
        (self.folder / FILE).write_text(json.dumps(plain))
        return plain


def stored_chains(rig):
    """Return the chains on the disk."""
    return [chain for pair in rig.anew()._pairs.values() for chain in pair.chains.values()]
