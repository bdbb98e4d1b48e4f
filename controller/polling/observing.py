"""From what agents said to observations: purely, with what was heard before as an argument."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from controller.incidents.model import Health, Observation, Source, Subject, SubjectKind
from controller.polling.network import Landing, WiredNetwork
from controller.snmp.counters import Counter, CounterSample, Rate, counter_rate, restarted
from controller.snmp.model import (
    Battery,
    DeviceReading,
    InterfaceReading,
    LinkState,
    Round,
    Silence,
)
from inventory.model import DeviceName

BUSY: Final = 0.95
# A processor that is busy for less time hurts nobody.
BUSY_FOR_S: Final = 300.0
FULL_MEMORY: Final = 0.95
HOT_C: Final = 85.0
# Errors and discards in a second that are more than chance; a clean fibre has none in hours.
ERRORS_PER_S: Final = 1.0
DISCARDS_PER_S: Final = 10.0
BATTERY_MINUTES: Final = 10
# Rates are taken over so many readings: over fewer, an agent's cache would make waves.
RATES_OVER: Final = 4
_NAMES: Final[Mapping[str, str]] = {
    "in_errors": "errors received",
    "out_errors": "errors sending",
    "in_discards": "packets dropped receiving",
    "out_discards": "packets dropped sending",
}


@dataclass(frozen=True, slots=True)
class Track:
    """What was heard of a device: its last readings, the newest last, none from before a restart.

    busy_since_s is since when its processor is busy without a pause.
    """

    readings: tuple[DeviceReading, ...]
    busy_since_s: float | None = None

    @property
    def reading(self) -> DeviceReading:
        """Return the last reading."""
        return self.readings[-1]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the collector knows from rounds before.

    silent are the agents that did not answer in the last round, lost those of them that fell
    silent at once with so many others that the collector itself is at fault.
    """

    tracks: Mapping[DeviceName, Track] = field(default_factory=dict)
    silent: frozenset[DeviceName] = frozenset()
    lost: frozenset[DeviceName] = frozenset()


@dataclass(frozen=True, slots=True)
class Stamp:
    """By whom and when something is said; a collector's sequence only rises."""

    collector: str
    sequence: int
    received_s: float


def follow_round(heard: Heard, done: Round, lost: frozenset[DeviceName]) -> Heard:
    """Return what is known after a round."""
    tracks = dict(heard.tracks)
    for reading in done.readings:
        tracks[reading.device] = follow_reading(tracks.get(reading.device), reading)
    return Heard(tracks, silent_agents(done), lost)


def follow_reading(track: Track | None, reading: DeviceReading) -> Track:
    """Return what is known of a device after a reading."""
    readings = (*(track.readings if track else ()), reading)[-RATES_OVER:]
    if track and _restarted(track.reading, reading):
        readings = (reading,)
    if reading.cpu is None or reading.cpu < BUSY:
        return Track(readings)
    since_s = track.busy_since_s if track else None
    return Track(readings, reading.at_s if since_s is None else since_s)


def _restarted(before: DeviceReading, after: DeviceReading) -> bool:
    return restarted(before.uptime_s, after.uptime_s, after.clock_s - before.clock_s)


def silent_agents(done: Round) -> frozenset[DeviceName]:
    """Return the agents from which nothing came back; one that refuses is there."""
    return frozenset(one.device for one in done.silent if not one.refused)


def reading_observations(
    track: Track | None, reading: DeviceReading, network: WiredNetwork, stamp: Stamp
) -> tuple[Observation, ...]:
    """Return what a reading says of the device, its battery and the circuits that end there."""
    say = Speaker(stamp, reading.at_s)
    faults = "; ".join(_device_faults(follow_reading(track, reading)))
    state = Health.DEGRADED if faults else Health.OK
    found = [say.of_device(reading.device, state, faults or "answers SNMP")]
    if reading.battery:
        battery = battery_state(reading.battery)
        found.append(replace(say, source=Source.UPS).of_device(reading.device, *battery))
    return (*found, *_circuits(track, reading, network, say))


def silence_observations(
    track: Track | None, silence: Silence, network: WiredNetwork, stamp: Stamp
) -> tuple[Observation, ...]:
    """Return what an agent's silence says: nothing is known, and nothing is down for it."""
    say, device = Speaker(stamp, silence.at_s), silence.device
    found = [say.of_device(device, Health.UNKNOWN, silence.reason)]
    if track and track.reading.battery:
        ups = replace(say, source=Source.UPS)
        found.append(ups.of_device(device, Health.UNKNOWN, "its battery cannot be asked for"))
    for landing in network.landings_of(device):
        reason = f"{device} does not say how {landing.interface} is"
        found.append(say.of_circuit(landing, Health.UNKNOWN, reason))
    return tuple(found)


def round_observations(
    heard: Heard, done: Round, network: WiredNetwork, stamp: Stamp
) -> tuple[Observation, ...]:
    """Return what a whole round says of devices and circuits."""
    tracks = heard.tracks
    spoken = (
        reading_observations(tracks.get(one.device), one, network, stamp) for one in done.readings
    )
    silences = (
        silence_observations(tracks.get(one.device), one, network, stamp) for one in done.silent
    )
    return tuple(chain.from_iterable((*spoken, *silences)))


