"""The process behind "sanaga serve": opens what it needs, serves until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Any, Final

from controller.api.app import make_app
from controller.api.context import ApiContext
from controller.api.events import EventRing
from controller.api.places import Places
from controller.app import LOCAL_SOCKET
from controller.incidents.view import NetworkView, network_view
from controller.load import Loaded
from controller.service.authentication import Authentication
from controller.service.engine import IncidentEngine, IncidentRows
from controller.service.listeners import HttpServers, local_socket, tcp_socket
from topology.build import build_topology

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where the service listens and stores."""

    loaded: Loaded
    state_dir: Path
    host: str
    port: int
    version: str
    local_name: str


class NoHistory:
    """History of a controller that no edge reports to yet."""

    def path_series(self, *_: object) -> tuple[Mapping[str, Any], ...]:
        """Return nothing."""
        return ()


def serve_until_stopped(options: ServeOptions, say: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop; say tells what is listened on, and faults."""
    asyncio.run(_serve(options, say))


async def _serve(options: ServeOptions, say: Callable[[str], None]) -> None:
    local = options.state_dir / LOCAL_SOCKET
    sockets = [local_socket(local), tcp_socket(options.host, options.port)]
    address = sockets[1].getsockname()
    ring = EventRing(token_hex(4))
    intent = options.loaded.intent
    view = network_view(intent, build_topology(intent))
    engine = _engine(options, view, ring)
    engine.start()
    stop = asyncio.Event()
    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = make_app(_context(options, view, engine, ring), options.version, lambda: engine.fault)
    try:
        await HttpServers(app, sockets).serve(
            stop,
            lambda: say(
                f"serving {options.loaded.intent.network.name} on {address[0]} port {address[1]}"
            ),
        )
    finally:
        engine.stop()
        with suppress(FileNotFoundError):
            local.unlink()


def _engine(options: ServeOptions, view: NetworkView, ring: EventRing) -> IncidentEngine:
    loop = asyncio.get_running_loop()

    def publish(kind: str, data: Mapping[str, Any], sites: Collection[str]) -> None:
        loop.call_soon_threadsafe(ring.publish, kind, data, sites)

    return IncidentEngine(_rows(options), view, publish, time)


def _rows(options: ServeOptions) -> IncidentRows:
    raise NotImplementedError


def _context(
    options: ServeOptions, view: NetworkView, engine: IncidentEngine, ring: EventRing
) -> ApiContext:
    intent = options.loaded.intent
    known = Authentication(lambda _: None, lambda _: None, options.local_name)
    return ApiContext(intent, Places(intent), view, engine, NoHistory(), ring, known, time)
