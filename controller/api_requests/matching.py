"""Changes only of what somebody has seen: ETag and If-Match (RFC 9110, section 13.1.1)."""

from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

import msgspec
from fastapi import Header, Response

from controller.api.problems import ProblemError

IfMatch: TypeAlias = Annotated[
    str | None,
    Header(max_length=500, description="ETag of the answer that was read; 412 if it changed since"),
]


def tag_of(shown: Mapping[str, Any]) -> str:
    """Return the entity tag of what is shown, another one as soon as anything of it changes."""
    text = msgspec.json.encode(shown, order="deterministic")
    return f'"{sha256(text).hexdigest()[:32]}"'


def tagged(response: Response, shown: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown, and say its entity tag in the response."""
    response.headers["ETag"] = tag_of(shown)
    return shown


def require_match(if_match: str | None, shown: Mapping[str, Any] | None) -> None:
    """Raise ProblemError (412) if somebody names a tag and what is there has another one.

    shown is None for what is not there.
    """
    if if_match is None or (shown is not None and if_match.strip() == "*"):
        return
    wanted = {one.strip() for one in if_match.split(",")}
    if shown is None or tag_of(shown) not in wanted:
        raise ProblemError(
            HTTPStatus.PRECONDITION_FAILED,
            "it has changed since you read it; read it again, then decide again",
        )
