"""A real HTTP server of ours on loopback, in a thread of its own."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from threading import Thread
from typing import Any

import uvicorn

from controller.api.protocol import ConnectionProtocol


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status_code: int
    headers: Mapping[str, str]
    text: str
    cookies: tuple[str, ...] = ()

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class RunningServer:
    """Where a server listens, and its event loop."""

    port: int
    loop: asyncio.AbstractEventLoop

    def call(self, act: Callable[[], Any]) -> Any:
        """Run a function in the server's loop and return its result."""

        async def called() -> Any:
            return act()

        return self.run(called())

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send a request on a connection of its own; body is sent as JSON, content as it is."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        octets = json.dumps(body).encode() if body is not None else content
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, octets, sent)
            response = connection.getresponse()
            told = {key.lower(): value for key, value in response.getheaders()}
            cookies = tuple(response.headers.get_all("Set-Cookie", ()))
            return Answer(response.status, told, response.read().decode(), cookies)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@contextmanager
def running_server(make_app: Callable[[], Any], **options: Any) -> Iterator[RunningServer]:
    """Serve an application, made in the server's loop, while the block runs."""
    loop = asyncio.new_event_loop()
    started: list[uvicorn.Server] = []

    async def serve() -> None:
        usual = {"host": "127.0.0.1", "port": 0, "log_config": None, "lifespan": "off"}
        config = uvicorn.Config(make_app(), http=ConnectionProtocol, **{**usual, **options})
        started.append(uvicorn.Server(config))
        await started[0].serve()

    async def bound() -> int:
        while not (started and started[0].started):
            await asyncio.sleep(0.01)
        return int(started[0].servers[0].sockets[0].getsockname()[1])

    thread = Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield RunningServer(asyncio.run_coroutine_threadsafe(bound(), loop).result(30), loop)
    finally:
        started[0].should_exit = True
        started[0].force_exit = True
        thread.join(30)
        loop.close()
        assert not thread.is_alive()
