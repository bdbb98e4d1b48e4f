"""The application that answers under /api/v1, with its OpenAPI document, checks and metrics."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response

from accounts.realm import Realm
from controller.account_routes import (
    accounts,
    own_account,
    proposals,
    sessions,
    set_up_page,
    sign_in,
)
from controller.account_routes.cookies import Cookies
from controller.account_routes.problems import install_account_problems
from controller.api.context import ApiContext, Viewer, viewer
from controller.api.events import Event
from controller.api.metrics import exposition
from controller.api.origin import changes_something, foreign_page, is_foreign
from controller.api.problems import ProblemError, install_problems, problem_response
from controller.api.rights import OVERVIEW, needs
from controller.api.sse import EventStream, Reader
from controller.change_routes import (
    applies,
    approvals,
    audit,
    backups,
    machine,
    operations,
    plans,
    vpn,
    walls,
)
from controller.roles import Right
from controller.routes import (
    consultations,
    handover,
    incidents,
    neighbours,
    network,
    reports,
    what_if,
)
from controller.vpn_routes import devices, edges, gateways, lists

API: Final = "/api/v1"
# Streams that may be open at once; more are told to come back.
MOST_STREAMS: Final = 400
_LARGEST_BODY_OCTETS: Final = 1 << 20
logger: Final = logging.getLogger(__name__)


def make_app(
    context: ApiContext,
    realm: Realm,
    version: str,
    ready: Callable[[], str],
    changed: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the application; ready says what is missing, or nothing when all is there.

    changed is called after each request that may have changed something, before it is answered.
    The application's state has about(), which says more of the process to who asks if it lives.
    """
    app = FastAPI(
        title="Sanaga",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    app.state.context, app.state.ready, app.state.changed = context, ready, changed
    app.state.about = dict[str, str]
    app.state.realm, app.state.cookies = realm, cookies_of(realm)
    install_problems(app)
    install_account_problems(app)
    api = APIRouter(prefix=API)
    for one in (network, neighbours, what_if):
        api.include_router(one.router, tags=["network"])
    api.include_router(incidents.router, tags=["incidents"])
    api.include_router(handover.router, tags=["incidents"])
    api.include_router(consultations.router, tags=["consultations"])
    api.include_router(plans.router, tags=["plans"])
    api.include_router(applies.router, tags=["applies"])
    api.include_router(approvals.router, tags=["plans"])
    api.include_router(operations.router, tags=["operations"])
    for several in (vpn, gateways, edges, lists):
        api.include_router(several.router, tags=["vpn"])
    api.include_router(devices.router, tags=["vpn"])
    api.include_router(devices.repeatable, tags=["vpn"])
    api.include_router(audit.router, tags=["audit"])
    api.include_router(backups.router, tags=["backups"])
    api.include_router(machine.router, tags=["machine"])
    api.include_router(reports.router, tags=["reports"])
    api.include_router(_stream, tags=["stream"])
    for mine in (sign_in, own_account, sessions, accounts, proposals, walls):
        api.include_router(mine.router, tags=["accounts"])
    app.include_router(api)
    app.include_router(set_up_page.router)
    app.include_router(_checks)
    app.middleware("http")(_guarded)
    return app


def cookies_of(realm: Realm) -> Cookies:
    """Return how cookies are set for where people reach the service."""
    return Cookies(secure=realm.party.origins[0].startswith("https:"))


_stream = APIRouter()
_checks = APIRouter(include_in_schema=False)


@_stream.get("/stream", response_class=Response, openapi_extra=needs(Right.LOOK, OVERVIEW))
def stream_events(
    reader: Annotated[Viewer, Depends(viewer, scope="function")],
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> Any:
    """Stream what changes, as server-sent events; Last-Event-ID resumes after an event."""
    context: ApiContext = request.app.state.context
    position = context.ring.position(last_event_id)

    def can_see(event: Event) -> bool:
        if event.whole:
            return reader.sites.issuperset(event.sites)
        return not event.sites or not reader.sites.isdisjoint(event.sites)

    watcher = Reader(can_see, lambda: _still_allowed(request, reader))
    return _Streamed(EventStream(context.ring, watcher, position, context.now))


class _Streamed(Response):
    """A response that our stream sends itself."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._stream(scope, receive, send)


def _still_allowed(request: Request, reader: Viewer) -> bool:
    """Return whether the sender of a request may still see what it saw when it came."""
    try:
        now = viewer(request)
    except ProblemError:
        return False
    return now.sites == reader.sites


@_checks.get("/healthz")
def healthz(request: Request) -> dict[str, str]:
    """Say that the process answers, and what it does."""
    return {"status": "ok", **request.app.state.about()}


@_checks.get("/readyz")
def readyz(request: Request) -> dict[str, str]:
    """Say whether everything that is needed is there."""
    missing = request.app.state.ready()
    if missing:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, missing)
    return {"status": "ok"}


@_checks.get("/metrics", openapi_extra=needs(Right.LOOK))
def metrics(
    request: Request, reader: Annotated[Viewer, Depends(viewer, scope="function")]
) -> Response:
    """Return figures in Prometheus' text format."""
    return Response(exposition(reader), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _guarded(request: Request, call_next: Any) -> Response:
    """Refuse what no request of ours is, and let browsers keep and guess nothing."""
    refused = _not_ours(request)
    response: Response = problem_response(refused) if refused else await call_next(request)
    if changes_something(request):
        request.app.state.changed()
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _not_ours(request: Request) -> ProblemError | None:
    """Return why a request is refused before its body is read; None if it is not."""
    if "transfer-encoding" in request.headers:
        detail = "say how long the body is (Content-Length), and send it in one piece"
        return ProblemError(HTTPStatus.LENGTH_REQUIRED, detail)
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _LARGEST_BODY_OCTETS:
        detail = f"a body has at most {_LARGEST_BODY_OCTETS} octets; send less at once"
        return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    if "\0" in request.url.path or "%00" in request.url.query:
        return ProblemError(HTTPStatus.BAD_REQUEST, "no address here has the character U+0000")
    origins = request.app.state.realm.party.origins
    return foreign_page(origins) if is_foreign(request, origins) else None
