"""The laboratory's routers can be polled, and say how their circuits are."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.drivers.connect import connector
from controller.drivers.protocol import ShowReader
from controller.incidents.model import Health, Observation, Source
from controller.polling.collector import Collector, Place
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
        self._connect = connector(self.intent)
        targets = [make_target(self.intent, one, secret) for one in polled_devices(self.intent)]
        place = Place("noc", SystemClock(), lab.blueprint.controller)
        self.collector = Collector(place, targets, wired_network(self.intent), self._hear)

    def _hear(self, observations: tuple[Observation, ...]) -> None:
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
