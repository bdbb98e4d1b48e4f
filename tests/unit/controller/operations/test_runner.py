"""Operations run one beside the other, those that change devices one after the other."""

from threading import Event as Flag
from time import time

import pytest
from sqlalchemy import func, select, text

from controller.apply.events import ApplyStarted, Decided, WaveStarted
from controller.operations.model import (
    Beginning,
    OperationKind,
    OperationRunningError,
    OperationState,
)
from controller.operations.operation_rows import KEPT, OperationRows
from controller.operations.runner import Operations, Pace
from controller.operations.schema import operation_events
from database.engine import reading
from inventory.errors import PlanError
from tests.rigs.waiting import eventually

WITHIN_S = 60
AT_ONCE = Pace(events_s=0.02, signs_s=0.05)
APPLY, PLAN, ROLLBACK = (
    Beginning(kind, "ngono")
    for kind in (OperationKind.APPLY, OperationKind.PLAN, OperationKind.ROLLBACK)
)


@pytest.fixture
def published():
    return []


@pytest.fixture
def operations(database, published):
    made = Operations(
        OperationRows(database), lambda _, data: published.append(data), time, AT_ONCE
    )
    yield made
    made.stop()


def ended(operations, operation):
    assert operations.wait(operation.id, WITHIN_S)
    return operations.find(operation.id)


def test_what_an_operation_tells_is_kept_and_published_with_its_end(operations, published):
    def work(watch):
        watch(ApplyStarted(7, "c0ffee", 1, 1))
        watch(WaveStarted(1, 1, ("mora-r1",)))
        return {"push": 1}

    done = ended(operations, operations.start(APPLY, work))
    assert (done.state, done.result, done.error) == (OperationState.DONE, {"push": 1}, None)
    assert [event["event"] for event in done.events] == ["ApplyStarted", "WaveStarted"]
    assert (done.position, done.apply, done.ended_s is not None) == (2, 7, True)
    assert [one["state"] for one in published] == ["running", "running", "done"]
    assert [one["position"] for one in published] == [1, 2, 2]
    assert published[1]["devices"] == ["mora-r1"]
    (again,) = operations.find(done.id, after=1).events
    assert again["event"] == "WaveStarted"


def test_an_end_that_comes_while_events_are_stored_is_published_once(database, published):
    storing = Flag()

    class SlowRows(OperationRows):
        def add_events(self, serial, position, events, ending=None):
            storing.set()
            if ending is None:
                eventually(lambda: all(run.ending for run in made._known()), WITHIN_S, "end")
            super().add_events(serial, position, events, ending)

    def work(watch):
        watch(WaveStarted(1, 1, ("mora-r1",)))
        assert storing.wait(WITHIN_S)
        return {}

    made = Operations(SlowRows(database), lambda _, data: published.append(data), time, AT_ONCE)
    try:
        ended(made, made.start(APPLY, work))
    finally:
        made.stop()
    assert [one["state"] for one in published] == ["running", "done"]


def test_progress_is_told_while_it_goes_on(operations):
    goes_on = Flag()

    def work(watch):
        watch(WaveStarted(1, 2, ("mora-r1",)))
        assert goes_on.wait(WITHIN_S)
        return {}

    begun = operations.start(APPLY, work)
    eventually(lambda: operations.find(begun.id).position == 1, WITHIN_S, "the first event")
    assert operations.find(begun.id).state is OperationState.RUNNING
    goes_on.set()
    assert ended(operations, begun).state is OperationState.DONE


def test_a_second_change_waits_for_the_end_of_the_first_and_a_plan_does_not(operations):
    goes_on = Flag()
    first = operations.start(APPLY, lambda _: goes_on.wait(WITHIN_S) and {})
    did = []
    with pytest.raises(OperationRunningError, match="ngono has begun operation"):
        operations.start(
            Beginning(OperationKind.ROLLBACK, "eto"), dict, before=lambda: did.append("noted")
        )
    assert did == []
    plan = operations.start(PLAN, lambda _: {})
    assert ended(operations, plan).state is OperationState.DONE
    goes_on.set()
    ended(operations, first)
    again = operations.start(ROLLBACK, lambda _: {})
    assert ended(operations, again).state is OperationState.DONE


