"""Scenario files: a network, what happens to it and when, and what must hold all the same."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inventory.documents.yaml_bounds import require_bounded
from inventory.errors import IntentError, LabError
from simulations.lab.flows import LabFlow, ProfileName, Report, start_call
from simulations.lab.lab import Lab, Shape
from simulations.netns.links import BOTH, Direction
from simulations.netns.waiting import pause

LIBRARY: Final = Path(__file__).with_name("scenarios")
CONVERGE_WITHIN_S: Final = 60.0
POLL_S: Final = 0.05
# A call still speaks while the last fault is being answered.
LONGEST_CALL_S: Final = 600

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Seconds: TypeAlias = Annotated[float, Field(ge=0, le=LONGEST_CALL_S)]


class ScenarioDocument(BaseModel):
    """What scenario files are made of: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Impair(ScenarioDocument):
    """A new shape for a circuit; what is not named stays as it is."""

    circuit: str
    directions: tuple[Direction, ...] = BOTH
    delay_ms: float | None = None
    jitter_ms: float | None = None
    loss: Share | None = None
    rate_mbps: float | None = None

    def shape(self) -> Shape:
        """Return only what is to change."""
        shape: Shape = {}
        if self.delay_ms is not None:
            shape["delay_ms"] = self.delay_ms
        if self.jitter_ms is not None:
            shape["jitter_ms"] = self.jitter_ms
        if self.loss is not None:
            shape["loss"] = self.loss
        if self.rate_mbps is not None:
            shape["rate_mbps"] = self.rate_mbps
        return shape


class Event(ScenarioDocument):
    """Something that happens at_s seconds after the start: exactly one of the three."""

    at_s: Seconds
    cut: str | None = None
    silent: bool = False
    directions: tuple[Direction, ...] = BOTH
    restore: str | None = None
    impair: Impair | None = None

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        acts = [act for act in (self.cut, self.restore, self.impair) if act is not None]
        if len(acts) != 1:
            raise ValueError("an event has exactly one of cut, restore and impair")
        if self.directions != BOTH and not (self.cut and self.silent):
            raise ValueError("directions go with a silent cut, or stand within impair")
        return self

    @property
    def circuit(self) -> str:
        """Return the circuit that the event is about."""
        return self.cut or self.restore or (self.impair.circuit if self.impair else "")

    def __str__(self) -> str:
        """Return the event as a line of a log."""
        verb = "cut" if self.cut else "restore" if self.restore else "impair"
        one_way = "" if self.directions == BOTH else f" ({', '.join(self.directions)})"
        how = f" silently{one_way}" if self.silent else ""
        return f"{self.at_s:g} s: {verb} {self.circuit}{how}"


class CallDocument(ScenarioDocument):
    """A call during the whole scenario, between the hosts of two sites."""

    name: str
    from_: str = Field(alias="from")
    to: str
    profile: ProfileName = "voice"


class Reach(ScenarioDocument):
    """After the last event, a site's host reaches another's (or must not) within a time."""

    kind: Literal["reach"] = "reach"
    from_: str = Field(alias="from")
    to: str
    holds: bool = True
    within_s: Seconds = 10.0


class CallQuality(ScenarioDocument):
    """No direction of a call is silent for longer, or loses more, than this."""

    kind: Literal["call"] = "call"
    call: str
    silence_ms: float | None = None
    loss: Share | None = None


