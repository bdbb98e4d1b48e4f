"""What else the issue asks for: the daemon's footprint, a metered path, LEO weather."""

import json
import os
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from simulations.netns.waiting import pause
from tests.bench import qos
from tests.failover import simulated
from tests.failover.flows import Flows
from tests.failover.say import say
from tests.failover.sky import CALM_SKY, play_sky
from tests.rigs.edge.edge_pair import Daemon, Pair, pair
from tests.rigs.edge.edge_rig import FIBRE, LTE, SATELLITE, THREE, World, world

SECONDS_A_DAY: Final = 86_400
# Until keys are agreed upon and paths are known.
WARM_UP_S: Final = 15.0
STOP_EVERY_S: Final = 5.0
STOPPED_S: Final = 0.2
WEATHER_SEED: Final = "bench"


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a daemon takes of its machine, with its own paths at 10 Hz."""

    paths: int
    seconds: float
    resident_mb: float
    core_share: float
    metered_mb_per_day: float


@dataclass(frozen=True, slots=True)
class WeatherRun:
    """Moves while nothing but weather happened, and how often the daemons were stopped."""

    minutes: float
    moves: int
    stops: int
    stopped_ms: int
    reasons: tuple[str, ...]
    lost: int
    sent: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """Moves in simulated time, through the pure function."""

    hours: float
    moves: int


@dataclass(frozen=True, slots=True)
class Qos:
    """A call beside saturating uploads."""

    lost: int
    p99_over_idle_ms: float
    all_figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Extras:
    """Everything that was measured beside the trials."""

    footprint: Footprint | None = None
    weather: WeatherRun | None = None
    simulated: Simulated | None = None
    qos: Qos | None = None


def measure(weather_s: float) -> Extras:
    """Measure footprint and weather side by side, in worlds of their own."""
    with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
        say("building worlds for footprint, metered path and weather")
        ten_hertz = (FIBRE, SATELLITE, replace(LTE, metered=False))
        three, metered = (
            _paired(stack, name, lines) for name, lines in (("x", ten_hertz), ("y", THREE))
        )
        sky = _paired(stack, "z", (SATELLITE, LTE))
        pause(WARM_UP_S)
        seconds = max(30.0, weather_s)
        say(f"footprint, metered path and weather for {seconds:.0f} s")
        used = pool.submit(_used, three.daemons["edge"], seconds)
        octets = pool.submit(_crossed, metered.world, LTE.name, seconds)
        flown = pool.submit(_flown, sky, seconds)
        resident_mb, share = used.result()
        per_day = octets.result() * SECONDS_A_DAY / seconds / 1e6
        footprint = Footprint(len(ten_hertz), seconds, resident_mb, share, per_day)
        return Extras(footprint=footprint, weather=flown.result())


def simulate(hours: float) -> Simulated:
    """Return the moves of some hours of the same weather in simulated time."""
    say(f"{hours:g} hours of weather in simulated time")
    return Simulated(hours, simulated.moves(hours, CALM_SKY, WEATHER_SEED))


def quality_of_service() -> Qos:
    """Measure a call beside saturating uploads."""
    say("a call beside uploads")
    found = qos.measure()
    return Qos(int(found["lost"]), found["p99_over_idle_ms"], found)


def _paired(stack: ExitStack, name: str, lines: tuple[object, ...]) -> Pair:
    made = stack.enter_context(world(lines, name=name))  # type: ignore[arg-type]
    both = pair(made)
    both.start()
    return both


def _used(daemon: Daemon, seconds: float) -> tuple[float, float]:
    """Return a daemon's resident memory in MB and its share of a core over a while."""
    before, start = _cpu_s(daemon.pid), time.monotonic()
    pause(seconds)
    share = (_cpu_s(daemon.pid) - before) / (time.monotonic() - start)
    status = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii")
    row = next(row for row in status.splitlines() if row.startswith("VmRSS:"))
    return int(row.split()[1]) / 1024, share


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _crossed(world: World, line: str, seconds: float) -> int:
    """Return the octets that cross a line in both directions in a while, Ethernet included."""
    before = sum(world.octets(line))
    pause(seconds)
    return sum(world.octets(line)) - before


def _flown(both: Pair, seconds: float) -> WeatherRun:
    """Let weather pass over the first line, the second half with a call, and count the moves."""
    ends = time.monotonic() + seconds
    seen = {end: len(_decisions(daemon)) for end, daemon in both.daemons.items()}
    with ThreadPoolExecutor(2) as pool, Flows(both.world) as flows:
        sky = pool.submit(play_sky, both.world, SATELLITE, WEATHER_SEED, ends)
        stops = pool.submit(_stop_now_and_then, both, ends)
        pause(seconds / 2)
        flows.begin(max(1.0, ends - time.monotonic() - 2))
        called = flows.result()
        sky.result()
        stopped = stops.result()
    new = [d for end, daemon in both.daemons.items() for d in _decisions(daemon)[seen[end] :]]
    moves = [entry for entry in new if entry["path"] != entry["before"]]
    sent = sum(heard.sent for heard in called.heard.values())
    return WeatherRun(
        minutes=round(seconds / 60, 1),
        moves=len(moves),
        stops=stopped,
        stopped_ms=round(STOPPED_S * 1000),
        reasons=tuple(sorted({str(entry["what"]) for entry in moves}))[:10],
        lost=called.lost,
        sent=sent,
    )


def _decisions(daemon: Daemon) -> list[dict[str, object]]:
    lines = (daemon.folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for line in lines if (entry := json.loads(line)).get("kind") == "decision"]


def _stop_now_and_then(both: Pair, ends: float) -> int:
    """Stop one daemon after the other for a moment, as a busy machine would; return how often."""
    stops = 0
    turns = list(both.daemons.values())
    while time.monotonic() + STOP_EVERY_S < ends:
        pause(STOP_EVERY_S)
        daemon = turns[stops % 2]
        daemon.signal(signal.SIGSTOP)
        pause(STOPPED_S)
        daemon.signal(signal.SIGCONT)
        stops += 1
    return stops
