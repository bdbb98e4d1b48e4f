"""What may be done to the circuits of a laboratory from its page, and how they stand."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inventory.errors import LabError
from inventory.model import CircuitName, DeviceName, Intent, Medium, SiteName
from simulations.lab.lab import Lab
from simulations.netns.blueprint import Wire
from simulations.netns.links import CircuitState

LOSS: Final = 0.05
JITTER_MS: Final = 150.0


class CircuitAct(StrEnum):
    """Something that is done to a circuit."""

    CUT = "cut"
    SWALLOW = "swallow"
    LOSE = "lose"
    MEND = "mend"


class LineState(StrEnum):
    """How a circuit of the laboratory stands, by what was done to it."""

    WHOLE = "whole"
    CUT = "cut"
    SWALLOWS = "swallows"
    LOSES = "loses"


@dataclass(frozen=True, slots=True)
class ShownCircuit:
    """A circuit as the page shows it; ends are the names of its two sites, or of a provider."""

    name: CircuitName
    medium: Medium
    ends: tuple[str, str]
    state: LineState


def act_on_circuit(lab: Lab, name: CircuitName, act: CircuitAct) -> None:
    """Cut a circuit, let it swallow or lose packets, or mend it.

    Raises LabError when the laboratory has no such circuit, or is gone.
    """
    if act is CircuitAct.CUT:
        lab.cut(name, silent=False)
    elif act is CircuitAct.SWALLOW:
        lab.cut(name, silent=True)
    elif act is CircuitAct.LOSE:
        lab.impair(name, loss=LOSS, jitter_ms=JITTER_MS)
    else:
        lab.restore(name)


def mend_all(lab: Lab, intent: Intent) -> None:
    """Mend every circuit that something was done to. Raises LabError."""
    for one in shown_circuits(lab, intent):
        if one.state is not LineState.WHOLE:
            lab.restore(one.name)


def shown_circuits(
    lab: Lab, intent: Intent, first: Collection[SiteName] = ()
) -> tuple[ShownCircuit, ...]:
    """Return every circuit with its state: damaged ones first, then those of the sites named first.

    Raises LabError when the laboratory is gone.
    """
    titles = {intent.sites[name].title for name in first}

    def rank(one: ShownCircuit) -> tuple[bool, bool, CircuitName]:
        return one.state is LineState.WHOLE, titles.isdisjoint(one.ends), one.name

    return tuple(sorted(_shown(lab, intent), key=rank))


def _shown(lab: Lab, intent: Intent) -> Iterator[ShownCircuit]:
    states = lab.links.states()
    for wire in lab.blueprint.wires:
        circuit = intent.circuits[wire.circuit]
        if wire.circuit not in states:
            raise LabError(f"{lab.name}: what carries its circuits is dead; start it again")
        far = _place(intent, circuit.b.device) if circuit.b else circuit.provider or "Internet"
        ends = (_place(intent, circuit.a.device), far)
        yield ShownCircuit(
            wire.circuit, circuit.medium, ends, line_state(wire, states[wire.circuit])
        )


def line_state(wire: Wire, now: CircuitState) -> LineState:
    """Return how a circuit stands, by what is otherwise than the intent has it."""
    if not now.up:
        return LineState.CUT
    if now.ab.hole or now.ba.hole:
        return LineState.SWALLOWS
    return LineState.WHOLE if (now.ab, now.ba) == (wire.ab, wire.ba) else LineState.LOSES


def _place(intent: Intent, device: DeviceName) -> str:
    return intent.sites[intent.devices[device].site].title
