"""What routers still carry and the intent forgot: circuits, and the sites at their far ends.

A router's configuration tells the number of each circuit, and what its neighbour is called; the
intents of former applies tell what the number meant, and who lives at the far end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from inventory.model import (
    Circuit,
    CircuitEnd,
    Device,
    DeviceName,
    Intent,
    Level,
    Medium,
    Platform,
    Role,
    Site,
    SiteName,
)

# A circuit's number, and 0 for its end a, 1 for b.
Port: TypeAlias = tuple[int, int]
_OF_SITE: Final = re.compile(r"-[a-z]+[0-9]+$")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class LooseEnds:
    """Ends of circuits that were found and belong to none that is known.

    called is what a router calls the neighbour at the far end; those among intended are where the
    intent wants them. read are the routers that were read, so that an end that is not among the
    ports is not there.
    """

    ports: Mapping[Port, CircuitEnd]
    called: Mapping[Port, str]
    intended: frozenset[Port]
    read: frozenset[DeviceName]


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A circuit as a former intent knew it."""

    intent: Intent
    circuit: Circuit

    def end(self, side: int) -> CircuitEnd:
        """Return end a (0) or b (1)."""
        return (self.circuit.b or self.circuit.a) if side else self.circuit.a


def add_forgotten(was: Intent, loose: LooseEnds, recorded: Iterable[Intent]) -> Intent:
    """Return a network with the circuits of loose ends, and with who is at their far ends.

    recorded are the intents of former applies, the newest first; they are asked only if needed.
    """
    former = tuple(recorded) if loose.ports else ()
    for number in sorted({number for number, _ in loose.ports}):
        ends = {side: end for side in (0, 1) if (end := loose.ports.get((number, side)))}
        if len(ends) == 2:
            known = _remembered(former, (number, 0), ends[0])
            was = _joined(was, number, (ends[0], ends[1]), known)
        else:
            was = _with_far_end(was, (number, 0 if 0 in ends else 1), loose, former)
    return was


def _with_far_end(was: Intent, port: Port, loose: LooseEnds, former: Sequence[Intent]) -> Intent:
    """Return a network with a circuit of which one end was found, if its far end was not read."""
    near, (number, side) = loose.ports[port], port
    known = _remembered(former, port, near)
    far = known.end(1 - side) if known else _guessed(port, loose)
    if far is None or far.device in loose.read:
        return was
    was = _with_device(was, far.device, known, near)
    return _joined(was, number, (far, near) if side else (near, far), known)


def _remembered(former: Sequence[Intent], port: Port, near: CircuitEnd) -> _Remembered | None:
    """Return the newest circuit of a number that had its end on the device where it was found."""
    number, side = port
    for intent in former:
        for circuit in intent.circuits.values():
            known = _Remembered(intent, circuit)
            if circuit.number == number and circuit.b and known.end(side).device == near.device:
                return known
    return None


def _guessed(port: Port, loose: LooseEnds) -> CircuitEnd | None:
    """Return a far end that no record tells, by what the router calls it, else by its place."""
    near, called = loose.ports[port], loose.called.get(port, "")
    if _SLUG.fullmatch(called) and called != near.device:
        return CircuitEnd(called, "")
    # Of a circuit that is intended just so, only one end was made so far.
    unknown = f"whatever is behind {near.device} {near.interface}"
    return None if port in loose.intended else CircuitEnd(unknown, "")


def _joined(
    was: Intent, number: int, ends: tuple[CircuitEnd, CircuitEnd], known: _Remembered | None
) -> Intent:
    if ends[0].device == ends[1].device:
        return was
    name = f"circuit {number}"
    if known and known.circuit.name not in was.circuits:
        name = known.circuit.name
    a, b = ends
    shape = known.circuit if known else _unknown_circuit(number, a)
    circuit = replace(shape, name=name, a=a, b=b, provider=None, enabled=True)
    return replace(was, circuits={**was.circuits, name: circuit})


def _unknown_circuit(number: int, a: CircuitEnd) -> Circuit:
    return Circuit(
        name="",
        number=number,
        a=a,
        b=None,
        provider=None,
        medium=Medium.FIBRE,
        rate_up_mbps=1.0,
        rate_down_mbps=1.0,
        delay_ms=0.0,
    )


def _with_device(
    was: Intent, name: DeviceName, known: _Remembered | None, near: CircuitEnd
) -> Intent:
    """Return a network that has a device, with its site and with all that hung on it."""
    if name in was.devices:
        return was
    if known:
        return _with_everything_behind(was, known.intent, name)
    return _with_stranger(was, name, was.sites[was.devices[near.device].site])


def _with_everything_behind(was: Intent, former: Intent, name: DeviceName) -> Intent:
    """Return a network with a device of a former intent and all that only it and its like reach."""
    devices: dict[DeviceName, Device] = {}
    circuits = {c.name: c for c in _circuits_behind(was, former, name, devices)}
    sites = {d.site: former.sites[d.site] for d in devices.values()}
    return replace(
        was,
        devices={**was.devices, **devices},
        sites={**sites, **was.sites},
        circuits={**circuits, **was.circuits},
    )


def _circuits_behind(
    was: Intent, former: Intent, name: DeviceName, found: dict[DeviceName, Device]
) -> Iterator[Circuit]:
    """Yield the circuits between a device and others that are gone; found becomes these devices."""
    around: dict[DeviceName, list[Circuit]] = {}
    for circuit in former.usable_circuits():
        for end in (circuit.a, circuit.b) if circuit.b else ():
            around.setdefault(end.device, []).append(circuit)
    todo = [name]
    while todo:
        here = todo.pop()
        if here in found or here in was.devices:
            continue
        found[here] = former.devices[here]
        for circuit in around.get(here, ()):
            ends = {end.device for end in (circuit.a, circuit.b) if end}
            if not ends & was.devices.keys():
                yield circuit
            todo += ends


def _with_stranger(was: Intent, name: DeviceName, near: Site) -> Intent:
    """Return a network with a router that nobody remembers, at a site called as it calls itself."""
    at: SiteName = _OF_SITE.sub("", name)
    known = at in was.sites
    router = Device(
        name=name, site=at, number=1, role=Role.ROUTER, platform=Platform.FRR, lan=not known
    )
    site = Site(
        name=at,
        number=0,
        level=Level.ARRONDISSEMENT,
        parent=near.name,
        title=at,
        region=near.region,
        place=near.place,
    )
    return replace(was, devices={**was.devices, name: router}, sites={at: site, **was.sites})
