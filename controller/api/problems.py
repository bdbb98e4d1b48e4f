"""Errors of the API as problem details (RFC 9457): what, where, and what to do next."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from controller.operations.exchange import error_json
from database.faults import Fault, fault_of
from inventory.errors import SanagaError, StorageError

MEDIA_TYPE: Final = "application/problem+json"
# Which errors of ours mean what; all others say that the request does not fit what is there.
STATUS: Final[Mapping[type[SanagaError], HTTPStatus]] = {
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_AGAIN_S: Final = 5
_log: Final = logging.getLogger(__name__)


class ProblemError(Exception):
    """An error that a client is told of; more are members beside those of RFC 9457."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.more, self.headers = dict(more or {}), dict(headers or {})


def not_found(kind: str, name: str) -> ProblemError:
    """Return the answer for what is not there, and for what the reader may not see."""
    detail = f"no {kind} '{name}' here; GET the list to see which there are"
    return ProblemError(HTTPStatus.NOT_FOUND, detail)


def install_problems(app: FastAPI) -> None:
    """Let every error of an application leave as a problem."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(SanagaError, _explained)
    app.add_exception_handler(DBAPIError, _not_stored)
    app.add_exception_handler(Exception, _failed)


def problem_response(error: ProblemError) -> Response:
    """Return a problem as a response."""
    body = {
        "type": "about:blank",
        "title": error.status.phrase,
        "status": error.status.value,
        "detail": error.detail,
        **error.more,
    }
    return Response(msgspec.json.encode(body), error.status, error.headers, MEDIA_TYPE)


def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for it alone
    return problem_response(error)


def _invalid(_request: Request, error: Exception) -> Response:
    """Name every fault of a request at once; what was sent is not repeated, it may be secret."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    faults = [{"at": _pointer(fault["loc"]), "message": fault["msg"]} for fault in error.errors()]
    detail = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults)
    more = {"errors": faults}
    return problem_response(ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, more))


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    status = HTTPStatus(error.status_code)
    return problem_response(ProblemError(status, str(error.detail), headers=error.headers))


def _explained(_request: Request, error: Exception) -> Response:
    """Say what is wrong, and which error of ours it is, for our own command line."""
    found = (code for kind, code in STATUS.items() if isinstance(error, kind))
    more = {"error": error_json(error)}
    return problem_response(_retryable(next(found, HTTPStatus.CONFLICT), str(error), more))


def _not_stored(_request: Request, error: Exception) -> Response:
    """Say that the database does not do its work; the server writes why into its log."""
    _log.error("a request failed at the database: %s", error)
    advice = "look at the controller's log"
    if fault_of(error) is Fault.FULL:
        advice = "its disk is full; free some space on the controller's machine"
    detail = f"nothing can be read or stored now; {advice}, then try again"
    return problem_response(_retryable(HTTPStatus.SERVICE_UNAVAILABLE, detail))


def _retryable(
    status: HTTPStatus, detail: str, more: Mapping[str, Any] | None = None
) -> ProblemError:
    later = {"Retry-After": str(_AGAIN_S)} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return ProblemError(status, detail, more, later)


def _failed(_request: Request, _error: Exception) -> Response:
    """Tell nothing of what went wrong inside; the server writes it into its log."""
    detail = "a fault of the controller, which its log describes; report it, then try again"
    return problem_response(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail))


def _pointer(place: Sequence[int | str]) -> str:
    """Return where a fault is: the part of the request, and a path within it."""
    return "/".join(str(part) for part in place)
