"""The laboratory's routers can be polled, and say how their circuits are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.drivers.connect import connector
from controller.drivers.protocol import ShowReader
from controller.incidents.model import Health, Observation, Source
from controller.polling.collector import Collector, Place
from controller.polling.listeners import Listeners, ListeningPorts
from controller.polling.network import wired_network
from controller.snmp.targets import make_target, polled_devices
from inventory.intent import KNOWN_HOSTS
from inventory.model import Intent, Snmp, SnmpVersion
from simulations.devices import monitoring
from simulations.lab.lab import Lab
from simulations.netns import background
from simulations.netns.processes import kill_processes
from tests.rigs.laboratory.lab_networks import triangle

pytestmark = pytest.mark.netns
WITHIN_S = 60
FIBRES = ("yaounde-garoua", "yaounde-maroua", "garoua-maroua")


def polled_triangle(lab: Lab) -> Intent:
    """Return the laboratory's intent with what polling and reading its routers takes."""
    place, keys = lab.folder, dict[str, str]()
    for line in (place.path / KNOWN_HOSTS).read_text(encoding="ascii").splitlines():
        address, _, key = line.partition(" ")
        keys[address] = key
    snmp = Snmp(
        SnmpVersion.V3,
        user=monitoring.USER,
        authentication=f"file:{place.snmp_authentication}",
        privacy=f"file:{place.snmp_privacy}",
    )
    made, devices = triangle(lab.name), {}
    for name, device in made.devices.items():
        assert device.management
        management = replace(
            device.management,
            host_key=keys[str(device.management.address)],
            credential=f"file:{place.controller_key}",
        )
        devices[name] = replace(device, management=management, snmp=snmp)
    network = replace(made.network, management_namespace=lab.blueprint.controller)
    return replace(made, devices=devices, network=network)


def secret(reference: str) -> str:
    return Path(reference.removeprefix("file:")).read_text(encoding="ascii")


class Watcher:
    """A collector of the laboratory, and what was last said."""

    def __init__(self, lab: Lab) -> None:
        self.intent = polled_triangle(lab)
        self.last: dict[tuple[str, str, Source], Health] = {}
        self.said: list[Observation] = []
        self._connect = connector(self.intent)
        targets = [make_target(self.intent, one, secret) for one in polled_devices(self.intent)]
        place = Place("noc", SystemClock(), lab.blueprint.controller)
        self.collector = Collector(place, targets, wired_network(self.intent), self._hear)

    def _hear(self, observations: tuple[Observation, ...]) -> None:
        self.said += observations
        self.last.update({(o.subject.name, o.observer, o.source): o.state for o in observations})

    def states(self, circuit: str, source: Source) -> set[Health]:
        """Return what the ends of a circuit say."""
        return {state for key, state in self.last.items() if key[::2] == (circuit, source)}

    def show(self, device: str, command: str) -> str:
        driver = self._connect(device)
        assert isinstance(driver, ShowReader)
        try:
            return driver.show(command)
        finally:
            driver.close()

    def first_down(self, circuit: str) -> Source | None:
        """Return by what it was first known that a circuit is down."""
        found = (one for one in self.said if one.subject.name == circuit)
        return next((one.source for one in found if one.state is Health.DOWN), None)

    def logged(self, circuit: str) -> list[str]:
        """Return what routers logged of sessions over a circuit."""
        said = (one for one in self.said if one.source is Source.SYSLOG)
        return [one.reason for one in said if one.subject.name == circuit and one.reason]

    @asynccontextmanager
    async def listening(self, namespace: str) -> AsyncIterator[Listeners]:
        """Hear traps and syslog where the service does, while the block runs."""
        doors = Listeners(self.collector)
        await doors.start(ListeningPorts(), namespace)
        try:
            yield doors
        finally:
            await doors.stop()

    async def until(self, check: Callable[[], bool]) -> None:
        """Wait until something holds, asking nobody."""
        async with asyncio.timeout(WITHIN_S):
            while not check():
                await asyncio.sleep(0.05)

    async def poll_until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not check():
                await self.collector.poll()
                await self.collector.read_neighbours()
                await asyncio.sleep(0.5)


def test_routers_say_by_snmp_lldp_and_bgp_that_their_circuits_are_well_until_one_is_cut(whole):
    watcher = Watcher(whole)

    def all_well() -> bool:
        sources = (Source.SNMP, Source.LLDP, Source.BGP)
        return all(watcher.states(f, s) == {Health.OK} for f in FIBRES for s in sources)

    async def watch():
        await watcher.collector.read_sessions(watcher.show, watcher.intent.devices)
        await watcher.poll_until(all_well)
        whole.cut("yaounde-garoua", silent=False)
        await watcher.poll_until(
            lambda: watcher.states("yaounde-garoua", Source.SNMP) == {Health.DOWN}
        )
        await watcher.collector.read_sessions(watcher.show, ["yaounde-r1"])

    asyncio.run(watch())
    said = watcher.last["yaounde-garoua", "yaounde-r1", Source.BGP]
    assert said in {Health.DOWN, Health.DEGRADED}
    assert watcher.states("yaounde-maroua", Source.SNMP) == {Health.OK}
    assert watcher.last["yaounde-maroua", "yaounde-r1", Source.BGP] is Health.OK


