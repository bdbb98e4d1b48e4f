"""Policies on an edge's disk: trials that return, also when the process is killed on the way."""

import errno
import json
from dataclasses import replace

import pytest

from edge.clock import Moment
from edge.policy.errors import TransactionError
from edge.policy.store import GOOD, RUNNING, PolicyStore
from edge.signed import policy_envelope
from edge.storage import atomic
from inventory.errors import PolicyRefusedError
from tests.rigs.edge.edge_policies import SIGNER, edge_policy, signed

TRUST = SIGNER.public_key()
NOON = Moment("boot-1", 1000.0, 1000.0, 1.8e9)
OLD, NEW = edge_policy(), edge_policy(lans=("lan0", "lan1"))


def later(seconds):
    return replace(NOON, since_boot_s=1000.0 + seconds, monotonic_s=1000.0 + seconds)


def opened(folder):
    return PolicyStore(
        folder, "kolofata-e1", lambda text, file: policy_envelope.verify_policy(text, file, TRUST)
    )


@pytest.fixture
def store(tmp_path):
    made = opened(tmp_path)
    made.stage("first", signed(OLD, 1), None)
    made.begin("first", 10, NOON)
    made.confirm()
    return made


def running(store):
    return store.load().signed.policy


def try_out(store, txn="second", within_s=60):
    store.stage(txn, signed(NEW, 2), store.load().signed)
    store.begin(txn, within_s, NOON)


def test_folder_without_a_policy_has_none(tmp_path):
    assert opened(tmp_path).load().signed is None


def test_confirmed_policy_is_still_there_for_the_next_start(store, tmp_path):
    assert running(opened(tmp_path)) == OLD
    assert store.last() == {"txn": "first", "outcome": "confirmed"}


def test_policy_on_trial_runs(store):
    try_out(store)
    assert running(store) == NEW
    assert store.trial().left_s(later(10)) == 50


def test_trial_is_over_when_its_time_is_up(store, tmp_path):
    try_out(store)
    assert opened(tmp_path).recover(later(59)) is None
    assert opened(tmp_path).recover(later(61)) == "expired"
    assert running(store) == OLD
    assert store.last() == {"txn": "second", "outcome": "expired"}


def test_trial_does_not_outlive_a_restart_of_the_machine(store, tmp_path):
    try_out(store)
    assert opened(tmp_path).recover(replace(NOON, boot="boot-2", since_boot_s=5)) == "restarted"
    assert running(store) == OLD


@pytest.mark.parametrize("step_s", [-1e9, 1e9])
def test_step_of_the_clock_does_not_end_a_trial(store, tmp_path, step_s):
    try_out(store)
    stepped = replace(later(30), unix_s=NOON.unix_s + step_s)
    assert opened(tmp_path).recover(stepped) is None
    assert store.trial().left_s(stepped) == 30


def test_confirmed_trial_outlives_its_time(store, tmp_path):
    try_out(store)
    store.confirm()
    assert opened(tmp_path).recover(later(1000)) is None
    assert running(store) == NEW


def test_extended_trial_has_the_new_time(store):
    try_out(store)
    store.extend("second", 300, later(50))
    assert store.trial().left_s(later(50)) == 300


def test_another_trial_cannot_be_extended(store):
    try_out(store)
    with pytest.raises(TransactionError, match="not unconfirmed") as refused:
        store.extend("third", 300, NOON)
    assert refused.value.code == "undone"


def test_first_policy_that_is_not_confirmed_leaves_none(tmp_path):
    store = opened(tmp_path)
    store.stage("first", signed(OLD, 1), None)
    store.begin("first", 10, NOON)
    assert running(store) == OLD
    store.revert("rolled-back")
    assert store.load().signed is None


def test_candidate_that_is_not_staged_cannot_begin(store):
    with pytest.raises(TransactionError) as refused:
        store.begin("other", 60, NOON)
    assert refused.value.code == "unknown"


def test_candidate_staged_before_another_change_cannot_begin(store, tmp_path):
    store.stage("second", signed(NEW, 2), store.load().signed)
    (tmp_path / RUNNING).write_text(signed(NEW, 3), encoding="utf-8")
    with pytest.raises(TransactionError) as refused:
        store.begin("second", 60, NOON)
    assert refused.value.code == "changed"


@pytest.mark.parametrize("txn", ["", "a b", "../../etc", "x" * 65])
def test_name_of_a_transaction_is_a_plain_word(store, txn):
    with pytest.raises(TransactionError) as refused:
        store.stage(txn, signed(NEW, 2), None)
    assert refused.value.code == "usage"


def test_refused_candidate_leaves_what_runs(store):
    with pytest.raises(PolicyRefusedError):
        store.stage("second", signed(NEW, 1), store.load().signed)
    assert running(store) == OLD


