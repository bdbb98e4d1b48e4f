"""What the room of accounts refuses, as problems: which status means what, in one table."""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from accounts.errors import (
    AccountsError,
    LastAdministratorError,
    NotAllowedError,
    NotThereError,
    PasswordError,
    SecondPersonError,
    SignInRefusedError,
    StepUpNeededError,
    TakenError,
    UnfitError,
    WaitError,
)
from controller.api.problems import ProblemError, problem_response

STEP_UP: Final = "/api/v1/account/step-up"
# The first that fits counts, so that what is special comes before what is general.
STATUS: Final[Mapping[type[AccountsError], HTTPStatus]] = {
    NotThereError: HTTPStatus.NOT_FOUND,
    UnfitError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PasswordError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TakenError: HTTPStatus.CONFLICT,
    SecondPersonError: HTTPStatus.CONFLICT,
    LastAdministratorError: HTTPStatus.CONFLICT,
    WaitError: HTTPStatus.TOO_MANY_REQUESTS,
    StepUpNeededError: HTTPStatus.FORBIDDEN,
    SignInRefusedError: HTTPStatus.FORBIDDEN,
    NotAllowedError: HTTPStatus.FORBIDDEN,
}


def install_account_problems(app: FastAPI) -> None:
    """Let what the room of accounts refuses leave as a problem."""
    app.add_exception_handler(AccountsError, _refused)


def account_problem(error: AccountsError) -> ProblemError:
    """Return a refusal as a problem."""
    status = next(
        (code for kind, code in STATUS.items() if isinstance(error, kind)), HTTPStatus.FORBIDDEN
    )
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, WaitError):
        more["wait_s"] = max(1, ceil(error.wait_s))
        headers["Retry-After"] = str(more["wait_s"])
    if isinstance(error, StepUpNeededError):
        more["step_up"] = STEP_UP
    return ProblemError(status, str(error), more, headers)


def not_accepted(error: SignInRefusedError) -> ProblemError:
    """Return the answer to somebody who is not let in."""
    headers = {"WWW-Authenticate": 'Bearer realm="sanaga"'}
    return ProblemError(HTTPStatus.UNAUTHORIZED, str(error), headers=headers)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AccountsError)  # noqa: S101 - registered for it alone
    return problem_response(account_problem(error))
