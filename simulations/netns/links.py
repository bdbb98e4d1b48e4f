"""The circuits of a running laboratory: cut, restore, impair, look."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal, Protocol, TypeAlias

from inventory.errors import LabError
from simulations.impairment import CALM, Impairment, Weather, netem_arguments, with_weather
from simulations.netns.blueprint import Wire, WireEnd
from simulations.netns.namespaces import entered_namespace, run_ip_batch, set_sysctls
from simulations.netns.registry import Folder, alone, write_whole

Direction: TypeAlias = Literal["ab", "ba"]
BOTH: Final[tuple[Direction, Direction]] = ("ab", "ba")
# They end what hangs; a machine with much else to do takes its time.
ANSWER_WITHIN_S: Final = 30.0
START_WITHIN_S: Final = 120.0
_FIELDS: Final = frozenset(f.name for f in fields(Impairment))


@dataclass(frozen=True, slots=True)
class CircuitState:
    """What a circuit was made to do in each direction, and what the weather adds to both.

    up is false after a cable cut.
    """

    circuit: str
    up: bool
    ab: Impairment
    ba: Impairment
    weather: Weather = CALM

    @property
    def carries(self) -> bool:
        """Return whether packets cross it in both directions, but for the weather."""
        return self.up and not (self.ab.hole or self.ba.hole)

    def __str__(self) -> str:
        """Return the state in a word or two."""
        if not self.up:
            return "cut"
        holes = [name for name in BOTH if getattr(self, name).hole]
        if holes:
            return "black hole" if len(holes) == len(BOTH) else f"one-way hole {holes[0]}"
        return "outage" if self.weather.outage else "up"

    def now(self, direction: Direction) -> Impairment:
        """Return what a direction does now, weather and all."""
        return with_weather(self.ab if direction == "ab" else self.ba, self.weather)


class Circuits(Protocol):
    """Whatever carries the circuits: the kernel's netem or the user-space emulator."""

    def start(self, wires: Iterable[Wire]) -> None:
        """Lay the circuits; their interfaces exist afterwards."""
        ...

    def states(self) -> Mapping[str, CircuitState]:
        """Return what every circuit does now; empty when the emulator is dead."""
        ...

    def set_carrier(self, wire: Wire, *, up: bool) -> None:
        """Pull the cable at both ends, or plug it in again."""
        ...

    def impair(self, wire: Wire, changes: Mapping[Direction, Impairment]) -> None:
        """Change what directions of a circuit do, at once; the weather stays what it is."""
        ...

    def weather(self, circuit: str, weather: Weather) -> None:
        """Put a circuit under a weather; what was done to it on purpose stays."""
        ...


@dataclass(frozen=True, slots=True)
class RelayCircuits:
    """Circuits carried by simulations.relay; it lives in the controller's namespace."""

    folder: Folder
    home: str

    def start(self, wires: Iterable[Wire]) -> None:
        """Start the emulator and return once every interface is there."""
        spec = {wire.circuit: _spec(wire) for wire in wires}
        write_whole(self.folder.relay_spec, json.dumps(spec).encode())
        files = (self.folder.relay_spec, self.folder.relay_socket, self.folder.relay_pid)
        argv = [sys.executable, "-m", "simulations.relay", *map(str, files)]
        with entered_namespace(self.home):
            # The emulator outlives its starter, so it must not hold the starter's pipes.
            result = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=START_WITHIN_S,
                start_new_session=True,
            )
        if result.returncode:
            raise LabError(f"the link emulator did not start: {result.stderr.strip()}")

    def states(self) -> Mapping[str, CircuitState]:
        """Return what every circuit does now; empty when the emulator is dead."""
        try:
            answer = self._order({"order": "status"})
        except LabError:
            return {}
        return {name: _state(name, told) for name, told in answer.items()}

    def set_carrier(self, wire: Wire, *, up: bool) -> None:
        """Pull the cable at both ends, or plug it in again."""
        self._order({"order": "carrier", "circuit": wire.circuit, "up": up})

    def impair(self, wire: Wire, changes: Mapping[Direction, Impairment]) -> None:
        """Change what directions of a circuit do, at once; the weather stays what it is."""
        directions = {name: asdict(impairment) for name, impairment in changes.items()}
        self._order({"order": "impair", "circuit": wire.circuit, "directions": directions})

    def weather(self, circuit: str, weather: Weather) -> None:
        """Put a circuit under a weather; what was done to it on purpose stays."""
        self._order({"order": "weather", "circuit": circuit, "weather": asdict(weather)})

    def _order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
                door.settimeout(ANSWER_WITHIN_S)
                door.connect(str(self.folder.relay_socket))
                door.send(json.dumps(order).encode())
                answer: dict[str, Any] = json.loads(door.recv(1 << 20))
        except OSError as error:
            raise LabError(
                f"the link emulator of {self.folder.name} is dead; "
                f"'sanaga lab down {self.folder.name}', then up again"
            ) from error
        if "error" in answer:
            raise LabError(f"the link emulator refused: {answer['error']}")
        return answer


