"""Operations of one process, seen, interrupted and outlived by another on the same PostgreSQL."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from time import time

import pytest

from controller.operations.model import (
    Beginning,
    OperationKind,
    OperationRunningError,
    OperationState,
)
from controller.operations.operation_rows import OperationRows
from controller.operations.runner import Operations
from database.engine import open_engine
from tests.rigs.waiting import eventually
from tests.sanaga_process import ROOT

WITHIN_S = 60
# Signs of life come ten times as often.
SILENT_S = 1.5
ROLLBACK = Beginning(OperationKind.ROLLBACK, "eto")


@contextmanager
def running(address, mode):
    """Give a process that runs an operation, and the operation's number."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rigs.service.operating_process", address, mode],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process, process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


@pytest.fixture
def here(postgresql_address):
    engine = open_engine(postgresql_address)
    made = Operations(OperationRows(engine, SILENT_S), lambda *_: None, time)
    yield made
    made.stop()
    engine.dispose()


def state(here, number):
    return here.find(number).state


def test_progress_result_and_list_are_those_of_the_other_process(here, postgresql_address):
    with running(postgresql_address, "line") as (process, number):
        eventually(lambda: here.find(number).position == 1, WITHIN_S, "its first event")
        found = here.find(number)
        assert (found.state, found.beginning.by, found.apply) == ("running", "ngono", 3)
        assert [one.id for one in here.listed()] == [number]
        process.stdin.write("go on\n")
        process.stdin.flush()
        eventually(lambda: state(here, number) is OperationState.DONE, WITHIN_S, "its end")
        (last,) = here.find(number, after=1).events
        assert (last["event"], here.find(number).result) == ("WaveStarted", {"ended": True})
        assert process.wait(WITHIN_S) == 0


def test_one_changes_the_network_while_the_other_may_not(here, postgresql_address):
    with (
        running(postgresql_address, "line"),
        pytest.raises(OperationRunningError, match="ngono has begun operation"),
    ):
        here.start(ROLLBACK, dict)


def test_an_operation_is_interrupted_from_the_other_process(here, postgresql_address):
    with running(postgresql_address, "wait") as (process, number):
        here.interrupt(number)
        eventually(lambda: state(here, number) is OperationState.FAILED, WITHIN_S, "its end")
        assert here.find(number).error["type"] == "Interrupted"
        assert process.wait(WITHIN_S) == 0


def test_what_a_killed_process_ran_is_interrupted_and_keeps_nobody_from_resuming(
    here, postgresql_address
):
    with running(postgresql_address, "line") as (process, number):
        eventually(lambda: here.find(number).position == 1, WITHIN_S, "its first event")
        process.kill()
        eventually(lambda: state(here, number) is OperationState.INTERRUPTED, WITHIN_S, "")
        error = here.find(number).error
        assert error["type"] == "UnfinishedError"
        assert "sanaga apply --resume" in error["detail"]
        resumed = here.start(Beginning(OperationKind.RESUME, "eto"), lambda _: {"push": None})
        assert here.wait(resumed.id, WITHIN_S)
        assert state(here, resumed.id) is OperationState.DONE
        assert state(here, number) is OperationState.INTERRUPTED


def test_a_process_that_only_hung_goes_on_and_so_does_its_operation(here, postgresql_address):
    with running(postgresql_address, "line") as (process, number):
        eventually(lambda: here.find(number).position == 1, WITHIN_S, "its first event")
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: state(here, number) is OperationState.INTERRUPTED, WITHIN_S, "")
        process.send_signal(signal.SIGCONT)
        eventually(lambda: state(here, number) is OperationState.RUNNING, WITHIN_S, "its return")
        process.stdin.write("go on\n")
        process.stdin.flush()
        eventually(lambda: state(here, number) is OperationState.DONE, WITHIN_S, "its end")


def test_control_a_process_that_lives_is_not_taken_for_gone(here, postgresql_address):
    with running(postgresql_address, "line") as (_, number):
        signs = {here._rows.listed()[0].state for _ in range(200)}
        assert signs == {OperationState.RUNNING}
        beats = set()

        def beaten():
            with here._rows._engine.connect() as connection:
                beats.add(connection.exec_driver_sql("SELECT beat_s FROM operations").scalar())
            return len(beats) > 20

        eventually(beaten, WITHIN_S, "twenty signs of life")
        assert state(here, number) is OperationState.RUNNING


@pytest.mark.parametrize("kind", [OperationKind.PLAN, OperationKind.APPLY])
def test_after_a_restart_on_sqlite_what_ran_before_is_interrupted_at_once(tmp_path, kind):
    engine = open_engine(tmp_path / "sanaga.sqlite")
    rows = OperationRows(engine)
    begun = rows.begin(Beginning(kind, "ngono"), 0.0)
    before = rows.find(begun.id)
    assert before
    assert before.state is OperationState.RUNNING
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE operations SET process = 'another'")
    found = rows.find(begun.id)
    assert found
    assert found.error
    assert found.state is OperationState.INTERRUPTED
    assert ("--resume" in found.error["detail"]) == (kind is OperationKind.APPLY)
    assert rows.begin(ROLLBACK, 0.0)
    engine.dispose()
