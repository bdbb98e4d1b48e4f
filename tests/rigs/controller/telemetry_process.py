"""A telemetry service as a process of its own, which can be killed: python -m … FOLDER PINNED.

PINNED is a JSON object of edges' keys. It prints its port. With a third argument it kills itself
with SIGKILL after the commit of the message of that number, before anything is acknowledged.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from controller.clock import SystemClock
from controller.keys.signing import signing_key
from controller.telemetry.current_state import CurrentState, Heard
from controller.telemetry.housekeeping import Housekeeping
from controller.telemetry.intake import Intake
from controller.telemetry.listener import Listener
from tests.rigs.controller.telemetry_service import open_series


async def main(folder: Path, pinned: dict[str, str], last: int | None) -> None:
    """Listen until the process is ended."""
    series, clock = open_series(folder), SystemClock()
    intake = Intake(series, CurrentState(), Housekeeping(series, clock))

    def die(heard: Heard) -> None:
        if heard.message.sequence == last:
            os.kill(os.getpid(), signal.SIGKILL)

    intake.subscribe(die)
    intake.start()
    listener = Listener(signing_key(folder), pinned.get, intake, clock)
    print(await listener.start("127.0.0.1", 0), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    limit = int(sys.argv[3]) if len(sys.argv) > 3 else None
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2]), limit))
