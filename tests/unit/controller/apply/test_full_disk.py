"""An apply on a disk that is full: devices end where they belong, and the answer says so."""

from dataclasses import replace

import pytest

from controller.apply.events import Verified
from controller.apply.recovery import resume
from controller.apply.run import apply
from controller.model import Outcome
from inventory.errors import JournalError
from tests.rigs.controller.apply_rig import chain


def test_full_disk_keeps_no_device_from_becoming_what_it_was(bench, monkeypatch):
    def full(*_):
        raise JournalError("database or disk is full")

    def progress(event):
        if isinstance(event, Verified):
            for name in ("intend", "done", "decide", "finish"):
                monkeypatch.setattr(bench.journal, name, full)

    result = apply(chain(), replace(bench.context(), progress=progress))
    assert result.outcome is Outcome.ROLLED_BACK
    assert set(result.devices.values()) == {"as before"}
    assert "disk is full); then run 'sanaga apply --resume'" in result.because
    assert bench.versions() == "old"
    assert bench.pending() == []
    monkeypatch.undo()
    resumed = resume(bench.context())
    assert resumed
    assert resumed.outcome is Outcome.ROLLED_BACK
    assert bench.journal.unfinished() == ()


@pytest.mark.parametrize(
    ("name", "outcome", "versions"),
    [("finish", Outcome.CONFIRMED, "new"), ("decide", Outcome.ROLLED_BACK, "old")],
)
def test_end_that_cannot_be_recorded_is_told_all_the_same(
    bench, monkeypatch, name, outcome, versions
):
    def full(*_):
        raise JournalError("database or disk is full")

    monkeypatch.setattr(bench.journal, name, full)
    result = apply(chain(), bench.context())
    assert (result.outcome, bench.versions()) == (outcome, versions)
    monkeypatch.undo()
    resumed = resume(bench.context())
    assert (resumed is None) == (name == "decide")
    assert bench.versions() == versions


def test_apply_that_cannot_be_begun_says_that_nothing_was_changed(bench, monkeypatch):
    def full(*_):
        raise JournalError("database or disk is full")

    monkeypatch.setattr(bench.journal, "begin", full)
    with pytest.raises(JournalError, match=r"nothing was changed: database or disk is full"):
        apply(chain(), bench.context())
    assert bench.versions() == "old"