@dataclass(frozen=True, slots=True)
class NetemCircuits:
    """Circuits as veth pairs that the kernel's netem impairs; their state is kept in a file."""

    folder: Folder

    def start(self, wires: Iterable[Wire]) -> None:
        """Make the pairs and give each end its queue."""
        wires = tuple(wires)
        run_ip_batch(
            f"link add {wire.a.interface} netns {wire.a.namespace} "
            f"type veth peer name {wire.b.interface} netns {wire.b.namespace}"
            for wire in wires
        )
        for wire in wires:
            _keep_addresses(wire.a)
            _keep_addresses(wire.b)
        states = {w.circuit: CircuitState(w.circuit, up=True, ab=w.ab, ba=w.ba) for w in wires}
        for wire in wires:
            _set_queues(wire, states[wire.circuit], BOTH)
        self._write(states)

    def states(self) -> Mapping[str, CircuitState]:
        """Return what every circuit does now."""
        try:
            told = json.loads(self.folder.circuits.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {name: _state(name, state) for name, state in told.items()}

    def set_carrier(self, wire: Wire, *, up: bool) -> None:
        """Take both ends down or up: a veth end loses its carrier with its peer."""
        for end in (wire.a, wire.b):
            run_ip_batch([f"link set {end.interface} {'up' if up else 'down'}"], end.namespace)
        with alone(self.folder.circuits):
            self._change(wire.circuit, up=up)

    def impair(self, wire: Wire, changes: Mapping[Direction, Impairment]) -> None:
        """Replace the queue at the sending end of each changed direction."""
        with alone(self.folder.circuits):
            _set_queues(wire, self._change(wire.circuit, **dict(changes)), changes)

    def weather(self, circuit: str, weather: Weather) -> None:
        """Replace both queues."""
        wire = self.folder.read().blueprint.wire(circuit)
        with alone(self.folder.circuits):
            _set_queues(wire, self._change(circuit, weather=weather), BOTH)

    def _change(self, circuit: str, **what: Any) -> CircuitState:
        """Keep what changes of a circuit's state and return it whole."""
        states = self.states()
        state: CircuitState = replace(states[circuit], **what)
        self._write({**states, circuit: state})
        return state

    def _write(self, states: Mapping[str, CircuitState]) -> None:
        told = {name: asdict(state) for name, state in states.items()}
        write_whole(self.folder.circuits, json.dumps(told).encode())


def emulated_circuits(folder: Folder, *, netem: bool, home: str) -> Circuits:
    """Return what carries a laboratory's circuits; home is where an emulator lives."""
    return NetemCircuits(folder) if netem else RelayCircuits(folder, home)


def _spec(wire: Wire) -> dict[str, Any]:
    return {
        "a": [wire.a.namespace, wire.a.interface],
        "b": [wire.b.namespace, wire.b.interface],
        "ab": asdict(wire.ab),
        "ba": asdict(wire.ba),
    }


def _state(name: str, told: Mapping[str, Any]) -> CircuitState:
    ab, ba = (_impairment(told[side]) for side in BOTH)
    return CircuitState(name, told["up"], ab, ba, Weather(**told["weather"]))


def _impairment(told: Mapping[str, Any]) -> Impairment:
    return Impairment(**{key: value for key, value in told.items() if key in _FIELDS})


def _keep_addresses(end: WireEnd) -> None:
    # A cut takes the end down, upon which the kernel would forget its IPv6 addresses for good.
    set_sysctls(end.namespace, [(f"net/ipv6/conf/{end.interface}/keep_addr_on_down", "1")])


def _set_queues(wire: Wire, state: CircuitState, directions: Iterable[Direction]) -> None:
    for name in directions:
        _set_queue(wire.a if name == "ab" else wire.b, state.now(name))


def _set_queue(end: WireEnd, impairment: Impairment) -> None:
    argv = ["tc", "-n", end.namespace, "qdisc", "replace", "dev", end.interface, "root", "netem"]
    result = subprocess.run(
        [*argv, *netem_arguments(impairment)], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise LabError(f"{end.namespace}: netem refused: {result.stderr.strip()}")
