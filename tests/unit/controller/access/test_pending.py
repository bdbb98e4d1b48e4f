"""Devices whose files are written elsewhere: what waits, and who may let it count."""

import base64
from datetime import UTC, datetime

import pytest

from controller.access.pending import (
    LASTS,
    open_pending,
    pending_plain,
    read_pending,
    seal_pending,
)
from controller.access.prepared_list import StepWish, enter_steps, prepare_step
from controller.keys.psk_sealing import PskVault
from inventory.errors import AccessError
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar
from vpn.wireguard import keys

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
BY = "7 a.ngono"


@pytest.fixture
def registrar(tmp_path):
    made = make_registrar(tmp_path)
    yield made
    made.close()


def fresh():
    return keys.public_of(keys.generate_private())


def carried(vault, pending):
    """Return what comes out of a sealed text at the other end of the way."""
    text = seal_pending(vault, pending_plain(pending), BY, NOW)
    return read_pending(open_pending(vault, text, BY, NOW))


def test_a_device_that_was_sealed_and_came_back_is_on_record_with_its_preshared_keys(
    registrar, tmp_path
):
    pending = registrar.prepare(None, NGONO, "tablet", fresh())
    assert registrar.store.find(NGONO.name) is None
    registrar.commit_device(carried(PskVault(tmp_path), pending), ACT)
    (device,) = registrar.store.entry(NGONO.name).in_use
    assert device == pending.handover.device
    again = registrar.export(NGONO.name, None, ACT)
    assert {n: c.peers for n, c in again.files.items()} == {
        n: c.peers for n, c in pending.handover.files.items()
    }


def test_another_key_counts_once_its_file_is_written_and_not_twice(registrar, tmp_path):
    registrar.commit_device(registrar.prepare(None, NGONO, "tablet", fresh()), ACT)
    before = registrar.store.entry(NGONO.name).in_use
    pending = carried(PskVault(tmp_path), registrar.prepare_rotation(NGONO.name, None, fresh()))
    assert registrar.store.entry(NGONO.name).in_use == before
    registrar.commit_device(pending, ACT)
    (device,) = registrar.store.entry(NGONO.name).in_use
    assert device.public_key == pending.handover.device.public_key
    with pytest.raises(AccessError, match="was changed by somebody else meanwhile"):
        registrar.commit_device(pending, ACT)


@pytest.mark.parametrize(
    "wrong", ["late", "another's", "torn", "none of ours", "of another controller"]
)
def test_what_is_late_anothers_or_changed_is_refused(registrar, tmp_path, wrong):
    vault, by, now = PskVault(tmp_path), BY, NOW
    pending = registrar.prepare(None, NGONO, "tablet", fresh())
    text = seal_pending(vault, pending_plain(pending), BY, NOW)
    assert open_pending(vault, text, BY, NOW + LASTS)
    if wrong == "late":
        now = NOW + LASTS * 1.01
    elif wrong == "another's":
        by = "8 a.ngono"
    elif wrong == "torn":
        octets = bytearray(base64.b64decode(text))
        octets[40] ^= 1
        text = base64.b64encode(octets).decode()
    elif wrong == "none of ours":
        text = "no base64 é"
    else:
        vault = PskVault(tmp_path / "other")
        (tmp_path / "other").mkdir()
    with pytest.raises(AccessError, match="made too long ago, or elsewhere"):
        open_pending(vault, text, by, now)


def test_steps_are_done_until_one_fails_and_the_others_stay_undone(registrar):
    wishes = [
        StepWish("add", NGONO, "tablet", fresh()),
        StepWish("revoke", NGONO, "phone"),
        StepWish("add", NGONO, "laptop", fresh()),
    ]
    steps = [prepare_step(registrar, wish) for wish in wishes]
    done, error = enter_steps(registrar, steps, ACT)
    assert done == 1
    assert "no device called 'phone'" in str(error)
    assert [one.name for one in registrar.store.entry(NGONO.name).in_use] == ["tablet"]
