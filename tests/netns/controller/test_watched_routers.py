"""Real snmpd and lldpd are heard: real counters, links, silence, wrong cables, wrong keys."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from controller.clock import SystemClock
from controller.incidents.model import Health, Observation, Source
from controller.polling.collector import Collector, Place
from controller.polling.listeners import Listeners, ListeningPorts
from controller.snmp.model import DeviceReading
from tests.rigs.snmp.watched_country import (
    INFORMS_OF_V3,
    INTENDED,
    NOC,
    ROUTERS,
    SWAPPED,
    TRAP_PORT,
    WatchedCountry,
    watched_country,
)

pytestmark = pytest.mark.netns
WITHIN_S = 60


@pytest.fixture(scope="module")
def country():
    with watched_country() as made:
        yield made


@pytest.fixture
def whole(country):
    """Give the country as intended, with every agent answering."""
    country.cable(INTENDED)
    for device in ROUTERS:
        if not country.snmpd_runs(device):
            country.start_snmpd(device)
    return country


class Watcher:
    """A collector whose last observations are looked at."""

    def __init__(self, country: WatchedCountry, targets=None) -> None:
        self.country = country
        self.said: dict[tuple[str, str, Source], Observation] = {}
        self.collector = Collector(
            Place("noc", SystemClock(), country.noc),
            country.targets() if targets is None else targets,
            country.network,
            self._hear,
        )

    def _hear(self, observations: tuple[Observation, ...]) -> None:
        self.said |= {(o.subject.name, o.observer, o.source): o for o in observations}

    def state(self, subject: str, observer: str, source: Source = Source.SNMP) -> Health | None:
        found = self.said.get((subject, observer, source))
        return found.state if found else None

    def reason(self, subject: str, observer: str, source: Source = Source.SNMP) -> str:
        found = self.said.get((subject, observer, source))
        return found.reason if found else ""

    def loads(self) -> list[float]:
        return [one.load for one in self.said.values() if one.load is not None]

    def reading(self, device: str) -> DeviceReading:
        return self.collector.heard.tracks[device].reading

    async def poll_until(self, check: Callable[[], bool], what: str) -> None:
        """Poll until something holds. Agents answer from caches for some seconds."""
        async with asyncio.timeout(WITHIN_S):
            for _ in count():
                await self.collector.poll()
                if check():
                    return
                await asyncio.sleep(0.3)
        raise AssertionError(what)

    async def well(self) -> None:
        """Wait until everybody answers and every circuit is up."""
        await self.poll_until(self._all_well, "everything well")

    def _all_well(self) -> bool:
        states = {key: one.state for key, one in self.said.items() if key[2] is Source.SNMP}
        well = len(states) == 7 and set(states.values()) == {Health.OK}
        return well and all(map(self._is_of_now, ROUTERS))

    def _is_of_now(self, device: str) -> bool:
        """Return whether an agent shows today's interfaces; from its cache it may show others."""
        seen = {one.name: one.index for one in self.reading(device).interfaces}
        wanted = {one.interface for one in self.country.network.landings_of(device)}
        now = numbers(self.country, device)
        return seen == {name: now[name] for name in wanted}


def numbers(country: WatchedCountry, device: str) -> dict[str, int]:
    """Return the kernel's numbers of a router's interfaces."""
    links = json.loads(country.run(device, "ip", "-j", "link", "show"))
    return {link["ifname"]: link["ifindex"] for link in links}


def octets_sent(country: WatchedCountry) -> int:
    shown = country.run("mora-r1", "ip", "-s", "-j", "link", "show", "dev", "eth1")
    return int(json.loads(shown)[0]["stats64"]["tx"]["bytes"])


def test_counters_are_those_of_the_kernel(whole):
    async def watch():
        watcher = Watcher(whole)
        await watcher.well()
        whole.run("mora-r1", "ping", "-q", "-i", "0.002", "-c", "500", "-s", "1000", "10.9.1.2")
        least = octets_sent(whole)

        def caught_up() -> bool:
            counters = watcher.reading("mora-r1").interfaces[0].counters
            return counters["out_octets"].value >= least

        await watcher.poll_until(caught_up, "what was sent is counted")
        counters = watcher.reading("mora-r1").interfaces[0].counters
        assert least <= counters["out_octets"].value <= octets_sent(whole)
        assert counters["out_octets"].value >= 500 * 1000
        # A late answer may pass for a restart, after which there is no rate until the next one.
        await watcher.poll_until(lambda: bool(watcher.loads()), "a load is measured")
        return watcher

    watcher = asyncio.run(watch())
    reading = watcher.reading("mora-r1")
    assert [one.celsius for one in reading.temperatures] == [41]
    assert reading.battery
    assert (reading.battery.on_battery, reading.battery.charge) == (True, 0.77)
    assert watcher.state("mora-r1", "noc", Source.UPS) is Health.DEGRADED
    assert reading.memory is not None
    assert 0 < reading.memory < 1
    assert 0 < max(watcher.loads()) <= 1


def test_a_link_that_is_lost_is_down_at_both_ends_and_no_other_is(whole):
    async def watch():
        watcher = Watcher(whole)
        await watcher.well()
        whole.run("mora-r1", "ip", "link", "set", "eth1", "down")
        ends = ("mora-r1", "kolofata-r1")
        await watcher.poll_until(
            lambda: {watcher.state("mora-kolofata", end) for end in ends} == {Health.DOWN},
            "both ends say that the circuit is down",
        )
        assert watcher.reason("mora-kolofata", "mora-r1") == "mora-r1 eth1 is switched off"
        assert watcher.reason("mora-kolofata", "kolofata-r1").startswith(
            "kolofata-r1 eth1 has no link"
        )
        others = (watcher.state("mora-tokombere", end) for end in ("mora-r1", "tokombere-r1"))
        assert set(others) == {Health.OK}
        assert {watcher.state(device, "noc") for device in ROUTERS} == {Health.OK}
        whole.run("mora-r1", "ip", "link", "set", "eth1", "up")
        await watcher.well()

    asyncio.run(watch())


