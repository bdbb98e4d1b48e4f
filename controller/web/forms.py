"""Forms that pages send (application/x-www-form-urlencoded)."""

from http import HTTPStatus
from typing import Annotated, Final, TypeAlias
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from controller.api.problems import ProblemError

# Of roles with scopes, row by row; and of a new passkey.
_MOST_FIELDS: Final = 60
_LONGEST_FIELD: Final = 8_000


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form, without what nothing can store.

    Raises ProblemError for what is no form.
    """
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "this is no form of ours") from error
    return {name: value.replace("\0", "")[:_LONGEST_FIELD] for name, value in pairs}


Form: TypeAlias = Annotated[dict[str, str], Depends(read_form)]
