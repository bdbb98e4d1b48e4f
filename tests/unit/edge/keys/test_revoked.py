"""Keys that an edge shuts out: the newest list, through restarts, and what is left of a policy."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.keys.revoked import FILE, KEYS, RevokedKeys
from edge.signed import envelope as signed_envelope
from edge.signed import revocation_envelope
from edge.storage import atomic
from inventory.errors import PolicyRefusedError
from tests.rigs.edge.edge_policies import SIGNER, edge_policy
from vpn.people.revocation_list import RevocationList
from vpn.wireguard import keys

AT = datetime(2026, 11, 27, tzinfo=UTC)
ONE, TWO, THREE = (keys.public_of(keys.generate_private()) for _ in range(3))
POLICY = edge_policy()
(PEER, *OTHERS) = POLICY.peers


def listed(serial, *gone, signer=SIGNER):
    return revocation_envelope.sign_revocation_list(RevocationList(serial, AT, gone), signer)


def check(envelope, file):
    return revocation_envelope.verify_revocation_list(envelope, file, SIGNER.public_key())


@pytest.fixture
def revoked(tmp_path):
    return RevokedKeys(tmp_path, check)


def take(revoked, envelope):
    return asyncio.run(revoked.take(envelope))


def again(tmp_path):
    made = RevokedKeys(tmp_path, check)
    asyncio.run(made.open())
    return made


def test_a_newer_list_holds_and_outlives_a_restart(revoked, tmp_path):
    assert take(revoked, listed(1, ONE))
    assert take(revoked, listed(2, ONE, TWO))
    for one in (revoked, again(tmp_path)):
        assert (one.serial, one.keys) == (2, {ONE, TWO})
        assert one.envelope == listed(2, ONE, TWO)


@pytest.mark.parametrize("serial", [1, 2])
def test_a_list_that_is_not_newer_changes_nothing(revoked, serial):
    take(revoked, listed(2, ONE))
    assert not take(revoked, listed(serial, TWO))
    assert (revoked.serial, revoked.keys) == (2, {ONE})


def test_a_key_that_a_later_list_leaves_out_stays_shut_out(revoked, tmp_path):
    take(revoked, listed(1, ONE))
    assert take(revoked, listed(2, TWO))
    assert not take(revoked, listed(3, TWO))
    assert again(tmp_path).keys == {ONE, TWO}
    assert again(tmp_path).serial == 3


def test_what_the_controller_has_not_signed_is_refused(revoked, tmp_path):
    with pytest.raises(PolicyRefusedError, match="has not signed this"):
        take(revoked, listed(1, ONE, signer=Ed25519PrivateKey.generate()))
    assert revoked.keys == frozenset()
    assert not list(tmp_path.iterdir())


def test_a_list_changed_on_the_disk_is_told_and_the_keys_stay_shut_out(revoked, tmp_path):
    take(revoked, listed(1, ONE))
    atomic.replace(tmp_path / FILE, listed(1, ONE).replace(ONE, TWO))
    one = again(tmp_path)
    assert "has not signed this" in one.refused
    assert one.keys == {ONE}
    assert take(one, listed(1, ONE, TWO))
    assert one.refused == ""


def test_a_disk_that_takes_nothing_keeps_nobody_from_being_shut_out(revoked, tmp_path, monkeypatch):
    real = atomic.replace

    def full(path, content, **how):
        if path.name == FILE:
            raise OSError(28, "No space left on device")
        real(path, content, **how)

    monkeypatch.setattr(atomic, "replace", full)
    assert take(revoked, listed(1, ONE))
    assert (revoked.serial, revoked.keys) == (1, {ONE})
    assert revoked.disk_fault == "revoked.json: No space left on device"
    # Whoever is killed now knows the keys, and takes the list again.
    one = again(tmp_path)
    assert (one.serial, one.keys) == (0, {ONE})
    monkeypatch.setattr(atomic, "replace", real)
    asyncio.run(revoked.tend())
    assert revoked.disk_fault == ""
    assert again(tmp_path).serial == 1


def test_what_is_no_key_among_those_on_the_disk_is_passed_over(revoked, tmp_path):
    (tmp_path / KEYS).write_bytes(ONE.encode() + b"\n\xff\xfe\nnone\n")
    assert again(tmp_path).keys == {ONE}


@pytest.mark.parametrize(
    "change",
    [{"keys": "all"}, {"keys": ["none"]}, {"keys": [1]}, {"serial": -1}, {"serial": None},
     {"issued_at": "x"}, {"keys": [ONE] * (revocation_envelope.MOST_KEYS + 1)}],
)  # fmt: skip
def test_what_is_signed_and_no_list_is_refused(revoked, change):
    rest = {k: v for k, v in json.loads(listed(1, ONE)).items() if k != "signature"}
    envelope = signed_envelope.sign_object({**rest, **change}, b"sanaga revoked keys\n", SIGNER)
    with pytest.raises(PolicyRefusedError, match="not a list of revoked keys"):
        take(revoked, envelope)


def test_a_policy_of_nobody_who_is_shut_out_stays_as_it_is(revoked):
    take(revoked, listed(1, ONE))
    assert revoked.cut(POLICY) is POLICY
    assert revoked.cut(None) is None


def test_a_peer_whose_key_is_shut_out_is_none(revoked):
    take(revoked, listed(1, PEER.public_key))
    assert revoked.cut(POLICY) == replace(POLICY, peers=tuple(OTHERS))


@pytest.mark.parametrize(
    ("gone", "left"), [([ONE], (TWO, "")), ([TWO], (ONE, "")), ([ONE, TWO], None)]
)
def test_of_a_peer_that_moves_the_key_is_left_that_is_not_shut_out(revoked, gone, left):
    moving = replace(PEER, public_key=ONE, next_key=TWO)
    take(revoked, listed(1, *gone))
    peers = revoked.cut(replace(POLICY, peers=(moving, *OTHERS))).peers
    found = [(p.public_key, p.next_key) for p in peers if p.device == PEER.device]
    assert found == ([left] if left else [])