def test_an_agent_that_ends_makes_unknown_and_nothing_down(whole):
    async def watch():
        watcher = Watcher(whole)
        await watcher.well()
        whole.stop_snmpd("kolofata-r1")
        await watcher.collector.poll()
        assert watcher.state("kolofata-r1", "noc") is Health.UNKNOWN
        assert watcher.state("mora-kolofata", "kolofata-r1") is Health.UNKNOWN
        assert watcher.state("mora-kolofata", "mora-r1") is Health.OK
        assert watcher.state("noc", "noc", Source.COLLECTOR) is Health.OK
        # The rest at once: that is the collector's fault.
        whole.stop_snmpd("mora-r1")
        whole.stop_snmpd("tokombere-r1")
        await watcher.collector.poll()
        assert watcher.state("noc", "noc", Source.COLLECTOR) is Health.DOWN
        states = [one.state for key, one in watcher.said.items() if key[2] is Source.SNMP]
        assert set(states) == {Health.UNKNOWN}
        for device in ROUTERS:
            whole.start_snmpd(device)
        await watcher.well()
        assert watcher.state("noc", "noc", Source.COLLECTOR) is Health.OK

    asyncio.run(watch())


def test_an_agent_that_restarts_is_asked_on_and_makes_no_spike(whole):
    async def watch():
        watcher = Watcher(whole)
        await watcher.well()
        before = watcher.reading("mora-r1")
        whole.stop_snmpd("mora-r1")
        whole.start_snmpd("mora-r1")
        await watcher.poll_until(
            lambda: watcher.reading("mora-r1").uptime_s < before.uptime_s, "it runs again"
        )
        circuit = watcher.said["mora-kolofata", "mora-r1", Source.SNMP]
        assert circuit.load is None or circuit.load < 0.1

    asyncio.run(watch())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"authentication": "another-passphrase"}, "refused SNMP user sanaga"),
        ({"user": "nobody"}, "refused SNMP user nobody"),
        ({"privacy": "another-passphrase"}, "is its privacy passphrase right?"),
    ],
    ids=["authentication", "user", "privacy"],
)
def test_a_wrong_key_is_refused_and_told(whole, change, words):
    (right,) = whole.targets("mora-r1")

    async def watch():
        good, bad = Watcher(whole, [right]), Watcher(whole, [replace(right, **change)])
        await good.poll_until(lambda: good.state("mora-r1", "noc") is Health.OK, "it answers")
        await bad.collector.poll()
        return bad

    bad = asyncio.run(watch())
    assert bad.state("mora-r1", "noc") is Health.UNKNOWN
    assert words in bad.reason("mora-r1", "noc")
    assert "another-passphrase" not in bad.reason("mora-r1", "noc")


def test_swapped_cables_are_told_and_right_ones_are_not(whole):
    ends = (("mora-kolofata", "mora-r1"), ("mora-tokombere", "mora-r1"))

    async def watch():
        watcher = Watcher(whole)
        await watcher.well()
        await neighbours(watcher, ends, Health.OK)
        whole.cable(SWAPPED)
        await neighbours(watcher, ends, Health.DEGRADED)
        assert [watcher.reason(*end, Source.LLDP) for end in ends] == [
            "wrong cable: mora-r1 eth1 should meet kolofata-r1, meets tokombere-r1",
            "wrong cable: mora-r1 eth2 should meet tokombere-r1, meets kolofata-r1",
        ]
        whole.cable(INTENDED)
        await neighbours(watcher, ends, Health.OK)

    asyncio.run(watch())


async def neighbours(watcher: Watcher, ends: tuple[tuple[str, str], ...], state: Health) -> None:
    async with asyncio.timeout(WITHIN_S):
        while {watcher.state(*end, Source.LLDP) for end in ends} != {state}:
            await watcher.collector.read_neighbours()
            await asyncio.sleep(0.3)


@pytest.mark.parametrize("device", ROUTERS, ids=["v3 inform", "2c inform", "v3 trap"])
def test_an_agents_notification_is_heard_and_has_it_asked_at_once(whole, device):
    line = INFORMS_OF_V3 if device == "mora-r1" else "# nothing more"
    with whole.configured(device, line):
        doors = asyncio.run(restarted_and_heard(whole, device))
    assert doors.traps.taken >= 1


async def restarted_and_heard(country: WatchedCountry, device: str) -> Listeners:
    """Restart a router's snmpd, which says so, until that is heard and the router is asked."""
    watcher = Watcher(country)
    await watcher.well()
    doors = Listeners(watcher.collector)
    await doors.start(ListeningPorts(NOC, traps=TRAP_PORT, syslog=None), country.noc)
    try:
        await watcher.collector.poll()
        before = watcher.said[device, "noc", Source.SNMP].sequence
        await asyncio.to_thread(country.stop_snmpd, device)
        await asyncio.to_thread(country.start_snmpd, device)
        async with asyncio.timeout(WITHIN_S):
            # Nothing but the notification has it asked here.
            while watcher.said[device, "noc", Source.SNMP].sequence == before:
                await asyncio.sleep(0.05)
    finally:
        await doors.stop()
    return doors
