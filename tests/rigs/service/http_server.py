"""A real HTTP server of ours on loopback, in a thread of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

import uvicorn

from controller.api.protocol import ConnectionProtocol


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

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@contextmanager
def running_server(make_app: Callable[[], Any], **options: Any) -> Iterator[RunningServer]:
    """Serve an application, made in the server's loop, while the block runs."""
    loop = asyncio.new_event_loop()
    started: list[uvicorn.Server] = []

    async def serve() -> None:
        config = uvicorn.Config(
            make_app(),
            host="127.0.0.1",
            port=0,
            http=ConnectionProtocol,
            log_config=None,
            lifespan="off",
            **options,
        )
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
