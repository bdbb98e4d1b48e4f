"""An end of a probed path as a process of its own, to be stopped and continued."""

import asyncio
import json
import sys
from dataclasses import asdict

from tests.netns.edge.probe_bench import HERE, PORT_NAME, THERE
from tests.rigs.probes.probe_rig import end

PACE_S = 0.02
MEASURE_S = 0.05


async def _probe() -> None:
    """Probe until a line comes in, then tell what was seen."""
    one = end(THERE, HERE, interface=PORT_NAME)
    one.session.pace_s = PACE_S
    await one.reflector.open()
    await one.session.open()
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    sys.stdout.write("probing\n")
    sys.stdout.flush()
    while not over.is_set():
        await asyncio.sleep(MEASURE_S)
        one.measure()
    counts = {name: one.total(name) for name in ("sent", "lost_out", "lost_in", "heard_in")}
    told = counts | {
        "stalled": one.total("stalled"),
        "overdue_unstalled": [(m.at_s, m.overdue) for m in one.seen if m.overdue and not m.stalled],
        "slowest_ms": max(one.all("round_trips_ms")),
        "counters": asdict(one.session.counters),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    asyncio.run(_probe())
