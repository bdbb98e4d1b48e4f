"""Requests that may be repeated: with an Idempotency-Key a POST is carried out once.

The first answer is kept for a day, and given again to the same sender for the same key and request.
What was refused is not kept, for nothing was done.
"""

from collections.abc import Callable, Coroutine
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from accounts.roles import Principal
from controller.api.context import ApiContext, signed_in
from controller.api.problems import ProblemError
from controller.operations.answer_rows import KeptAnswer, OtherRequestError, UnansweredError
from inventory.errors import SanagaError

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
_LONGEST: Final = 200
_FIRST_ERROR: Final = 400
# After any other error nobody knows whether it was carried out.
_REFUSALS: Final = (ProblemError, HTTPException, RequestValidationError, SanagaError)
_KEPT_HEADERS: Final = ("content-type", "location", "etag")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RepeatableRoute(APIRoute):
    """A route whose POST requests may carry a key; for answers without secrets only."""

    def get_route_handler(self) -> Handler:
        """Return the usual handler, within the memory of answers."""
        usual = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return usual

        async def handle(request: Request) -> Response:
            key = request.headers.get(HEADER)
            return await usual(request) if key is None else await _once(request, key, usual)

        return handle


async def _once(request: Request, key: str, usual: Handler) -> Response:
    if not (0 < len(key) <= _LONGEST and key.isprintable()):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, f"{HEADER}: write up to {_LONGEST} printable characters"
        )
    context: ApiContext = request.app.state.context
    sender = _sender(await run_in_threadpool(signed_in, request))
    digest = sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(await request.body())
    rows, now_s = context.answers, context.now()
    kept = await run_in_threadpool(_begun, rows, sender, key, digest.hexdigest(), now_s)
    if kept is not None:
        return Response(kept.body, kept.status, {**kept.headers, REPLAYED: "true"})
    try:
        response = await usual(request)
    except _REFUSALS:
        await run_in_threadpool(rows.forget, sender, key)
        raise
    if response.status_code >= _FIRST_ERROR:
        await run_in_threadpool(rows.forget, sender, key)
        return response
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    answer = KeptAnswer(response.status_code, headers, bytes(response.body))
    await run_in_threadpool(rows.keep, sender, key, answer)
    return response


def _begun(rows: Any, sender: str, key: str, digest: str, now_s: float) -> KeptAnswer | None:
    try:
        kept: KeptAnswer | None = rows.begin(sender, key, digest, now_s)
    except OtherRequestError:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{HEADER}: the key came with another request before; choose another key",
        ) from None
    except UnansweredError:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"{HEADER}: the first request with this key has no answer yet; wait, or look whether "
            "it was carried out and choose another key",
        ) from None
    return kept


def _sender(principal: Principal) -> str:
    """Return whose keys these are: an account's, whatever session it uses."""
    return f"{principal.account.id} {principal.account.name}"
