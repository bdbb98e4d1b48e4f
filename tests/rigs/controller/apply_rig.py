"""A chain of memory routers, far, middle and near, and a plan that changes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Engine, event

from controller.apply.events import Event
from controller.apply.session import ApplyContext, Timeouts
from controller.drivers.memory import MemoryNetwork
from controller.drivers.protocol import Connect
from controller.model import NO_HARM, Change, DeviceConfig, Impact, Plan
from controller.store.journal import Journal
from inventory.model import Platform
from tests.rigs.database.fresh_records import place_fresh_records
from tests.simulated_time import TestClock

NAMES = ("far-r1", "middle-r1", "near-r1")
PACE = Timeouts(base_s=100, per_wave_s=20, gate_s=10, verify_s=10, grace_s=5, poll_s=1)


def old(name: str) -> DeviceConfig:
    return DeviceConfig(f"hostname {name}\nrouter bgp 65000\n version 1\n")


def new(name: str) -> DeviceConfig:
    return DeviceConfig(f"hostname {name}\nrouter bgp 65000\n version 2\n")


def change(name: str) -> Change:
    return Change(name, Platform.FRR, old(name), new(name), "", Impact.REROUTE, "a new version")


def chain(waves: Sequence[Sequence[str]] = (NAMES[:1], NAMES[1:2], NAMES[2:])) -> Plan:
    names = sorted(name for wave in waves for name in wave)
    return Plan(
        id="c0ffee",
        network="test",
        created_at="2026-03-02T08:00:00+00:00",
        intent_fingerprint="",
        seen={name: old(name).fingerprint for name in names},
        waves=tuple(tuple(map(change, wave)) for wave in waves),
        blast_radius=NO_HARM,
        findings=(),
        loopbacks={name: loopback(name) for name in names},
        reaches=tuple((a, b) for i, a in enumerate(names) for b in names[i + 1 :]),
        adjacent=tuple(pairwise(NAMES)) if len(names) == 3 else (),
    )


def loopback(name: str) -> IPv4Address:
    return IPv4Address("172.16.0.1") + sum(name.encode()) % 1000


def hurry(engine: Engine) -> None:
    """Let a database of SQLite not wait for its disk."""
    engine.dispose()
    event.listen(engine, "connect", lambda made, _: made.execute("PRAGMA synchronous = OFF"))


@dataclass
class Bench:
    """Routers, a journal and a clock; events collects what an apply told."""

    folder: Path
    clock: TestClock = field(default_factory=TestClock)
    events: list[Event] = field(default_factory=list)
    workers: int = 1

    def __post_init__(self) -> None:
        self.network = MemoryNetwork({n: old(n).text for n in NAMES}, clock=self.clock)
        self.open_journal()

    def open_journal(self) -> None:
        """Open the journal, without waiting for a disk that no test pulls the plug of."""
        place_fresh_records(self.folder)
        self.journal = Journal.open(self.folder, clock=self.clock)
        hurry(self.journal._database.engine)

    def context(
        self, connect: Connect | None = None, journal: Journal | None = None
    ) -> ApplyContext:
        return ApplyContext(
            connect=connect or self.network.connect,
            journal=journal or self.journal,
            clock=self.clock,
            progress=self.events.append,
            workers=self.workers,
            pace=PACE,
        )

    def versions(self) -> str:
        """Return "old", "new" or "mixed"."""
        devices = self.network.devices
        running = {n: devices[n].now_running() for n in NAMES}
        if all(running[n] == old(n) for n in NAMES):
            return "old"
        return "new" if all(running[n] == new(n) for n in NAMES) else "mixed"

    def pending(self) -> list[str]:
        """Return the routers with an unconfirmed commit."""
        return [n for n in NAMES if self.network.device(n).unconfirmed]
