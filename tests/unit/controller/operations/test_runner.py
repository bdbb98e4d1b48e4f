"""Operations run one beside the other, those that change devices one after the other."""

from threading import Event as Flag
from time import time

import pytest

from controller.apply.events import Decided, WaveStarted
from controller.operations.model import OperationKind, OperationRunningError, OperationState
from controller.operations.runner import REMEMBERED, Operations
from inventory.errors import PlanError

WITHIN_S = 60


@pytest.fixture
def published():
    return []


@pytest.fixture
def operations(published):
    made = Operations(published.append, time)
    yield made
    made.stop()


def ended(operations, operation):
    assert operations.wait(operation.id, WITHIN_S)
    return operation


def test_what_an_operation_tells_is_kept_and_published_with_its_end(operations, published):
    def work(watch):
        watch(WaveStarted(1, 1, ("mora-r1",)))
        return {"push": 1}

    done = ended(operations, operations.start(OperationKind.APPLY, "ngono", work))
    assert (done.state, done.result, done.error) == (OperationState.DONE, {"push": 1}, None)
    assert [event["event"] for event in done.events] == ["WaveStarted"]
    assert [one["state"] for one in published] == ["running", "done"]
    assert published[0]["devices"] == ["mora-r1"]


def test_a_second_change_waits_for_the_end_of_the_first_and_a_plan_does_not(operations):
    goes_on = Flag()
    first = operations.start(OperationKind.APPLY, "ngono", lambda _: goes_on.wait(WITHIN_S) and {})
    did = []
    with pytest.raises(OperationRunningError, match="ngono has begun operation"):
        operations.start(OperationKind.ROLLBACK, "eto", dict, before=lambda: did.append("noted"))
    assert did == []
    plan = operations.start(OperationKind.PLAN, "eto", lambda _: {})
    assert ended(operations, plan).state is OperationState.DONE
    goes_on.set()
    ended(operations, first)
    again = operations.start(OperationKind.ROLLBACK, "eto", lambda _: {})
    assert ended(operations, again).state is OperationState.DONE


def test_what_must_be_done_first_and_fails_lets_nothing_begin(operations):
    def refuse():
        raise PlanError("no")

    with pytest.raises(PlanError):
        operations.start(OperationKind.APPLY, "ngono", lambda _: {}, before=refuse)
    assert operations.listed() == ()


def test_an_interruption_ends_a_wait_and_is_told_as_such(operations):
    begun = Flag()

    def work(watch):
        begun.set()
        watch.pause(WITHIN_S)
        return {}

    operation = operations.start(OperationKind.APPLY, "ngono", work)
    assert begun.wait(WITHIN_S)
    operations.interrupt(operation.id)
    done = ended(operations, operation)
    assert (done.state, done.error["type"]) == (OperationState.FAILED, "Interrupted")


def test_what_is_decided_goes_to_its_end_undisturbed(operations):
    decided, asked = Flag(), Flag()

    def work(watch):
        watch(Decided("confirm", "verified"))
        decided.set()
        asked.wait(WITHIN_S)
        watch.pause(0.0)
        watch(WaveStarted(1, 1, ()))
        return {"kept": True}

    operation = operations.start(OperationKind.APPLY, "ngono", work)
    assert decided.wait(WITHIN_S)
    operations.interrupt(operation.id)
    asked.set()
    assert ended(operations, operation).result == {"kept": True}


def test_errors_are_told_and_faults_of_the_program_without_their_text(operations, caplog):
    def refuse(_):
        raise PlanError("mora-r1 cannot be planned for")

    def fail(_):
        raise ValueError("password hunter2")

    told = ended(operations, operations.start(OperationKind.PLAN, "ngono", refuse))
    assert told.error == {"type": "PlanError", "detail": "mora-r1 cannot be planned for"}
    fault = ended(operations, operations.start(OperationKind.PLAN, "ngono", fail))
    assert "ValueError" in fault.error["detail"]
    assert "hunter2" not in str(fault.error)
    assert "hunter2" in caplog.text


def test_only_the_newest_are_remembered(operations):
    for _ in range(REMEMBERED + 5):
        ended(operations, operations.start(OperationKind.PLAN, "ngono", lambda _: {}))
    found = operations.listed()
    assert len(found) <= REMEMBERED + 1
    assert found[0].serial == REMEMBERED + 5
    assert [one.serial for one in found] == sorted((one.serial for one in found), reverse=True)


def test_a_stop_interrupts_what_runs_and_waits_for_it(operations):
    begun, left = Flag(), []

    def work(watch):
        begun.set()
        try:
            watch.pause(WITHIN_S)
        finally:
            left.append("as before")
        return {}

    operations.start(OperationKind.APPLY, "ngono", work)
    assert begun.wait(WITHIN_S)
    operations.stop()
    assert left == ["as before"]
