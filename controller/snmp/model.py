"""What an agent was heard to say, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from controller.snmp.counters import Counter
from inventory.model import DeviceName

Value: TypeAlias = str | bytes | int | float | None


class LinkState(Enum):
    """An interface's operational state (ifOperStatus); what is no real interface is ABSENT."""

    UP = 1
    DOWN = 2
    TESTING = 3
    UNKNOWN = 4
    DORMANT = 5
    ABSENT = 6
    LOWER_LAYER_DOWN = 7


@dataclass(frozen=True, slots=True)
class InterfaceReading:
    """An interface at one moment; counters by their names in IF-MIB without 'if' and 'HC'.

    changed_s is the agent's uptime at which the state last changed, speed_bps what the link can
    carry, None where the agent does not say.
    """

    name: str
    index: int
    state: LinkState
    enabled: bool
    speed_bps: float | None
    changed_s: float
    discontinuity: int
    counters: Mapping[str, Counter]


@dataclass(frozen=True, slots=True)
class Temperature:
    """A temperature sensor; works is false where the agent says that it does not."""

    name: str
    celsius: float
    works: bool = True


@dataclass(frozen=True, slots=True)
class Battery:
    """An uninterruptible power supply (RFC 1628); None where it does not say.

    on_battery tells that the mains are away, low that it soon ends.
    """

    on_battery: bool
    low: bool
    charge: float | None
    minutes_left: int | None
    seconds_on_battery: int


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """A device at one moment: shares from 0 to 1, None where the agent does not say.

    at_s is Unix time, clock_s this machine's steady clock.
    """

    device: DeviceName
    at_s: float
    clock_s: float
    uptime_s: float
    interfaces: tuple[InterfaceReading, ...]
    missing: tuple[str, ...] = ()
    cpu: float | None = None
    memory: float | None = None
    temperatures: tuple[Temperature, ...] = ()
    battery: Battery | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """An agent that did not answer as it should, and why; refused says that it did answer."""

    device: DeviceName
    at_s: float
    reason: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """All agents asked once; seconds is how long it took."""

    at_s: float
    readings: tuple[DeviceReading, ...]
    silent: tuple[Silence, ...]
    seconds: float
