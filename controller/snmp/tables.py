"""From an agent's values to a reading: which values are asked for, and what they mean."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from controller.snmp import oids
from controller.snmp.counters import NARROW_BITS, WIDE_BITS, Counter
from controller.snmp.model import (
    Battery,
    DeviceReading,
    InterfaceReading,
    LinkState,
    Temperature,
    Value,
)
from controller.transport.untrusted_text import printable

TICKS_PER_S: Final = 100
MOST_INTERFACES: Final = 64
MOST_SENSORS: Final = 16
MOST_PROCESSORS: Final = 64
CELSIUS: Final = 8
# SensorDataScale: 10 to this power for 9, which is units; each step is three more.
UNITS_SCALE: Final = 9
ABSOLUTE_ZERO_C: Final = -273.15
HOTTEST_C: Final = 1000.0
UPS_SOURCE_BATTERY: Final = 5
BATTERY_LOW: Final = 3
NARROW: Final[Mapping[str, str]] = {
    "in_errors": oids.IF_IN_ERRORS,
    "out_errors": oids.IF_OUT_ERRORS,
    "in_discards": oids.IF_IN_DISCARDS,
    "out_discards": oids.IF_OUT_DISCARDS,
}
WIDE_OCTETS: Final = {"in_octets": oids.IF_HC_IN_OCTETS, "out_octets": oids.IF_HC_OUT_OCTETS}
NARROW_OCTETS: Final = {"in_octets": oids.IF_IN_OCTETS, "out_octets": oids.IF_OUT_OCTETS}
STATES: Final = (
    oids.IF_OPER_STATUS,
    oids.IF_ADMIN_STATUS,
    oids.IF_LAST_CHANGE,
    oids.IF_COUNTER_DISCONTINUITY,
)


@dataclass(frozen=True, slots=True)
class WatchedInterface:
    """An interface to poll; wide tells whether octets are counted in 64 bits.

    That is settled once: a series never changes from one counter to the other.
    """

    name: str
    index: int
    wide: bool
    speed_bps: float | None

    @property
    def counters(self) -> Mapping[str, tuple[str, int]]:
        """Return the name and width in bits of every counter."""
        octets, bits = (WIDE_OCTETS, WIDE_BITS) if self.wide else (NARROW_OCTETS, NARROW_BITS)
        wide = {key: (f"{name}.{self.index}", bits) for key, name in octets.items()}
        return wide | {k: (f"{name}.{self.index}", NARROW_BITS) for k, name in NARROW.items()}


@dataclass(frozen=True, slots=True)
class WatchedSensor:
    """A temperature sensor to poll; factor turns its value into degrees Celsius."""

    name: str
    index: str
    factor: float


@dataclass(frozen=True, slots=True)
class Watch:
    """What is asked of an agent in every round; names are all of it, in order."""

    interfaces: tuple[WatchedInterface, ...]
    missing: tuple[str, ...]
    processors: tuple[str, ...]
    sensors: tuple[WatchedSensor, ...]
    ups: bool
    memory_rows: tuple[str, ...]
    table_changed: Value
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """What walks of an agent found, by the rest of the name."""

    names: Mapping[str, Value]
    speeds: Mapping[str, Value]
    wide: frozenset[str]
    processors: tuple[str, ...]
    storages: Mapping[str, Value]
    sensor_types: Mapping[str, Value]
    sensor_scales: Mapping[str, Value]
    sensor_precisions: Mapping[str, Value]
    entity_names: Mapping[str, Value]
    scalars: Mapping[str, Value]


def plan_watch(found: Inventory, wanted: frozenset[str]) -> Watch:
    """Return what to ask in every round; wanted are interfaces by name, all when there are none."""
    interfaces = tuple(_watched(found, wanted))[:MOST_INTERFACES]
    missing = tuple(sorted(wanted - {interface.name for interface in interfaces}))
    sensors = tuple(_sensors(found))[:MOST_SENSORS]
    processors = found.processors[:MOST_PROCESSORS]
    ups = oids.UPS_OUTPUT_SOURCE in found.scalars or oids.UPS_CHARGE in found.scalars
    # net-snmp comes to know how idle the processor is a minute after its start.
    ucd = oids.UCD_SYSTEM if oids.UCD_MEM_TOTAL in found.scalars else ()
    rows = () if ucd else _memory_rows(found)
    names = (
        oids.SYS_UP_TIME,
        oids.IF_TABLE_LAST_CHANGE,
        *(name for interface in interfaces for name in _interface_names(interface)),
        *ucd,
        *processors,
        *(
            f"{column}.{row}"
            for row in rows
            for column in (oids.HR_STORAGE_SIZE, oids.HR_STORAGE_USED)
        ),
        *(
            f"{column}.{s.index}"
            for s in sensors
            for column in (oids.SENSOR_VALUE, oids.SENSOR_STATUS)
        ),
        *(oids.UPS if ups else ()),
    )
    changed = found.scalars.get(oids.IF_TABLE_LAST_CHANGE)
    return Watch(interfaces, missing, processors, sensors, ups, rows, changed, names)


def read_values(
    watch: Watch, values: Mapping[str, Value], device: str, at_s: float, clock_s: float
) -> DeviceReading:
    """Return the reading that an agent's values amount to."""
    interfaces = [(w, _interface(w, values)) for w in watch.interfaces]
    gone = tuple(w.name for w, reading in interfaces if reading is None)
    return DeviceReading(
        device=device,
        at_s=at_s,
        clock_s=clock_s,
        uptime_s=(_integer(values, oids.SYS_UP_TIME) or 0) / TICKS_PER_S,
        interfaces=tuple(reading for _, reading in interfaces if reading),
        missing=(*watch.missing, *gone),
        cpu=_cpu(watch, values),
        memory=_memory(watch, values),
        temperatures=tuple(_temperatures(watch, values)),
        battery=_battery(values) if watch.ups else None,
    )


