"""Chains of preshared keys on their way from a controller, and what is refused of them."""

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.keys.psk_root import FILE as SECRET_FILE
from controller.keys.psk_root import PairSecret
from edge.keys.psk import FILE
from edge.signed import envelope as signed_envelope
from edge.storage import atomic
from inventory.errors import CredentialError, PolicyRefusedError
from tests.rigs.edge.edge_policies import SIGNER
from tests.rigs.edge.pairs_rig import (
    Rig,
    check,
    given,
    stored_chains,
)
from vpn.wireguard import keys


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"device": "maroua-e1"}, "are for 'maroua-e1' and not for this device"),
        ({"key": keys.public_of(keys.generate_private())}, "sealed to another device's key"),
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
    envelope = signed_envelope.sign_object({**rest, **change}, b"sanaga pair chains\n", SIGNER)
    with pytest.raises(PolicyRefusedError, match="the chains: not a preshared-key bundle"):
        asyncio.run(rig.pairs.take(envelope))


def test_no_secret_is_in_what_a_controller_sends_or_a_device_tells(rig):
    envelope = given(rig.state_dir)
    secret = (rig.state_dir / SECRET_FILE).read_bytes()
    rig.take()
    rig.follow()
    told = envelope + json.dumps(rig.pairs.known()) + repr(check(envelope, "it"))
    for octets in (secret, rig.key(), *(chain.octets for chain in stored_chains(rig))):
        assert octets.hex() not in told
        assert keys.Secret(octets).reveal() not in told


def test_a_controller_s_secret_that_is_none_is_told(tmp_path):
    atomic.replace(tmp_path / SECRET_FILE, b"short")
    with pytest.raises(CredentialError, match="this is no secret of preshared keys"):
        PairSecret(tmp_path, 1)