@dataclass(frozen=True, slots=True)
class Speaker:
    """Makes the observations of one source at one moment."""

    stamp: Stamp
    at_s: float
    source: Source = Source.SNMP

    def of_device(self, device: DeviceName, state: Health, reason: str) -> Observation:
        """Return what the collector says of a device."""
        return self._of(Subject(SubjectKind.DEVICE, device), self.stamp.collector, state, reason)

    def of_circuit(
        self, landing: Landing, state: Health, reason: str, load: float | None = None
    ) -> Observation:
        """Return what the device at an end says of a circuit."""
        circuit = Subject(SubjectKind.CIRCUIT, landing.circuit)
        return replace(self._of(circuit, landing.device, state, reason), load=load)

    def of_collector(self, state: Health, reason: str) -> Observation:
        """Return what the collector says of itself."""
        name = self.stamp.collector
        return self._of(Subject(SubjectKind.COLLECTOR, name), name, state, reason)

    def _of(self, subject: Subject, observer: str, state: Health, reason: str) -> Observation:
        return Observation(
            subject=subject,
            observer=observer,
            source=self.source,
            state=state,
            sequence=self.stamp.sequence,
            at_s=self.at_s,
            received_s=self.stamp.received_s,
            reason=reason,
        )


def _device_faults(track: Track) -> Iterator[str]:
    reading, since_s = track.reading, track.busy_since_s
    if since_s is not None and reading.at_s - since_s >= BUSY_FOR_S:
        minutes = (reading.at_s - since_s) / 60
        yield f"its processor is busy for {minutes:.0f} minutes"
    if reading.memory is not None and reading.memory >= FULL_MEMORY:
        yield f"its memory is {reading.memory:.0%} full"
    for sensor in reading.temperatures:
        if sensor.works and sensor.celsius >= HOT_C:
            yield f"{sensor.name} is at {sensor.celsius:.0f} °C"


def battery_state(battery: Battery) -> tuple[Health, str]:
    """Return how an uninterruptible power supply stands, in words."""
    charge = "" if battery.charge is None else f", {battery.charge:.0%} charged"
    minutes = battery.minutes_left
    left = f", {minutes} minutes left" if battery.on_battery and minutes is not None else ""
    if battery.on_battery:
        return Health.DEGRADED, f"mains power is away; it runs on its battery{charge}{left}"
    short = minutes is not None and 0 < minutes < BATTERY_MINUTES
    if battery.low or short:
        return Health.DEGRADED, f"its battery would not last{charge}"
    return Health.OK, f"on mains power{charge}"


def _circuits(
    track: Track | None, reading: DeviceReading, network: WiredNetwork, say: Speaker
) -> Iterator[Observation]:
    before = track.readings[0] if track else None
    interfaces = {one.name: one for one in reading.interfaces}
    for landing in network.landings_of(reading.device):
        interface = interfaces.get(landing.interface)
        if interface is None:
            reason = f"{reading.device} has no interface {landing.interface}"
            yield say.of_circuit(landing, Health.UNKNOWN, reason)
            continue
        rates = interface_rates(before, reading, interface)
        state, reason = _interface_state(reading, interface, rates)
        yield say.of_circuit(landing, state, reason, circuit_load(landing, rates))


def _interface_state(
    reading: DeviceReading, interface: InterfaceReading, rates: Mapping[str, float]
) -> tuple[Health, str]:
    where = f"{reading.device} {interface.name}"
    if not interface.enabled:
        return Health.DOWN, f"{where} is switched off"
    if interface.state in {LinkState.DOWN, LinkState.LOWER_LAYER_DOWN, LinkState.ABSENT}:
        return Health.DOWN, f"{where} has no link{_since(reading, interface)}"
    if interface.state is not LinkState.UP:
        return Health.UNKNOWN, f"{where} is {interface.state.name.lower()}, which says nothing"
    if faults := "; ".join(_faults(rates)):
        return Health.DEGRADED, f"{where}: {faults}"
    return Health.OK, f"{where} is up"


def _since(reading: DeviceReading, interface: InterfaceReading) -> str:
    """Return for how long a link is in its state, where the agent says so soundly."""
    seconds = reading.uptime_s - interface.changed_s
    return f" for {seconds:.0f} s" if interface.changed_s and seconds >= 0 else ""


def _faults(rates: Mapping[str, float]) -> Iterator[str]:
    for key, name in _NAMES.items():
        limit = ERRORS_PER_S if key.endswith("errors") else DISCARDS_PER_S
        if rates.get(key, 0.0) >= limit:
            yield f"{rates[key]:.0f} {name} per second"


def interface_rates(
    earlier: DeviceReading | None, reading: DeviceReading, after: InterfaceReading
) -> Mapping[str, float]:
    """Return the rates per second that two readings give; what is a gap is not among them."""
    interfaces = earlier.interfaces if earlier else ()
    before = next((one for one in interfaces if one.name == after.name), None)
    if earlier is None or before is None or before.index != after.index:
        return {}
    found: dict[str, float] = {}
    for key, counter in after.counters.items():
        former = before.counters.get(key)
        if former is None:
            continue
        rate = counter_rate(
            _sample(former, earlier, before),
            _sample(counter, reading, after),
            _ceiling(key, after.speed_bps),
        )
        if isinstance(rate, Rate):
            found[key] = rate.per_s
    return found


def _sample(counter: Counter, reading: DeviceReading, interface: InterfaceReading) -> CounterSample:
    return CounterSample(counter, reading.clock_s, reading.uptime_s, interface.discontinuity)


def _ceiling(key: str, speed_bps: float | None) -> float | None:
    """Return how much can be counted in a second: octets, or packets of at least 64 octets."""
    if speed_bps is None:
        return None
    return speed_bps / 8 if key.endswith("octets") else speed_bps / 8 / 64


def circuit_load(landing: Landing, rates: Mapping[str, float]) -> float | None:
    """Return which share of a circuit's rate is used, in the fuller direction."""
    limits = {"out_octets": landing.sends_mbps, "in_octets": landing.receives_mbps}
    loads = [rates[key] * 8 / (mbps * 1e6) for key, mbps in limits.items() if key in rates]
    return min(max(loads), 1.0) if loads else None
