"""Events, results and errors of operations as JSON, and back again at the other end."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter

from controller.apply import events
from controller.apply.events import Event as ApplyEvent
from controller.drivers.observe import DeviceDone, ReadingStarted
from controller.model import PushResult
from controller.planning.from_folder import DevicesUnreachableError
from controller.vpn_events import EdgesRevoked, RosterOutcome, TermsAccepted
from inventory import errors
from inventory.errors import Fault, IntentError, Location, SanagaError

_EVENTS: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (
        ReadingStarted,
        DeviceDone,
        events.ApplyStarted,
        events.WaveStarted,
        events.WaveEnded,
        events.Verified,
        events.Decided,
        events.Waiting,
        events.ApplyEnded,
        RosterOutcome,
        EdgesRevoked,
        TermsAccepted,
    )
}
# How an error is told that ended an operation because somebody asked for its end.
INTERRUPTED: Final = "Interrupted"

Event: TypeAlias = ApplyEvent | RosterOutcome | EdgesRevoked | TermsAccepted


def event_json(event: Event) -> dict[str, Any]:
    """Return an event with its kind and its fields."""
    kind = type(event).__name__
    fields: dict[str, Any] = _adapter(kind).dump_python(event, mode="json")
    return {"event": kind, **fields}


def parse_event(body: Mapping[str, Any]) -> Event | None:
    """Return the event that event_json wrote; None for one of a newer controller."""
    kind = str(body.get("event"))
    if kind not in _EVENTS:
        return None
    fields = {name: value for name, value in body.items() if name != "event"}
    event: Event = _adapter(kind).validate_python(fields)
    return event


def push_json(result: PushResult) -> dict[str, Any]:
    """Return how an apply ended."""
    body: dict[str, Any] = _results().dump_python(result, mode="json")
    return body


def parse_push(body: Mapping[str, Any]) -> PushResult:
    """Return what push_json wrote."""
    return _results().validate_python(body)


def error_json(error: BaseException) -> dict[str, Any]:
    """Return an error with its kind, its text, and what else the other end needs of it."""
    if isinstance(error, KeyboardInterrupt):
        return {"type": INTERRUPTED, "detail": "ended before it began, as somebody asked for it"}
    body: dict[str, Any] = {"type": type(error).__name__, "detail": _text(error)}
    if isinstance(error, DevicesUnreachableError):
        body |= {"reasons": dict(error.reasons), "asked": error.asked}
    if isinstance(error, IntentError):
        body["faults"] = [_fault_json(fault) for fault in error.faults]
    return body


def parse_error(body: Mapping[str, Any]) -> BaseException:
    """Return what error_json wrote, as the kind of error that it was; else a SanagaError."""
    kind, detail = str(body["type"]), str(body["detail"])
    if kind == INTERRUPTED:
        return KeyboardInterrupt(detail)
    if kind == DevicesUnreachableError.__name__:
        return DevicesUnreachableError(body["reasons"], body["asked"])
    if kind == IntentError.__name__:
        return IntentError(map(_fault, body["faults"]))
    known = getattr(errors, kind, SanagaError)
    if not (isinstance(known, type) and issubclass(known, SanagaError)):
        return SanagaError(detail)
    error = known.__new__(known)
    # Errors of devices are made of two parts; their text is whole already.
    Exception.__init__(error, detail)
    return error


def _text(error: BaseException) -> str:
    """Return an error's text; that of the machine as people read it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _fault_json(fault: Fault) -> dict[str, Any]:
    where = {"file": fault.where.file, "line": fault.where.line, "column": fault.where.column}
    return {**where, "what": fault.what, "hint": fault.hint}


def _fault(body: Mapping[str, Any]) -> Fault:
    where = Location(body["file"], body["line"], body["column"])
    return Fault(where, body["what"], body["hint"])


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_EVENTS[kind])


@cache
def _results() -> TypeAdapter[PushResult]:
    return TypeAdapter(PushResult)
