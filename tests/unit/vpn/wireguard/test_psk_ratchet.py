"""The week's preshared key of two devices: the same at both ends, and no way back."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from vpn.wireguard import psk_ratchet
from vpn.wireguard.psk_ratchet import EPOCH_S, FIRST_S, LAST_EPOCH, PskChain

SECRET = bytes(range(32))
CHAIN = psk_ratchet.first_chain(SECRET, 1, "mora-e1", "yaounde-e1")


def test_both_ends_have_one_chain_and_every_pair_and_series_another():
    assert psk_ratchet.first_chain(SECRET, 1, "yaounde-e1", "mora-e1") == CHAIN
    others = {
        psk_ratchet.first_chain(SECRET, 2, "mora-e1", "yaounde-e1"),
        psk_ratchet.first_chain(SECRET, 1, "mora-e1", "maroua-e1"),
        psk_ratchet.first_chain(bytes(32), 1, "mora-e1", "yaounde-e1"),
        # Names are not run together.
        psk_ratchet.first_chain(SECRET, 1, "mora-e", "1yaounde-e1"),
    }
    assert len(others | {CHAIN}) == 5


def test_a_step_is_hmac_with_a_constant():
    chain, digest = CHAIN.octets, hashlib.sha256
    assert psk_ratchet.preshared_key(CHAIN, 0) == hmac.new(chain, b"\x01", digest).digest()
    following = hmac.new(chain, b"\x02", digest).digest()
    assert psk_ratchet.turn_chain(CHAIN, 1) == PskChain(1, following)
    assert psk_ratchet.preshared_key(CHAIN, 1) == hmac.new(following, b"\x01", digest).digest()


def test_whoever_was_away_comes_to_the_key_of_today_and_nobody_back_to_those_before():
    month_old, today = psk_ratchet.turn_chain(CHAIN, 3), psk_ratchet.turn_chain(CHAIN, 8)
    assert psk_ratchet.preshared_key(month_old, 8) == psk_ratchet.preshared_key(today, 8)
    with pytest.raises(ValueError, match="the keys of epoch 7 are gone"):
        psk_ratchet.preshared_key(today, 7)


def test_no_two_weeks_have_the_same_key():
    assert len({psk_ratchet.preshared_key(CHAIN, epoch) for epoch in range(200)}) == 200


def test_weeks_begin_on_mondays_at_midnight_utc():
    monday = datetime(2026, 11, 30, tzinfo=UTC)
    epoch = psk_ratchet.epoch_at(monday.timestamp())
    assert psk_ratchet.epoch_at((monday - timedelta(seconds=1)).timestamp()) == epoch - 1
    assert FIRST_S + epoch * EPOCH_S == monday.timestamp()


@pytest.mark.parametrize(("unix_s", "epoch"), [(0, 0), (-1e9, 0), (1e12, LAST_EPOCH)])
def test_a_clock_that_is_far_off_leads_to_an_end_of_the_century(unix_s, epoch):
    assert psk_ratchet.epoch_at(unix_s) == epoch


def test_neither_a_chain_nor_its_fingerprint_tells_the_secret():
    assert CHAIN.octets.hex() not in repr(CHAIN)
    assert psk_ratchet.chain_fingerprint(SECRET, 1) != psk_ratchet.chain_fingerprint(SECRET, 2)
    assert len(psk_ratchet.chain_fingerprint(SECRET, 1)) == 16


@pytest.mark.parametrize(
    ("epoch", "octets"), [(0, b""), (-1, bytes(32)), (LAST_EPOCH + 1, bytes(32))]
)
def test_what_is_no_chain_is_refused(epoch, octets):
    with pytest.raises(ValueError, match="this is no chain"):
        PskChain(epoch, octets)
