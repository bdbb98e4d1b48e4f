"""Polling many agents: all of them once in a round, at most a hundred at a time."""

import asyncio
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Final

from controller.snmp import oids
from controller.snmp.agent import Agent, RefusedError, Rows
from controller.snmp.counters import restarted
from controller.snmp.model import DeviceReading, LinkState, Round, Silence, Value
from controller.snmp.tables import Inventory, Watch, plan_watch, read_values
from controller.snmp.targets import Target
from inventory.errors import DeviceError
from inventory.model import DeviceName

AT_ONCE: Final = 100
# An agent's tables are looked through again at least so often.
LOOK_AGAIN_S: Final = 3600.0
# Sooner, while an interface is missing or not up: it may have come back under another number.
LOOK_SOON_S: Final = 15.0
SCALARS: Final = (oids.IF_TABLE_LAST_CHANGE, *oids.UCD_SYSTEM, *oids.UPS)


class PolledAgent:
    """An agent with what is asked of it, found by walks; looked through again when it changed.

    turn is held by whoever asks it; watch is None until it was looked through.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.watch: Watch | None = None
        self._looked_s = 0.0
        self._sound = False
        self._uptime: tuple[float, float] | None = None
        self.turn = asyncio.Lock()

    async def read(self, at_s: float) -> DeviceReading:
        """Return a reading. Raises UnreachableError or RefusedError."""
        async with self.turn:
            reading = await self._read(await self._ready(), at_s)
            if self._restarted(reading):
                # After a restart interfaces may have other numbers.
                self.watch = None
                reading = await self._read(await self._ready(), at_s)
            return reading

    async def _read(self, watch: Watch, at_s: float) -> DeviceReading:
        values = await self.agent.get(watch.names)
        device = self.agent.target.device
        if not isinstance(values.get(oids.SYS_UP_TIME), int):
            raise RefusedError(device, "its SNMP agent does not say how long it runs (sysUpTime)")
        reading = read_values(watch, values, device, at_s, monotonic())
        up = all(one.state is LinkState.UP for one in reading.interfaces)
        self._sound = up and not reading.missing
        changed = values.get(oids.IF_TABLE_LAST_CHANGE) != watch.table_changed
        if changed or reading.missing != watch.missing:
            self.watch = None
        return reading

    async def _ready(self) -> Watch:
        now = monotonic()
        watch = self.watch
        if watch is None or now - self._looked_s > (LOOK_AGAIN_S if self._sound else LOOK_SOON_S):
            watch = plan_watch(await look_through(self.agent), self.agent.target.interfaces)
            self.watch, self._looked_s = watch, now
        return watch

    def _restarted(self, reading: DeviceReading) -> bool:
        before, self._uptime = self._uptime, (reading.clock_s, reading.uptime_s)
        if before is None:
            return False
        return restarted(before[1], reading.uptime_s, reading.clock_s - before[0])


async def look_through(agent: Agent) -> Inventory:
    """Return what an agent has. Raises UnreachableError or RefusedError."""
    scalars = await agent.get(SCALARS)
    names = await _column(agent, oids.IF_NAME) or await _column(agent, oids.IF_DESCR)
    types = await _column(agent, oids.SENSOR_TYPE)
    storages = {} if oids.UCD_MEM_TOTAL in scalars else await _column(agent, oids.HR_STORAGE_TYPE)
    return Inventory(
        names=names,
        speeds=await _speeds(agent),
        wide=frozenset(await _column(agent, oids.IF_HC_IN_OCTETS)),
        processors=tuple(name for name, _ in await agent.walk(oids.HR_PROCESSOR_LOAD)),
        storages=storages,
        sensor_types=types,
        sensor_scales=await _column(agent, oids.SENSOR_SCALE) if types else {},
        sensor_precisions=await _column(agent, oids.SENSOR_PRECISION) if types else {},
        entity_names=await _column(agent, oids.ENTITY_NAME) if types else {},
        scalars=scalars,
    )


async def _speeds(agent: Agent) -> Mapping[str, Value]:
    """Return the interfaces' speeds in Mbit/s; of slow or old ones from the older column."""
    high = await _column(agent, oids.IF_HIGH_SPEED)
    if high and all(isinstance(value, int) and value > 0 for value in high.values()):
        return high
    old = await _column(agent, oids.IF_SPEED)
    slow = {k: max(v // 1_000_000, 1) for k, v in old.items() if isinstance(v, int) and v > 0}
    return {**slow, **{key: value for key, value in high.items() if value}}


async def _column(agent: Agent, root: str) -> Mapping[str, Value]:
    return below(root, await agent.walk(root))


def below(root: str, rows: Rows) -> Mapping[str, Value]:
    """Return rows by the rest of their names."""
    return {name.removeprefix(f"{root}."): value for name, value in rows}


class Poller:
    """Asks agents in rounds; their sessions are kept."""

    def __init__(
        self, targets: Iterable[Target], namespace: str | None = None, *, at_once: int = AT_ONCE
    ) -> None:
        self.agents: Mapping[DeviceName, PolledAgent] = {
            target.device: PolledAgent(Agent(target, namespace)) for target in targets
        }
        self._at_once = at_once

    async def poll_round(self, at_s: float) -> Round:
        """Ask every agent once and return what they said; at_s is the Unix time."""
        began, turns = monotonic(), asyncio.Semaphore(self._at_once)

        async def ask(device: DeviceName) -> DeviceReading | Silence:
            async with turns:
                return await self.poll_one(device, at_s)

        heard = await asyncio.gather(*(ask(device) for device in self.agents))
        return Round(
            at_s,
            tuple(one for one in heard if isinstance(one, DeviceReading)),
            tuple(one for one in heard if isinstance(one, Silence)),
            monotonic() - began,
        )

    async def poll_one(self, device: DeviceName, at_s: float) -> DeviceReading | Silence:
        """Ask one agent, for example because it sent a notification."""
        try:
            return await self.agents[device].read(at_s)
        except DeviceError as error:
            reason = str(error).removeprefix(f"{device}: ")
            return Silence(device, at_s, reason, refused=isinstance(error, RefusedError))
