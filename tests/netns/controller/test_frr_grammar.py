"""What is rendered, on real FRR daemons: grammar, routing, failover, draining."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from itertools import cycle, pairwise, permutations
from threading import Event

import pytest

from controller.intended.render import render
from controller.intended.routers import intended_routers
from controller.model import DeviceConfig, Intended
from inventory.model import Intent, Medium, StaticRoute
from tests.factories import Draft
from tests.netns.controller.frr_router import FrrRouter, frr_routers, lan, run, wire
from tests.rigs.waiting import eventually

pytestmark = pytest.mark.netns
NEWCOMER = IPv4Network("172.26.0.0/18")
ODD_TEXTS = (
    "! foo",
    "#",
    "exit",
    "end",
    "a | include b",
    "Hôpital de Tokombéré, Extrême-Nord",
    "x\n no router bgp 65000",
    "no router bgp 65000",
    "back\\slash 'and' \"quotes\" ? \t {{ 7*7 }}",
    "日本語 " * 40,
    "\x1b[2J \u202e \u2028 \x0b",
    "",
)


def _intent() -> Intent:
    draft = Draft()
    draft.site("yao")
    draft.site("mar", "yao")
    draft.site("say", "mar")
    draft.site("mora", "say")
    draft.device("mar", 2)
    draft.circuit("yao-mar", "yao-r1", "mar-r1")
    draft.circuit("mar-say", "mar-r1", "say-r1")
    draft.circuit("say-mora", "say-r1", "mora-r1")
    draft.circuit("mar-mar", "mar-r1", "mar-r2")
    draft.circuit("mora-mar", "mora-r1", "mar-r2", medium=Medium.LEO)
    draft.circuit("mora-leo", "mora-r1", "provider:leo", medium=Medium.LEO)
    return draft.intent()


@dataclass(frozen=True)
class Fabric:
    """The routers and what they were told."""

    intent: Intent
    routers: dict[str, FrrRouter]

    def intended(self, name: str) -> Intended:
        return intended_routers(self.intent)[name]

    def lan4(self, name: str) -> str:
        return _address(self.intended(name), "vlan20", 4)


def _address(intended: Intended, interface: str, version: int) -> str:
    found = next(i for i in intended.interfaces if i.name == interface)
    address = found.ipv4 if version == 4 else found.ipv6
    assert address is not None
    return str(address.ip)


def _apply(router: FrrRouter, config: DeviceConfig) -> None:
    driver = router.driver()
    try:
        driver.stage(config)
        driver.commit(confirm_within_s=60)
        driver.confirm()
        assert driver.read() == config
    finally:
        driver.close()


@pytest.fixture(scope="module")
def fabric() -> Iterator[Fabric]:
    intent = _intent()
    with frr_routers(list(intent.devices)) as routers:
        for circuit in intent.circuits.values():
            if circuit.b:
                a, b = circuit.a, circuit.b
                wire(routers[a.device], a.interface, routers[b.device], b.interface)
        made = Fabric(intent, routers)
        for name, intended in intended_routers(intent).items():
            for interface in intended.interfaces:
                if interface.name.startswith("vlan"):
                    lan(routers[name], interface.name)
        for name, intended in intended_routers(intent).items():
            _apply(routers[name], render(intended))
        yield made


def _reaches(fabric: Fabric, interface: str, version: int) -> bool:
    ends = {
        n: i
        for n, i in intended_routers(fabric.intent).items()
        if any(x.name == interface for x in i.interfaces)
    }
    return all(
        fabric.routers[a].pings(
            _address(ends[a], interface, version), _address(ends[b], interface, version)
        )
        for a, b in permutations(ends, 2)
    )


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("interface", ["lo", "vlan20"])
def test_every_router_reaches_every_other(fabric: Fabric, interface: str, version: int):
    eventually(lambda: _reaches(fabric, interface, version), 60, f"{interface} in IPv{version}")


def test_traffic_takes_the_cheapest_way(fabric: Fabric):
    eventually(lambda: _reaches(fabric, "lo", 4), 60, "convergence")
    target = str(fabric.intended("yao-r1").router_id)
    route = fabric.routers["mora-r1"].exec("ip", "route", "get", target)
    assert "dev eth1" in route  # the fibre: 1 + 1 + 1 against 4 + 1 + 1 by satellite


def test_no_route_waits_for_another_route(fabric: Fabric):
    """zebra 8.4 may leave a route inactive for good when its next hop is being replaced."""
    eventually(lambda: _reaches(fabric, "vlan20", 4), 60, "convergence")
    for router in fabric.routers.values():
        for family in ("ip", "ipv6"):
            told = router.vtysh(f"show {family} route bgp")
            assert "B>*" in told
            assert "recursive" not in told
            assert "inactive" not in told


def test_silent_black_hole_is_left_within_1500_ms_without_a_loop(fabric: Fabric):
    eventually(lambda: _reaches(fabric, "vlan20", 4), 60, "convergence")
    with _pinging(fabric, "mora-r1", "yao-r1") as ping:
        Event().wait(1)
        with _black_hole(fabric.routers["mora-r1"], "eth1"):
            Event().wait(4)
            path = fabric.routers["mora-r1"].exec("ip", "route", "get", fabric.lan4("yao-r1"))
            assert "dev eth2" in path
    longest_s = max(b - a for a, b in pairwise(ping.answers()))
    assert longest_s < 1.5
    assert "Time to live exceeded" not in ping.said
    eventually(lambda: _via(fabric, "mora-r1", "yao-r1", "eth1"), 60, "back on the fibre")


def test_drained_circuit_can_be_taken_away_without_a_lost_ping(fabric: Fabric):
    eventually(lambda: _via(fabric, "mora-r1", "yao-r1", "eth1"), 60, "on the fibre")
    circuit = replace(fabric.intent.circuits["say-mora"], maintenance=True)
    drained = replace(fabric.intent, circuits={**fabric.intent.circuits, circuit.name: circuit})
    mora, say = fabric.routers["mora-r1"], fabric.routers["say-r1"]
    with _pinging(fabric, "mora-r1", "yao-r1") as ping:
        for name in ("mora-r1", "say-r1"):
            _apply(fabric.routers[name], render(intended_routers(drained)[name]))
        eventually(lambda: _via(fabric, "mora-r1", "yao-r1", "eth2"), 30, "drained at mora")
        eventually(lambda: not _via(fabric, "say-r1", "mora-r1", "eth2"), 30, "drained at say")
        Event().wait(1)
        run("ip", "-n", mora.namespace, "link", "set", "eth1", "down")
        Event().wait(2)
        run("ip", "-n", mora.namespace, "link", "set", "eth1", "up")
    assert ping.lost == 0
    for name, router in (("mora-r1", mora), ("say-r1", say)):
        _apply(router, render(fabric.intended(name)))
    eventually(lambda: _via(fabric, "mora-r1", "yao-r1", "eth1"), 60, "back on the fibre")


def test_a_static_route_may_come_to_a_router_that_has_others(fabric: Fabric):
    """FRR lists it before those that were there, wherever it is written."""
    mora = replace(fabric.intent.sites["mora"], routes=(StaticRoute(NEWCOMER, "172.31.0.1"),))
    more = replace(fabric.intent, sites={**fabric.intent.sites, "mora": mora})
    router = fabric.routers["mora-r1"]
    _apply(router, render(intended_routers(more)["mora-r1"]))
    assert f"ip route {NEWCOMER} " in router.vtysh("show running-config")
    _apply(router, render(fabric.intended("mora-r1")))


def test_odd_texts_come_back_as_the_descriptions_they_are(fabric: Fabric):
    name = max(fabric.routers, key=lambda n: len(_texts(fabric.intended(n))))
    router, intended = fabric.routers[name], fabric.intended(name)
    texts = cycle(ODD_TEXTS)
    odd = replace(
        intended,
        interfaces=tuple(replace(i, description=next(texts)) for i in intended.interfaces),
        sessions=tuple(replace(s, description=next(texts)) for s in intended.sessions),
    )
    assert len(_texts(odd)) >= len(ODD_TEXTS)
    driver = router.driver()
    driver.stage(render(odd))
    driver.commit(confirm_within_s=60)
    seen = driver.read()
    driver.rollback()
    back = driver.read()
    driver.close()
    assert seen == render(odd)
    assert back == render(intended)


def _texts(intended: Intended) -> list[str]:
    return [
        *(i.description for i in intended.interfaces),
        *(s.description for s in intended.sessions),
    ]


def _via(fabric: Fabric, name: str, target: str, interface: str) -> bool:
    said = fabric.routers[name].exec("ip", "route", "get", fabric.lan4(target), check=False)
    return f"dev {interface}" in said


@contextmanager
def _black_hole(router: FrrRouter, interface: str) -> Iterator[None]:
    rules = (
        f"table netdev hole {{ chain in {{ type filter hook ingress device {interface} "
        "priority 0; drop; }; }; "
        f"table inet hole {{ chain out {{ type filter hook postrouting priority 0; "
        f"oifname {interface} drop; }}; }}"
    )
    router.exec("nft", rules)
    try:
        yield
    finally:
        router.exec("nft", "flush ruleset")


@dataclass
class Ping:
    """A ping every 20 ms and what it saw, once it has ended."""

    process: subprocess.Popen[str]
    said: str = ""

    @property
    def lost(self) -> int:
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", self.said)
        assert counts, self.said
        return int(counts[1]) - int(counts[2])

    def answers(self) -> list[float]:
        return [float(x) for x in re.findall(r"^\[([\d.]+)\] \d+ bytes", self.said, re.MULTILINE)]


@contextmanager
def _pinging(fabric: Fabric, source: str, target: str) -> Iterator[Ping]:
    inside = ("ip", "netns", "exec", fabric.routers[source].namespace)
    words = ("ping", "-n", "-D", "-i", "0.02", "-I", fabric.lan4(source), fabric.lan4(target))
    process = subprocess.Popen(
        [*inside, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    ping = Ping(process)
    try:
        yield ping
    finally:
        process.send_signal(2)
        ping.said = process.communicate(timeout=120)[0]