def test_corrupt_running_policy_gives_way_to_the_last_good_one(store, tmp_path):
    (tmp_path / RUNNING).write_text("{ torn", encoding="utf-8")
    loaded = store.load()
    assert loaded.signed.policy == OLD
    assert "policy.json: no JSON" in loaded.refused


def test_running_policy_changed_by_hand_gives_way_to_the_last_good_one(store, tmp_path):
    forged = json.loads((tmp_path / GOOD).read_text(encoding="utf-8"))
    forged["policy"]["lans"] = ["eve0"]
    (tmp_path / RUNNING).write_text(json.dumps(forged), encoding="utf-8")
    assert running(store) == OLD
    assert "has not signed this" in store.load().refused


def test_policy_put_there_by_hand_counts_as_confirmed(store, tmp_path):
    (tmp_path / RUNNING).unlink()
    (tmp_path / RUNNING).write_text(signed(NEW, 5), encoding="utf-8")
    store.adopt()
    assert (
        policy_envelope.verify_policy(
            (tmp_path / GOOD).read_text(encoding="utf-8"), "x", TRUST
        ).serial
        == 5
    )


def test_policy_on_trial_is_not_adopted(store):
    try_out(store)
    store.adopt()
    store.revert("rolled-back")
    assert running(store) == OLD


def test_policy_that_was_taken_back_may_be_tried_again_as_it_was(store):
    try_out(store)
    store.revert("expired")
    try_out(store, "third")
    assert running(store) == NEW


def test_policy_older_than_one_that_was_taken_back_is_refused(store):
    store.stage("second", signed(NEW, 5), store.load().signed)
    store.begin("second", 60, NOON)
    store.revert("rolled-back")
    for serial in (4, 5):
        with pytest.raises(PolicyRefusedError, match="not newer than 5, which was tried before"):
            store.stage("third", signed(OLD, serial), store.load().signed)
    assert store.newest(store.load().signed) == 5


def test_policy_that_was_only_staged_does_not_age_others(store):
    store.stage("second", signed(NEW, 5), store.load().signed)
    store.stage("third", signed(NEW, 2), store.load().signed)
    assert store.newest(store.load().signed) == 1


def test_trial_that_was_armed_and_never_began_cannot_be_confirmed(store, tmp_path, monkeypatch):
    def dying(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "copy_file", dying)
        with pytest.raises(Killed):
            try_out(store)
    assert store.trial() is not None
    assert running(store) == OLD
    assert opened(tmp_path).recover(later(1)) == "rejected"
    assert store.trial() is None


def test_trial_that_the_disk_does_not_let_begin_is_over(store, tmp_path, monkeypatch):
    real = atomic.copy_file

    def failing(source, target):
        if target == tmp_path / RUNNING and source.name == "staged.policy.json":
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    monkeypatch.setattr(atomic, "copy_file", failing)
    with pytest.raises(OSError, match="Input/output"):
        try_out(store)
    assert store.trial() is None
    assert running(store) == OLD


class Killed(BaseException):
    """The process ends here."""


STEPS = ("replace", "rename", "copy_file", "remove")


def interrupted_at(number, monkeypatch):
    """Let the process die before its step of that number on the disk."""
    left = [number]

    def dying(step):
        def act(*arguments, **options):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return step(*arguments, **options)

        return act

    for name in STEPS:
        monkeypatch.setattr(atomic, name, dying(getattr(atomic, name)))


@pytest.mark.parametrize("end", ["confirm", "revert"])
@pytest.mark.parametrize("number", range(22))
def test_killed_anywhere_ends_with_a_whole_policy_and_no_trial(
    store, tmp_path, monkeypatch, end, number
):
    with monkeypatch.context() as patched, pytest.MonkeyPatch.context():
        interrupted_at(number, patched)
        try:
            try_out(store)
            store.confirm() if end == "confirm" else store.revert("rolled-back")
        except Killed:
            pass
    again = opened(tmp_path)
    again.recover(later(100))
    assert again.trial() is None
    assert running(again) in {OLD, NEW}
    assert again.load().refused == ""
    last = again.last()
    decided = last["txn"] == "second" and last["outcome"] == "confirmed"
    assert (running(again) == NEW) == decided


def test_full_disk_refuses_a_candidate_and_keeps_what_runs(store, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.stage("second", signed(NEW, 2), store.load().signed)
    assert running(store) == OLD


@pytest.mark.parametrize("end", ["confirm", "revert"])
def test_trial_ends_on_a_full_disk(store, monkeypatch, end):
    try_out(store)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "replace", full)
    store.confirm() if end == "confirm" else store.revert("expired")
    assert store.trial() is None
    assert running(store) == (NEW if end == "confirm" else OLD)