def test_a_program_for_watching_that_ended_is_told_and_a_restart_brings_it_back(whole):
    def dead() -> tuple[str, ...]:
        return next(r.dead for r in whole.status().routers if r.device == "garoua-r1")

    assert dead() == ()
    process = background.program_runs(whole.folder.router("garoua-r1") / "snmpd.pid")
    assert process
    kill_processes((process,))
    assert dead() == ("snmpd",)
    whole.restart("garoua-r1")
    assert dead() == ()


@contextmanager
def without_traps(lab: Lab, *devices: str) -> Iterator[None]:
    """Let some routers tell no link for a while."""
    watched = [
        monitoring.watched_router(lab.folder, lab.blueprint, lab.blueprint.router(device))
        for device in devices
    ]
    files = [one.folder / "snmpd.conf" for one in watched]
    before = [file.read_text(encoding="ascii") for file in files]
    for file, text in zip(files, before, strict=True):
        kept = (line for line in text.splitlines() if not line.startswith("trapsess"))
        file.write_text("\n".join((*kept, "")), encoding="ascii")
    try:
        restart_snmpd(watched)
        yield
    finally:
        for file, text in zip(files, before, strict=True):
            file.write_text(text, encoding="ascii")
        restart_snmpd(watched)


def restart_snmpd(routers: list[monitoring.WatchedRouter]) -> None:
    for router in routers:
        process = background.program_runs(router.folder / "snmpd.pid")
        assert process
        kill_processes((process,))
        monitoring.start_snmpd(router)


async def cut_and_hear(lab: Lab, watcher: Watcher) -> None:
    """Wait until all is well, then cut a fibre."""
    await watcher.poll_until(
        lambda: all(watcher.states(f, Source.SNMP) == {Health.OK} for f in FIBRES)
    )
    watcher.said.clear()
    await asyncio.to_thread(lab.cut, "yaounde-garoua", silent=False)


def test_a_cut_is_known_by_trap_before_anybody_asks_and_its_end_too(whole, monkeypatch):
    watcher = Watcher(whole)
    cut = "yaounde-garoua"
    ask = watcher.collector.ask_soon
    kept_back: list[str] = []
    # A trap of before the cut, as of an agent that has just begun, may have a router asked after.
    monkeypatch.setattr(watcher.collector, "ask_soon", kept_back.append)

    async def watch():
        async with watcher.listening(whole.blueprint.controller) as doors:
            await cut_and_hear(whole, watcher)
            await watcher.until(lambda: watcher.states(cut, Source.TRAP) == {Health.DOWN})
            monkeypatch.undo()
            for device in set(kept_back):
                ask(device)
            await watcher.until(lambda: Health.DOWN in watcher.states(cut, Source.SNMP))
            await asyncio.to_thread(whole.restore, cut)
            await watcher.until(lambda: watcher.states(cut, Source.TRAP) == {Health.OK})
        return doors

    doors = asyncio.run(watch())
    assert watcher.first_down(cut) is Source.TRAP
    assert doors.traps.taken >= 2
    assert {watcher.first_down(other) for other in FIBRES[1:]} == {None}


def test_without_the_traps_a_cut_is_known_by_polling_alone(whole):
    watcher = Watcher(whole)

    async def watch():
        async with watcher.listening(whole.blueprint.controller) as doors:
            await cut_and_hear(whole, watcher)
            await watcher.poll_until(lambda: watcher.first_down("yaounde-garoua") is not None)
        return doors

    with without_traps(whole, "yaounde-r1", "garoua-r1"):
        doors = asyncio.run(watch())
    assert watcher.first_down("yaounde-garoua") is Source.SNMP
    assert doors.traps.taken == 0


def test_routers_log_that_a_session_ended_and_that_it_stands_again(whole):
    watcher = Watcher(whole)
    cut = "yaounde-garoua"

    async def watch():
        async with watcher.listening(whole.blueprint.controller):
            await cut_and_hear(whole, watcher)
            await watcher.until(lambda: Health.DEGRADED in watcher.states(cut, Source.SYSLOG))
            await asyncio.to_thread(whole.restore, cut)
            await watcher.until(lambda: watcher.states(cut, Source.SYSLOG) == {Health.OK})

    asyncio.run(watch())
    ends = {("yaounde-r1", "garoua-r1"), ("garoua-r1", "yaounde-r1")}
    began = {f"{here} logged that BGP with {far} went down" for here, far in ends}
    told = watcher.logged(cut)
    assert any(line.startswith(tuple(began)) for line in told)
    assert any(line.endswith("went up") for line in told)
    assert watcher.logged("yaounde-maroua") == []


def test_without_what_sends_their_logs_no_line_comes(whole):
    watcher = Watcher(whole)
    forwarder = background.program_runs(whole.folder.log_pid)
    assert forwarder
    kill_processes((forwarder,))

    async def watch():
        async with watcher.listening(whole.blueprint.controller) as doors:
            await cut_and_hear(whole, watcher)
            for _ in range(WITHIN_S):
                await watcher.collector.read_sessions(watcher.show, ["yaounde-r1"])
                if watcher.states("yaounde-garoua", Source.BGP) - {Health.OK}:
                    break
        return doors

    doors = asyncio.run(watch())
    assert watcher.states("yaounde-garoua", Source.BGP) - {Health.OK}
    assert (doors.syslog.taken, watcher.logged("yaounde-garoua")) == (0, [])
