"""The service as a process that tests kill: python -m … MODE DIR [options of serve].

MODE is 'plain'; 'decided' or 'claimed', in which it stops for ever before it claims a notice, or
before it sends what it claimed, and says so; 'unlocked', in which it takes any lock for its own; or
'jumping', in which its time of day is off by as many seconds as CLOCK in its state folder says.
It says on which port edges report.
"""

import sys
import threading
import time
from typing import Any

from controller.cli.main import main
from controller.environment import state_dir
from controller.notices import worker
from controller.notices.sending import DeliveryRows
from controller.telemetry.listener import Listener
from database.process_lock import ServerLock

# The file that says by how much a clock is off.
CLOCK = "clock"


def say(what: str) -> None:
    print(what, flush=True)  # noqa: T201


def stop_here(where: str) -> None:
    say(f"stopped: {where}")
    threading.Event().wait()


def name_the_port() -> None:
    start = Listener.start

    async def named(self: Listener, *where: Any) -> int:
        port = await start(self, *where)
        say(f"edges on {port}")
        return port

    Listener.start = named  # type: ignore[method-assign,assignment]


def stop_before_the_claim() -> None:
    claim = DeliveryRows.claim

    def stopped(self: DeliveryRows, channel: str, now_s: float) -> Any:
        if self.next_due_s() is not None:
            stop_here("decided")
        return claim(self, channel, now_s)

    DeliveryRows.claim = stopped  # type: ignore[method-assign]


def stop_before_sending() -> None:
    def stopped(*_: object) -> None:
        stop_here("claimed")

    worker.NoticeWorker._send = stopped  # type: ignore[method-assign,assignment]


def take_any_lock() -> None:
    ServerLock.take = ServerLock.held = lambda _: True  # type: ignore[method-assign,assignment]


def set_the_clock() -> None:
    """Be off by what a file says, each time that the time is asked for."""
    true, file = time.time, state_dir() / CLOCK
    time.time = lambda: true() + (float(file.read_text() or 0) if file.exists() else 0.0)


MODES = {
    "jumping": set_the_clock,
    "plain": lambda: None,
    "decided": stop_before_the_claim,
    "claimed": stop_before_sending,
    "unlocked": take_any_lock,
}

if __name__ == "__main__":
    MODES[sys.argv.pop(1)]()
    name_the_port()
    sys.argv.insert(1, "serve")
    main()