class Scenario(ScenarioDocument):
    """A rehearsal: topology is the name of an example network or an intent folder."""

    title: str
    topology: str
    seconds: Annotated[int, Field(gt=0, le=LONGEST_CALL_S)]
    calls: tuple[CallDocument, ...] = ()
    events: tuple[Event, ...] = ()
    expect: tuple[Annotated[Reach | CallQuality, Field(discriminator="kind")], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = {call.name for call in self.calls}
        unknown = {e.call for e in self.expect if isinstance(e, CallQuality)} - names
        if unknown:
            raise ValueError(f"expect names calls that are not there: {', '.join(unknown)}")
        late = [str(event) for event in self.events if event.at_s > self.seconds]
        if late:
            raise ValueError(f"events after the end at {self.seconds} s: {', '.join(late)}")
        return self


@dataclass(frozen=True, slots=True)
class ScenarioFinding:
    """Whether an expectation of a scenario held, and what was seen."""

    expectation: str
    holds: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class ScenarioReport:
    """What happened in a rehearsal, second by second, and whether it was good enough."""

    title: str
    events: tuple[str, ...]
    seconds: tuple[tuple[str, Report], ...]
    findings: tuple[ScenarioFinding, ...]

    @property
    def holds(self) -> bool:
        """Return whether every expectation held."""
        return all(finding.holds for finding in self.findings)


def read_scenario(file: Path) -> Scenario:
    """Return a scenario file.

    Raises LabError with every fault in it.
    """
    try:
        text = file.read_text(encoding="utf-8")
        require_bounded(str(file), text, yaml.CSafeLoader)
        return Scenario.model_validate(yaml.safe_load(text))
    except IntentError as error:
        raise LabError(str(error)) from error
    except OSError as error:
        raise LabError(f"{file}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LabError(f"{file}: {error}") from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise LabError(f"{file}: {'; '.join(faults)}") from error


def scenario_library() -> tuple[Path, ...]:
    """Return the scenario files that come with the program."""
    return tuple(sorted(LIBRARY.glob("*.yaml")))


def run_scenario(
    scenario: Scenario, lab: Lab, *, report: Callable[[str], None] = lambda _line: None
) -> ScenarioReport:
    """Rehearse a scenario on a configured laboratory of its network; its circuits end restored.

    Raises LabError when the laboratory does not converge before, or a name is not in it.
    """
    for event in scenario.events:
        lab.blueprint.wire(event.circuit)
    lab.wait_converged(CONVERGE_WITHIN_S)
    flows: dict[str, LabFlow] = {}
    try:
        for call in scenario.calls:
            flows[call.name] = start_call(
                lab, call.from_, call.to, seconds=scenario.seconds, profile=call.profile
            )
        _play(scenario, lab, report)
        reached = tuple(_reaches(scenario, lab))
        heard = {name: flow.results() for name, flow in flows.items()}
    finally:
        for flow in flows.values():
            flow.close()
        for event in scenario.events:
            lab.restore(event.circuit)
    qualities = tuple(_qualities(scenario, heard))
    seconds = tuple((name, second) for name, all_ in heard.items() for second in all_)
    events = tuple(map(str, _in_order(scenario)))
    return ScenarioReport(scenario.title, events, seconds, (*reached, *qualities))


def _in_order(scenario: Scenario) -> list[Event]:
    return sorted(scenario.events, key=lambda event: event.at_s)


def _play(scenario: Scenario, lab: Lab, report: Callable[[str], None]) -> None:
    start = time.monotonic()
    for event in _in_order(scenario):
        while time.monotonic() < start + event.at_s:
            pause(POLL_S)
        _act(event, lab)
        report(str(event))


def _act(event: Event, lab: Lab) -> None:
    if event.cut:
        lab.cut(event.cut, event.directions, silent=event.silent)
    elif event.restore:
        lab.restore(event.restore)
    elif event.impair:
        lab.impair(event.impair.circuit, event.impair.directions, **event.impair.shape())


def _reaches(scenario: Scenario, lab: Lab) -> Iterator[ScenarioFinding]:
    for expected in scenario.expect:
        if isinstance(expected, Reach):
            yield _reach(expected, lab)


def _reach(expected: Reach, lab: Lab) -> ScenarioFinding:
    deadline = time.monotonic() + expected.within_s
    while (seen := expected.to in lab.reachable(expected.from_)) is not expected.holds:
        if time.monotonic() > deadline:
            break
        pause(POLL_S)
    verb = "reaches" if expected.holds else "does not reach"
    evidence = f"{expected.to} {'answered' if seen else 'did not answer'} {expected.from_}"
    return ScenarioFinding(
        f"{expected.from_} {verb} {expected.to}", seen is expected.holds, evidence
    )


def _qualities(
    scenario: Scenario, heard: dict[str, tuple[Report, ...]]
) -> Iterator[ScenarioFinding]:
    for expected in scenario.expect:
        if isinstance(expected, CallQuality):
            seconds = [report.second for report in heard[expected.call]]
            silence = max(second.silence_ms for second in seconds)
            loss = sum(s.lost for s in seconds) / sum(s.sent for s in seconds)
            if expected.silence_ms is not None:
                text = f"call {expected.call} is never silent for over {expected.silence_ms:g} ms"
                evidence = f"the longest silence was {silence:g} ms"
                yield ScenarioFinding(text, silence <= expected.silence_ms, evidence)
            if expected.loss is not None:
                text = f"call {expected.call} loses at most {expected.loss:.2%}"
                yield ScenarioFinding(text, loss <= expected.loss, f"{loss:.2%} were lost")
