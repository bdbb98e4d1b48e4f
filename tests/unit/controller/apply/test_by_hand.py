from datetime import datetime

import pytest

from controller.apply.recovery import confirm, resume, rollback
from controller.apply.run import apply
from controller.drivers.memory import Act, Faults
from controller.model import DeviceConfig, Outcome
from inventory.errors import StalePlanError, UnfinishedError, UnknownNameError
from tests.rigs.controller.apply_rig import NAMES, chain, old


def test_held_apply_is_kept_by_a_person(bench):
    result = apply(chain(), bench.context(), confirm_within_s=120, hold=True)
    assert result.outcome is Outcome.PENDING
    assert bench.pending() == list(NAMES)
    with pytest.raises(UnfinishedError, match="waits for a person"):
        resume(bench.context())
    with pytest.raises(UnfinishedError, match="waits for a person"):
        apply(chain(), bench.context())
    bench.clock.pause(110)
    assert confirm(bench.context()).outcome is Outcome.CONFIRMED
    assert bench.versions() == "new"
    assert bench.pending() == []


@pytest.mark.parametrize("promised_s", [60, 120, 3600])
def test_person_has_the_time_that_was_promised_and_the_timers_end_with_it(bench, promised_s):
    result = apply(chain(), bench.context(), confirm_within_s=promised_s, hold=True)
    until = datetime.fromisoformat(result.until) - bench.clock.instant()
    assert promised_s - 1 <= until.total_seconds() <= promised_s
    margin_s = bench.context().pace.margin_s(len(NAMES))
    left = {bench.network.device(n).unconfirmed.deadline - bench.clock.now() for n in NAMES}
    assert all(promised_s <= left_s <= promised_s + margin_s + 1 for left_s in left)
    bench.clock.pause(promised_s - 1)
    assert bench.versions() == "new"
    assert confirm(bench.context()).outcome is Outcome.CONFIRMED


def test_timer_that_cannot_be_started_anew_takes_everyone_back(bench):
    bench.network.device("middle-r1").faults = Faults(hangs=frozenset({Act.EXTEND}))
    result = apply(chain(), bench.context(), confirm_within_s=3600, hold=True)
    assert result.outcome is Outcome.ROLLED_BACK
    assert "could not be started again: middle-r1" in result.because
    assert bench.versions() == "old"
    assert bench.journal.unfinished() == ()


def test_held_apply_that_nobody_confirms_undoes_itself(bench):
    apply(chain(), bench.context(), confirm_within_s=120, hold=True)
    bench.clock.pause(1000)
    assert bench.versions() == "old"
    late = confirm(bench.context())
    assert late.outcome is Outcome.ROLLED_BACK
    assert "over" in late.because
    with pytest.raises(UnknownNameError):
        confirm(bench.context())


def test_held_apply_is_taken_back_by_a_person(bench):
    pending = apply(chain(), bench.context(), confirm_within_s=120, hold=True)
    assert rollback(bench.context(), pending.apply_id).outcome is Outcome.ROLLED_BACK
    assert bench.versions() == "old"


def test_finished_apply_is_taken_back_by_its_inverse(bench):
    done = apply(chain(), bench.context())
    back = rollback(bench.context(), done.apply_id)
    assert back.outcome is Outcome.CONFIRMED
    assert bench.versions() == "old"
    assert all(bench.network.device(n).startup == old(n) for n in NAMES)


def test_apply_is_not_taken_back_from_a_device_changed_since(bench):
    apply(chain(), bench.context())
    bench.network.device("far-r1").running = DeviceConfig("by hand\n")
    with pytest.raises(StalePlanError, match=r"apply 1 cannot be taken back.*far-r1"):
        rollback(bench.context())


def test_rolled_back_apply_cannot_be_rolled_back(bench):
    bench.network.device("near-r1").faults = Faults(rejects=frozenset({"version 2"}))
    done = apply(chain(), bench.context())
    with pytest.raises(UnknownNameError, match="nothing to roll back"):
        rollback(bench.context(), done.apply_id)
    with pytest.raises(UnknownNameError):
        rollback(bench.context())


def test_rollback_said_twice_is_refused_with_the_number_to_give(bench):
    apply(chain(), bench.context())
    rollback(bench.context())
    with pytest.raises(UnknownNameError, match=r"apply, 2, is itself a rollback.*rollback 2'"):
        rollback(bench.context())
    assert bench.versions() == "old"
    assert rollback(bench.context(), 2).outcome is Outcome.CONFIRMED
    assert bench.versions() == "new"


def test_confirming_what_does_not_wait_is_refused_in_plain_words(bench):
    with pytest.raises(UnknownNameError, match="no apply waits for confirmation"):
        confirm(bench.context())
    apply(chain(), bench.context())
    with pytest.raises(UnknownNameError, match="apply 1 does not wait for confirmation"):
        confirm(bench.context(), 1)