def test_whoever_sees_a_part_of_the_network_is_not_told_who_is_in_the_way(operations):
    goes_on = Flag()
    operations.start(APPLY, lambda _: goes_on.wait(WITHIN_S) and {})
    with pytest.raises(OperationRunningError) as caught:
        operations.start(Beginning(OperationKind.APPLY, "eto", ("mora",)), dict)
    assert "ngono" not in str(caught.value)
    goes_on.set()


def test_everybody_makes_one_plan_at_a_time(operations):
    goes_on = Flag()
    operations.start(PLAN, lambda _: goes_on.wait(WITHIN_S) and {})
    with pytest.raises(OperationRunningError, match="ngono has begun"):
        operations.start(PLAN, dict)
    other = operations.start(Beginning(OperationKind.PLAN, "eto"), lambda _: {})
    assert ended(operations, other).state is OperationState.DONE
    goes_on.set()


def test_what_must_be_done_first_and_fails_lets_nothing_begin(operations):
    def refuse():
        raise PlanError("no")

    with pytest.raises(PlanError):
        operations.start(APPLY, lambda _: {}, before=refuse)
    assert operations.listed() == ()


def test_an_interruption_ends_a_wait_and_is_told_as_such(operations):
    begun = Flag()

    def work(watch):
        begun.set()
        watch.pause(WITHIN_S)
        return {}

    operation = operations.start(APPLY, work)
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

    operation = operations.start(APPLY, work)
    assert decided.wait(WITHIN_S)
    operations.interrupt(operation.id)
    asked.set()
    assert ended(operations, operation).result == {"kept": True}


def test_errors_are_told_and_faults_of_the_program_without_their_text(operations, caplog):
    def refuse(_):
        raise PlanError("mora-r1 cannot be planned for")

    def fail(_):
        raise ValueError("password hunter2")

    told = ended(operations, operations.start(PLAN, refuse))
    assert told.error == {"type": "PlanError", "detail": "mora-r1 cannot be planned for"}
    fault = ended(operations, operations.start(PLAN, fail))
    assert "ValueError" in fault.error["detail"]
    assert "hunter2" not in str(fault.error)
    assert "hunter2" in caplog.text


def test_only_the_newest_are_remembered(operations, database):
    first = operations.start(PLAN, lambda watch: watch(WaveStarted(1, 1, ())) or {})
    assert ended(operations, first).position == 1
    rows = OperationRows(database)
    for _ in range(KEPT):
        rows.begin(ROLLBACK, 0.0)
        with database.begin() as connection:
            connection.execute(text("UPDATE operations SET state = 'done'"))
    assert operations.find(first.id) is None
    with reading(database) as connection:
        query = select(func.count()).select_from(operation_events)
        assert connection.execute(query).scalar_one() == 0


def test_a_stop_interrupts_what_runs_and_waits_for_it(operations):
    begun, left = Flag(), []

    def work(watch):
        begun.set()
        try:
            watch.pause(WITHIN_S)
        finally:
            left.append("as before")
        return {}

    operation = operations.start(APPLY, work)
    assert begun.wait(WITHIN_S)
    operations.stop()
    assert left == ["as before"]
    assert operations.find(operation.id).state is OperationState.FAILED


def test_an_apply_goes_on_while_the_database_takes_nothing_and_all_is_told_afterwards(
    operations, database, monkeypatch
):
    rows, goes_on = operations._rows, Flag()
    add, refused = rows.add_events, []

    def full(*said):
        refused.append(said)
        with database.begin() as connection:
            connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    monkeypatch.setattr(rows, "add_events", full)

    def work(watch):
        for wave in range(3):
            watch(WaveStarted(wave, 3, ()))
        assert goes_on.wait(WITHIN_S)
        return {"push": 1}

    operation = operations.start(APPLY, work)
    eventually(lambda: len(refused) > 2, WITHIN_S, "refusals")
    goes_on.set()
    assert operations.wait(operation.id, WITHIN_S)
    assert operations.find(operation.id).state is OperationState.RUNNING
    monkeypatch.setattr(rows, "add_events", add)
    eventually(
        lambda: operations.find(operation.id).state is OperationState.DONE, WITHIN_S, "its end"
    )
    assert len(operations.find(operation.id).events) == 3
