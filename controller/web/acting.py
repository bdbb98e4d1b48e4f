"""Acts that forms ask for: what is refused is said on the page, and what it takes is led to."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import Response
from pydantic import ValidationError

from accounts.errors import AccountsError
from controller.account_routes.problems import account_problem
from controller.api.problems import ProblemError
from controller.web.rendering import Page
from controller.web.visitor import see_other
from inventory.errors import SanagaError

STEP_UP: Final = "/step-up"
# These are pages of their own, wherever they come from.
_PASSED_ON: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND})
_FAULTS: Final = (ProblemError, SanagaError, AccountsError, ValidationError)


def carry_out(
    act: Callable[[], Response], again: Callable[[ProblemError], Response], back: str
) -> Response:
    """Do what a form asks for; again shows its page with what was refused.

    What needs the second factor again leads to giving it, and to the page at back then. Raises
    ProblemError.
    """
    try:
        return act()
    except _FAULTS as error:
        problem = problem_of(error)
    if "step_up" in problem.more:
        return see_other(f"{STEP_UP}?next={quote(back, safe='')}")
    if problem.status in _PASSED_ON:
        raise problem
    return again(problem)


def page_with(template: str, section: str, fault: ProblemError | None) -> Page:
    """Return a page, with the status of what was refused on it."""
    return Page(template, section, fault.status) if fault else Page(template, section)


def explained(act: Callable[[], Response]) -> Response:
    """Return a page, or raise ProblemError for what any of our rooms refuses."""
    try:
        return act()
    except (SanagaError, AccountsError) as error:
        raise problem_of(error) from error


def problem_of(error: Exception) -> ProblemError:
    """Return a refusal of any of our rooms as a problem."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, AccountsError):
        return account_problem(error)
    if isinstance(error, ValidationError):
        return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, _said(error))
    return ProblemError(HTTPStatus.CONFLICT, str(error))


def _said(error: ValidationError) -> str:
    faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return "; ".join(faults)
