"""What an operation tells is the same at the other end."""

import json

import pytest

from controller.apply.events import (
    ApplyEnded,
    ApplyStarted,
    Decided,
    Verified,
    Waiting,
    WaveEnded,
    WaveStarted,
)
from controller.drivers.observe import DeviceDone, ReadingStarted
from controller.model import Outcome, PushResult, Verdict
from controller.operations.exchange import (
    error_json,
    event_json,
    parse_error,
    parse_event,
    parse_push,
    push_json,
)
from controller.planning.from_folder import DevicesUnreachableError
from inventory.errors import (
    Fault,
    IntentError,
    Location,
    SanagaError,
    StalePlanError,
    UnreachableError,
)

RESULT = PushResult("c0ffee", Outcome.DIFFERS, {"mora-r1": "old"}, "why", 7, "", ("seen",))
VERDICT = Verdict(holds=False, evidence=("mora-r1 does not reach kolofata-r1",))
EVENTS = (
    ReadingStarted(7),
    DeviceDone("mora-r1", "commit", "mora-r1: no answer"),
    ApplyStarted(7, "c0ffee", 3, 2),
    WaveStarted(1, 2, ("mora-r1", "kolofata-r1")),
    WaveEnded(1, 2, VERDICT),
    Verified(VERDICT),
    Decided("rollback", "wave 1 failed"),
    Waiting(("mora-r1",), 12.5),
    ApplyEnded(RESULT),
)


def carried(body):
    return json.loads(json.dumps(body))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_the_same_at_the_other_end(event):
    assert parse_event(carried(event_json(event))) == event


def test_an_event_of_a_newer_controller_is_passed_over():
    assert parse_event({"event": "RouterSang", "song": "makossa"}) is None


def test_a_result_is_the_same_at_the_other_end():
    assert parse_push(carried(push_json(RESULT))) == RESULT


@pytest.mark.parametrize(
    "error",
    [
        SanagaError("something"),
        StalePlanError("mora-r1 is not what the plan saw"),
        UnreachableError("mora-r1", "no answer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_of_its_kind_at_the_other_end(error):
    found = parse_error(carried(error_json(error)))
    assert (type(found), str(found)) == (type(error), str(error))


def test_faults_of_documents_keep_their_places():
    fault = Fault(Location("net/sites.yaml", 3, 5), "unknown parent", "write a site")
    found = parse_error(carried(error_json(IntentError([fault]))))
    assert isinstance(found, IntentError)
    assert found.faults == (fault,)


def test_devices_that_are_not_reached_keep_their_reasons_and_advice():
    error = DevicesUnreachableError({"mora-r1": "mora-r1: no answer"}, 7)
    found = parse_error(carried(error_json(error)))
    assert isinstance(found, DevicesUnreachableError)
    assert (found.reasons, found.advice) == (error.reasons, error.advice)


def test_an_interruption_is_one_at_the_other_end_and_an_unknown_kind_an_error():
    assert isinstance(parse_error(error_json(KeyboardInterrupt())), KeyboardInterrupt)
    for kind in ("Location", "os", "NewerError"):
        found = parse_error({"type": kind, "detail": "said"})
        assert (type(found), str(found)) == (SanagaError, "said")
