"""Acts that forms ask for: what is refused is said on the page of the form."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from fastapi import Response
from pydantic import ValidationError

from controller.api.problems import ProblemError
from controller.web.rendering import Page
from controller.web.visitor import REFUSALS, as_problem, fault_text

# What acts and their forms refuse with.
FAULTS: Final = (*REFUSALS, ValidationError)
# These are pages of their own, wherever they come from.
_PASSED_ON: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND})


def carry_out(act: Callable[[], Response], again: Callable[[ProblemError], Response]) -> Response:
    """Do what a form asks for; again shows its page with what was refused.

    Raises ProblemError for what leads to another page: a missing sign-in, a second factor that must
    be given again, and what is not there.
    """
    try:
        return act()
    except FAULTS as error:
        problem = form_problem(error)
    if "step_up" in problem.more or problem.status in _PASSED_ON:
        raise problem
    return again(problem)


def page_with(template: str, section: str, fault: ProblemError | None) -> Page:
    """Return a page, with the status of what was refused on it."""
    return Page(template, section, fault.status) if fault else Page(template, section)


def form_problem(error: Exception) -> ProblemError:
    """Return a refusal as a problem; fields that make no sense are named, all at once."""
    if not isinstance(error, ValidationError):
        return as_problem(error)
    faults = {str(one["loc"][0]): str(one["msg"]) for one in error.errors() if one["loc"]}
    words = "; ".join(f"{name}: {message}" for name, message in faults.items())
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words)


def said_of(error: Exception) -> str:
    """Return what is wrong with a form, to be said beside it; raises what leads elsewhere."""
    return fault_text(form_problem(error))
