"""Rounds over 429 agents of SNMP: one snmpd at as many addresses, in a namespace of its own."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from uuid import uuid4

from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    get_cmd,
)

from controller.snmp.poller import Poller
from controller.snmp.targets import Target
from inventory.model import SnmpVersion
from simulations.devices import monitoring
from simulations.devices.monitoring import Passphrases, WatchedRouter
from simulations.lab.lifecycle import end_processes_in
from simulations.netns import namespaces
from tests.bench.measure import Figure, call, figure

AGENTS = 429
AT_ONCE = 100
VALUES = 27
LIMIT_S = 1.0
COMMUNITY = "bench"
PASSPHRASES = Passphrases("authentication-of-bench", "privacy-of-bench")
ADDRESSES = tuple(f"127.20.{i // 250}.{i % 250 + 1}" for i in range(AGENTS))


def rounds(folder: Path, runs: int) -> Iterator[Figure]:
    """Measure rounds over all agents: version 2c, version 3, and pysnmp beside them."""
    with _agents(folder) as namespace, namespaces.entered_namespace(namespace):
        names: tuple[str, ...] = ()
        for version in SnmpVersion:
            seconds, names = asyncio.run(_polled(version, runs))
            what = f"{AGENTS} agents, {len(names)} values each, {version}"
            yield figure(what, seconds, LIMIT_S)
        seconds = [call(lambda: asyncio.run(_by_pysnmp(names))) for _ in range(min(runs, 3))]
        yield figure(f"{AGENTS} agents, {len(names)} values each, pysnmp v2c", seconds, None)


async def _polled(version: SnmpVersion, runs: int) -> tuple[list[float], tuple[str, ...]]:
    """Return how long rounds take without the first, in which agents are walked, and its names."""
    poller = Poller(_targets(version), at_once=AT_ONCE)
    seconds = []
    for _ in range(runs + 1):
        done = await poller.poll_round(time())
        if len(done.readings) != AGENTS:
            raise RuntimeError(f"{len(done.silent)} agents are silent: {done.silent[0].reason}")
        seconds.append(done.seconds)
    watch = next(iter(poller.agents.values())).watch
    if watch is None or len(watch.names) < VALUES:
        raise RuntimeError("the agents have too few values for this measurement")
    return seconds[1:], watch.names


def _targets(version: SnmpVersion) -> list[Target]:
    interfaces = frozenset({"eth1", "eth2"})
    if version is SnmpVersion.V2C:
        return [
            Target(f"r{i}", address, 161, version, interfaces, community=COMMUNITY)
            for i, address in enumerate(ADDRESSES)
        ]
    secrets = {
        "user": monitoring.USER,
        "authentication": PASSPHRASES.authentication,
        "privacy": PASSPHRASES.privacy,
    }
    return [
        Target(f"r{i}", address, 161, version, interfaces, **secrets)
        for i, address in enumerate(ADDRESSES)
    ]


async def _by_pysnmp(names: tuple[str, ...]) -> None:
    engine, turns = SnmpEngine(), asyncio.Semaphore(AT_ONCE)
    # Their names are looked up once; done for each agent, that would take most of the time.
    objects = [ObjectType(ObjectIdentity(name)) for name in names]

    async def ask(address: str) -> None:
        async with turns:
            target = await UdpTransportTarget.create((address, 161), timeout=5, retries=2)
            community = CommunityData(COMMUNITY)
            error, status, _, values = await get_cmd(
                engine, community, target, ContextData(), *objects, lookupMib=False
            )
            if error or status or len(values) != len(names):
                raise RuntimeError(f"pysnmp: {error or status}")

    await asyncio.gather(*(ask(address) for address in ADDRESSES))
    engine.close_dispatcher()


@contextmanager
def _agents(folder: Path) -> Iterator[str]:
    """Give a namespace in which snmpd answers at every address of 127/8."""
    name = f"sanaga-bench-{uuid4().hex[:6]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        links = ("link set lo up", "link add eth1 type veth peer name eth2")
        namespaces.run_ip_batch((*links, "link set eth1 up", "link set eth2 up"), name)
        router = WatchedRouter("bench", name, folder / "snmpd", (), (f"rocommunity {COMMUNITY}",))
        router.folder.mkdir()
        monitoring.prepare_monitoring(router, PASSPHRASES)
        monitoring.start_snmpd(router)
        _await_answer(name)
        yield name
    finally:
        end_processes_in((name,), name)
        subprocess.run(["ip", "netns", "del", name], check=True)


def _await_answer(namespace: str) -> None:
    async def answers() -> None:
        poller = Poller(_targets(SnmpVersion.V2C)[:1], namespace)
        async with asyncio.timeout(60):
            while not (await poller.poll_round(time())).readings:
                pass

    asyncio.run(answers())
