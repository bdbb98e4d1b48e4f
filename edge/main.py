"""The daemon's process: `python -m edge.main DIR`. Signals leave the kernel as it is."""

import asyncio
import gc
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Final

from edge.agent.daemon import Daemon
from edge.clock import current_moment, rfc3339
from edge.control import handlers
from edge.control.server import ControlServer
from edge.identity import device as identity
from edge.storage import lock
from inventory.errors import SanagaError

_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_log = logging.getLogger(__name__)
# A task that nothing refers to may be collected before it ends.
_reports: Final[set[asyncio.Task[None]]] = set()


def main(arguments: list[str]) -> int:
    """Run the edge of a folder; return the exit code, 1 if it cannot run."""
    folder = Path(arguments[0])
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        asyncio.run(_run(folder))
    except SanagaError as error:
        _log.error("sanaga: %s", error)
        return 1
    except OSError as error:
        _log.error("sanaga: %s: %s", error.filename or folder, error.strerror or error)
        return 1
    return 0


async def _run(folder: Path) -> None:
    os.umask(0o077)
    who = identity.load_identity(folder)
    with lock.hold_folder(folder, rfc3339(current_moment().unix_s)), lock.hold_namespace():
        daemon = Daemon(folder, who, current_moment)
        server = ControlServer(folder, partial(handlers.handle_request, daemon))
        _end_upon_signals(daemon)
        await daemon.open()
        await server.open()
        _log.info("the edge %s runs in %s", daemon.device, folder)
        # What exists by now stays; looking through it again and again would keep packets waiting.
        gc.collect()
        gc.freeze()
        try:
            await daemon.work()
        finally:
            await server.close()


def _end_upon_signals(daemon: Daemon) -> None:
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, daemon.ending.set)
    # A battery's program sends this once it runs on its last reserve.
    loop.add_signal_handler(signal.SIGPWR, _report_power_failure, daemon)


def _report_power_failure(daemon: Daemon) -> None:
    task = asyncio.get_running_loop().create_task(daemon.power_fails())
    _reports.add(task)
    task.add_done_callback(_reports.discard)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