def _watched(found: Inventory, wanted: frozenset[str]) -> Iterator[WatchedInterface]:
    # net-snmp shows an interface that went for minutes, beside a new one of the same name.
    newest = {as_text(name): index for index, name in _by_number(found.names)}
    for text, index in newest.items():
        if text in wanted or not wanted:
            speed = found.speeds.get(index)
            mbps = speed if isinstance(speed, int) and speed > 0 else None
            yield WatchedInterface(
                text, int(index), index in found.wide, None if mbps is None else mbps * 1e6
            )


def _by_number(rows: Mapping[str, Value]) -> list[tuple[str, Value]]:
    return sorted((row for row in rows.items() if row[0].isdigit()), key=lambda row: int(row[0]))


def _interface_names(interface: WatchedInterface) -> Iterator[str]:
    yield from (f"{column}.{interface.index}" for column in STATES)
    yield from (name for name, _ in interface.counters.values())


def _interface(watched: WatchedInterface, values: Mapping[str, Value]) -> InterfaceReading | None:
    """Return an interface's reading; None where the agent has it no more."""
    state, enabled, changed, broken = (
        _integer(values, f"{column}.{watched.index}") for column in STATES
    )
    if state is None:
        return None
    counters = {
        key: Counter(value % (1 << bits), bits)
        for key, (name, bits) in watched.counters.items()
        if (value := _integer(values, name)) is not None
    }
    return InterfaceReading(
        name=watched.name,
        index=watched.index,
        state=LinkState(state) if state in {s.value for s in LinkState} else LinkState.UNKNOWN,
        enabled=enabled != LinkState.DOWN.value,
        speed_bps=watched.speed_bps,
        changed_s=(changed or 0) / TICKS_PER_S,
        discontinuity=broken or 0,
        counters=counters,
    )


def _sensors(found: Inventory) -> Iterator[WatchedSensor]:
    for index, kind in found.sensor_types.items():
        if kind == CELSIUS:
            scale, precision = found.sensor_scales.get(index), found.sensor_precisions.get(index)
            power = 3 * (_bounded(scale, 1, 17, UNITS_SCALE) - UNITS_SCALE)
            power -= _bounded(precision, -8, 9, 0)
            name = as_text(found.entity_names.get(index)) or f"sensor {index}"
            yield WatchedSensor(name, index, 10.0**power)


def _temperatures(watch: Watch, values: Mapping[str, Value]) -> Iterator[Temperature]:
    for sensor in watch.sensors:
        value = _integer(values, f"{oids.SENSOR_VALUE}.{sensor.index}")
        status = _integer(values, f"{oids.SENSOR_STATUS}.{sensor.index}")
        if value is not None and ABSOLUTE_ZERO_C <= value * sensor.factor <= HOTTEST_C:
            yield Temperature(sensor.name, value * sensor.factor, works=status in {None, 1})


def _cpu(watch: Watch, values: Mapping[str, Value]) -> float | None:
    loads = [load for name in watch.processors if (load := _integer(values, name)) is not None]
    if loads:
        return _share(sum(loads) / len(loads) / 100)
    idle = _integer(values, oids.UCD_CPU_IDLE)
    return None if idle is None else _share(1 - idle / 100)


def _memory(watch: Watch, values: Mapping[str, Value]) -> float | None:
    """Return the share of memory that programs have; what only caches files counts as free."""
    if total := _integer(values, oids.UCD_MEM_TOTAL):
        parts = (oids.UCD_MEM_FREE, oids.UCD_MEM_BUFFER, oids.UCD_MEM_CACHED)
        return _share(1 - sum(_integer(values, part) or 0 for part in parts) / total)
    sizes = _total(values, oids.HR_STORAGE_SIZE, watch.memory_rows)
    used = _total(values, oids.HR_STORAGE_USED, watch.memory_rows)
    return _share(used / sizes) if sizes else None


def _memory_rows(found: Inventory) -> tuple[str, ...]:
    return tuple(i for i, kind in found.storages.items() if kind == oids.HR_STORAGE_RAM)


def _total(values: Mapping[str, Value], column: str, rows: Iterable[str]) -> int:
    return sum(_integer(values, f"{column}.{row}") or 0 for row in rows)


def _battery(values: Mapping[str, Value]) -> Battery:
    charge = _integer(values, oids.UPS_CHARGE)
    seconds = _integer(values, oids.UPS_SECONDS_ON_BATTERY) or 0
    source = _integer(values, oids.UPS_OUTPUT_SOURCE)
    return Battery(
        on_battery=source == UPS_SOURCE_BATTERY or (source is None and seconds > 0),
        low=(_integer(values, oids.UPS_BATTERY_STATUS) or 0) >= BATTERY_LOW,
        charge=None if charge is None else _share(charge / 100),
        minutes_left=_integer(values, oids.UPS_MINUTES_LEFT),
        seconds_on_battery=seconds,
    )


def as_text(value: Value) -> str:
    """Return an agent's octets as text that is safe to show; empty for what is no text."""
    if isinstance(value, bytes):
        value = value.rstrip(b"\0").decode("utf-8", "replace")
    return printable(value).strip() if isinstance(value, str) else ""


def _integer(values: Mapping[str, Value], name: str) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) else None


def _bounded(value: Value, least: int, most: int, otherwise: int) -> int:
    return value if isinstance(value, int) and least <= value <= most else otherwise


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
