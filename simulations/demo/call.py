"""A call that is watched while circuits fail under it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final, Protocol

from inventory.model import CircuitName, SiteName
from simulations.demo.facts import DemoCall, DemoMoment, Trouble, TroubleKind
from simulations.demo.overlay import Carried
from simulations.demo.way import Way
from simulations.lab.flows import LabFlow, Report, start_call
from simulations.lab.lab import Lab
from simulations.netns.waiting import pause

FIBRE: Final[CircuitName] = "mora-kolofata-fibre"
LOOK_S: Final = 0.25
CALL_S: Final = 36
TROUBLES: Final = (
    Trouble(TroubleKind.CUT, FIBRE, 4.0, 8.0),
    Trouble(TroubleKind.BLACK_HOLE, FIBRE, 14.0, 18.0),
    Trouble(TroubleKind.BROWN_OUT, FIBRE, 24.0, 30.0),
)
LOSS: Final = 0.05
JITTER_MS: Final = 150.0


class Audience(Protocol):
    """Whoever watches a call second by second."""

    def call(
        self, way: Way | Carried, heard: tuple[Report, ...], moments: tuple[DemoMoment, ...]
    ) -> None:
        """Show the call as it is now."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """The call to watch: between which sites, and how to see its way."""

    title: str
    source: SiteName
    target: SiteName
    look: Callable[[], Way | Carried]


def watched_call(lab: Lab, subject: Subject, audience: Audience) -> DemoCall:
    """Carry a call through all troubles and return what came of it."""
    with start_call(lab, subject.source, subject.target, seconds=CALL_S) as flow:
        try:
            return _Watch(lab, subject, flow, audience).until_over()
        finally:
            lab.restore(FIBRE)


class _Watch:
    """What is known so far of a call that goes on."""

    def __init__(self, lab: Lab, subject: Subject, flow: LabFlow, audience: Audience) -> None:
        self._lab, self._subject, self._flow, self._audience = lab, subject, flow, audience
        self._agenda = [act for trouble in TROUBLES for act in _acts(lab, trouble)]
        self._moments: list[DemoMoment] = []
        self._heard: list[Report] = []
        self._way = subject.look()
        self._ways = [str(self._way)]

    def until_over(self) -> DemoCall:
        """Watch until both ends have ended."""
        while not self._flow.over:
            self._act()
            self._look()
            self._tell()
            pause(LOOK_S)
        self._tell()
        it = self._subject
        heard, moments = tuple(self._heard), tuple(self._moments)
        return DemoCall(it.title, it.source, it.target, heard, moments, TROUBLES, tuple(self._ways))

    def _act(self) -> None:
        while self._agenda and self._now_s() >= self._agenda[0].at_s:
            act = self._agenda.pop(0)
            act.do()
            self._moments.append(DemoMoment(self._now_s(), act.what))

    def _look(self) -> None:
        now = self._subject.look()
        if now.circuits != self._way.circuits and now.whole:
            self._moments.append(DemoMoment(self._now_s(), f"the way is now {now}"))
            self._way = now
            self._ways.append(str(now))

    def _tell(self) -> None:
        self._heard += self._flow.news()
        self._audience.call(self._way, tuple(self._heard), tuple(self._moments))

    def _now_s(self) -> float:
        return monotonic() - self._flow.start


@dataclass(frozen=True, slots=True)
class _Act:
    """Something that is done to a circuit at an instant of the call."""

    at_s: float
    what: str
    do: Callable[[], None]


def _acts(lab: Lab, trouble: Trouble) -> tuple[_Act, _Act]:
    """Return the beginning and the end of a trouble."""
    circuit = trouble.circuit
    begin: Mapping[TroubleKind, Callable[[], None]] = {
        TroubleKind.CUT: lambda: lab.cut(circuit, silent=False),
        TroubleKind.BLACK_HOLE: lambda: lab.cut(circuit, silent=True),
        TroubleKind.BROWN_OUT: lambda: lab.impair(circuit, loss=LOSS, jitter_ms=JITTER_MS),
    }
    return (
        _Act(trouble.at_s, f"{circuit}: {trouble.kind}", begin[trouble.kind]),
        _Act(trouble.until_s, f"{circuit} is mended", lambda: lab.restore(circuit)),
    )
