"""The API and its pages on the whole country, in a process of their own that can be measured."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.leadership.stream import StreamEvent
from controller.roles import Role
from inventory.country.intent_folder import write_national
from tests.rigs.service.api_bench import ApiBench, api_bench

WHO: Final = "ngono"
_GRANTS: Final = {WHO: (Grant(Role.NOC_OPERATOR, ""),)}
# Circuits that are cut before anything is measured, as there always are some.
CUT: Final = ("bertoua-mbere-fibre-r3", "mezam-bamenda-2nd-fibre", "donga-mantung-ako-microwave")
_START_WITHIN_S: Final = 300.0
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CountryServer:
    """A running server: where it listens, its process, its sites, and how it is told of changes."""

    port: int
    pid: int
    sites: tuple[str, ...]
    told: Connection

    @property
    def origin(self) -> str:
        """Return scheme, host and port of the pages."""
        return f"http://localhost:{self.port}"

    def publish(self, changes: list[tuple[str, str]]) -> None:
        """Tell the stream of sites and their health; returns once that is done."""
        self.told.send(changes)
        self.told.recv()


@contextmanager
def country_server(folder: Path) -> Iterator[CountryServer]:
    """Serve the country until the block ends."""
    write_national(folder)
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, there))
    process.start()
    try:
        if not here.poll(_START_WITHIN_S):
            raise TimeoutError("the server of the benchmark does not start")
        port, sites = here.recv()
        assert process.pid
        yield CountryServer(port, process.pid, sites, here)
    finally:
        here.send(None)
        process.join(_START_WITHIN_S)
        process.kill()


def _serve(folder: Path, orders: Connection) -> None:
    with api_bench(_GRANTS, folder) as bench:
        circuits = bench.context.intent.circuits
        for name in CUT:
            ends = (circuits[name].a, circuits[name].b)
            bench.hear(name, Health.DOWN, *(end.device for end in ends if end))
        orders.send((bench.client.port, tuple(bench.context.intent.sites)))
        while (changes := orders.recv()) is not None:
            bench.client.call(partial(_tell, bench, changes))
            orders.send("done")


def _tell(bench: ApiBench, changes: list[tuple[str, str]]) -> None:
    ring = bench.context.ring
    for site, health in changes:
        body: dict[str, Any] = {"kind": "site", "name": site, "before": "", "after": health}
        ring.follow(ring.newest + 1, StreamEvent("health", body | {"at_s": bench.clock()}, (site,)))


def cpu_s(*pids: int) -> float:
    """Return how many seconds of a core some processes have used; one that is gone counts 0."""
    found = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        except OSError:
            continue
        found += sum(int(word) for word in text.rpartition(")")[2].split()[11:13])
    return found / _TICKS_PER_S


def family(pid: int) -> tuple[int, ...]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            continue
        children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(
            int(entry.parent.name)
        )
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return tuple(found)


@dataclass(slots=True)
class Stopwatch:
    """The share of a core that processes use from now on."""

    pids: tuple[int, ...]
    began_s: float = 0.0
    used_s: float = 0.0

    def start(self) -> None:
        """Begin to count."""
        self.began_s, self.used_s = perf_counter(), cpu_s(*self.pids)

    def share(self) -> float:
        """Return the share of a core used since the start; 1 is a whole one."""
        return (cpu_s(*self.pids) - self.used_s) / (perf_counter() - self.began_s)
