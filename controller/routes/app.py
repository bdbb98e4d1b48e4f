"""The application that answers under /api/v1, with its OpenAPI document, checks and metrics."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response

from controller.api.context import ApiContext, Viewer, viewer
from controller.api.events import Event
from controller.api.metrics import exposition
from controller.api.problems import ProblemError, install_problems
from controller.api.sse import EventStream, Reader
from controller.routes import consultations, incidents, network

API: Final = "/api/v1"
# Streams that may be open at once; more are told to come back.
MOST_STREAMS: Final = 400
_LARGEST_BODY_OCTETS: Final = 1 << 20
logger: Final = logging.getLogger(__name__)


def make_app(
    context: ApiContext,
    version: str,
    ready: Callable[[], str],
    about: Callable[[], Mapping[str, str]] = dict,
) -> FastAPI:
    """Return the application; ready says what is missing, or nothing when all is there.

    about says more of the process to whoever asks whether it lives.
    """
    app = FastAPI(
        title="Sanaga",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    app.state.context, app.state.ready, app.state.about = context, ready, about
    install_problems(app)
    api = APIRouter(prefix=API)
    api.include_router(network.router, tags=["network"])
    api.include_router(incidents.router, tags=["incidents"])
    api.include_router(consultations.router, tags=["consultations"])
    api.include_router(_stream, tags=["stream"])
    app.include_router(api)
    app.include_router(_checks)
    app.middleware("http")(_guarded)
    return app


_stream = APIRouter()
_checks = APIRouter(include_in_schema=False)


@_stream.get("/stream", response_class=Response)
def stream_events(
    reader: Annotated[Viewer, Depends(viewer, scope="function")],
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> Any:
    """Stream what changes, as server-sent events; Last-Event-ID resumes after an event."""
    context: ApiContext = request.app.state.context
    position = context.ring.position(last_event_id)

    def can_see(event: Event) -> bool:
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


@_checks.get("/metrics")
def metrics(
    request: Request, reader: Annotated[Viewer, Depends(viewer, scope="function")]
) -> Response:
    """Return figures in Prometheus' text format."""
    return Response(exposition(reader), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _guarded(request: Request, call_next: Any) -> Response:
    """Refuse large bodies, and let browsers keep and guess nothing."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _LARGEST_BODY_OCTETS:
        return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    response: Response = await call_next(request)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
