"""An end of a probed path as a process of its own, to be stopped and continued."""

import asyncio
import json
import sys
from dataclasses import asdict

from tests.netns.edge.probe_bench import HERE, PORT_NAME, THERE
from tests.rigs.probes.probe_rig import end
from topology.quality.model import Measurement

PACE_S = 0.02
MEASURE_S = 0.05
# An answer that was due comes within this, if it comes at all.
ANSWERED_S = 1.0


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
    lost = list[int]()
    while not over.is_set():
        await asyncio.sleep(MEASURE_S)
        one.measure()
        lost.append(one.session.counters.lost_out + one.session.counters.lost_in)
    counts = {name: one.total(name) for name in ("sent", "lost_out", "lost_in", "heard_in")}
    told = counts | {
        "stalled": one.total("stalled"),
        "overdue_unstalled": _overdue_unstalled(one.seen),
        "lost": _lost(one.seen, lost),
        "slowest": [(seen.at_s, max(seen.round_trips_ms, default=0.0)) for seen in one.seen],
        "counters": asdict(one.session.counters),
    }
    sys.stdout.write(json.dumps(told) + "\n")


def _overdue_unstalled(seen: list[Measurement]) -> list[tuple[float, int, float]]:
    """Return when packets were overdue though this process was on time, how many, and how late.

    How late is the longest round trip, in ms, of what came then or soon after. The kernel stamps
    arrivals, so an answer that waited for this process does not pass for a late one.
    """
    return [
        (one.at_s, one.overdue, _slowest_ms(seen[number:], one.at_s + ANSWERED_S))
        for number, one in enumerate(seen)
        if one.overdue and not one.stalled
    ]


def _lost(seen: list[Measurement], totals: list[int]) -> list[tuple[float, int, float]]:
    """Return when packets were counted as lost, how many, and how late other answers came then."""
    steps = zip(seen, totals, [0, *totals[:-1]], strict=True)
    return [
        (one.at_s, total - before, _slowest_ms(seen[number:], one.at_s + ANSWERED_S))
        for number, (one, total, before) in enumerate(steps)
        if total > before
    ]


def _slowest_ms(seen: list[Measurement], until_s: float) -> float:
    trips = (trip for one in seen if one.at_s <= until_s for trip in one.round_trips_ms)
    return max(trips, default=0.0)


if __name__ == "__main__":
    asyncio.run(_probe())
