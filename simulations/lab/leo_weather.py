"""The weather of a running laboratory: a process that plays it on the low-orbit circuits.

'python -m simulations.lab.leo_weather RECORD SEED' goes on until it is ended. Satellites change at
multiples of 15 s of UNIX time, so that every dish of every laboratory changes them together.
"""

import heapq
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from inventory.errors import LabError
from inventory.model import Medium
from simulations.impairment import CALM
from simulations.netns import background
from simulations.netns.blueprint import Blueprint, Wire
from simulations.netns.links import emulated_circuits
from simulations.netns.namespaces import entered_namespace
from simulations.netns.processes import kill_processes
from simulations.netns.registry import Folder
from simulations.netns.waiting import pause
from simulations.weather import INTERVAL_S, WeatherChange, leo_weather

LONGEST_PAUSE_S: Final = 1.0


def under_the_sky(blueprint: Blueprint) -> tuple[Wire, ...]:
    """Return the circuits that have weather."""
    return tuple(wire for wire in blueprint.wires if wire.medium is Medium.LEO)


def start_weather(place: Folder, blueprint: Blueprint, seed: int) -> None:
    """Let there be weather; nothing happens where no circuit would feel it."""
    if not under_the_sky(blueprint):
        return
    argv = (sys.executable, "-m", __name__, str(place.record), str(seed))
    with entered_namespace(blueprint.controller):
        background.start_program(argv, pid_file=place.weather_pid, log=place.path / "weather.log")


def stop_weather(place: Folder) -> None:
    """End the weather and leave a calm sky; nothing happens when there is none."""
    process = background.program_runs(place.weather_pid)
    if process is None:
        return
    kill_processes([process])
    place.weather_pid.unlink(missing_ok=True)
    record = place.read()
    carriers = emulated_circuits(place, netem=record.netem, home=record.blueprint.controller)
    for wire in under_the_sky(record.blueprint):
        carriers.weather(wire.circuit, CALM)


def forecast(wires: tuple[Wire, ...], seed: int) -> Iterator[tuple[WeatherChange, Wire]]:
    """Yield every change over some circuits in order; each has a sky of its own."""
    return heapq.merge(*(_sky(wire, seed) for wire in wires), key=lambda coming: coming[0].at_s)


def _sky(wire: Wire, seed: int) -> Iterator[tuple[WeatherChange, Wire]]:
    return ((change, wire) for change in leo_weather(f"{seed} {wire.circuit}"))


def play_weather(place: Folder, seed: int) -> None:
    """Play the weather until the emulator is gone."""
    record = place.read()
    carriers = emulated_circuits(place, netem=record.netem, home=record.blueprint.controller)
    until_change_s = INTERVAL_S - time.time() % INTERVAL_S
    start_s = time.monotonic() + until_change_s
    for change, wire in forecast(under_the_sky(record.blueprint), seed):
        _wait_until(start_s + change.at_s)
        carriers.weather(wire.circuit, change.added_to(wire.ab.delay_ms, wire.ab.jitter_ms))


def _wait_until(instant_s: float) -> None:
    while (left_s := instant_s - time.monotonic()) > 0:
        pause(min(left_s, LONGEST_PAUSE_S))


if __name__ == "__main__":
    try:
        record = Path(sys.argv[1])
        play_weather(Folder(record.parent.name, record.parents[1]), int(sys.argv[2]))
    except (OSError, LabError) as problem:
        sys.exit(f"weather: {problem}")
