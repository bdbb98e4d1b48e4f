"""The acts of the demonstration; each does something real and notes what it found."""

from collections.abc import Callable
from time import monotonic
from typing import Protocol

from controller.cli.plan import summary
from controller.state import Outcome
from inventory.errors import LabError
from inventory.model import SiteName
from simulations.demo.facts import Applied, Call, Facts, Moment
from simulations.demo.stage import Stage
from simulations.demo.way import Way, trace
from simulations.lab.faults import FaultKind
from simulations.lab.flows import Flow, Report, start_call
from simulations.lab.waiting import pause

PATIENT: SiteName = "kolofata"
DOCTOR: SiteName = "yaounde"
FIBRE = "mora-kolofata-fibre"
NEW_FIBRE = "mayo-sava-kolofata-fibre"
FAULTY = "kolofata-r1"
CALL_S = 16
CUT_AT_S = 5.0
MEND_AT_S = 11.0
LOOK_S = 0.25
CONVERGED_WITHIN_S = 60.0


class Audience(Protocol):
    """Whoever watches: chapters, sentences, and a call second by second."""

    def chapter(self, title: str) -> None:
        """Begin a new act."""
        ...

    def say(self, text: str) -> None:
        """Tell something."""
        ...

    def plan(self, applied_title: str, plan_lines: tuple[str, ...]) -> None:
        """Show a plan in words."""
        ...

    def call(self, way: Way, heard: tuple[Report, ...], moments: tuple[Moment, ...]) -> None:
        """Show the call as it is now."""
        ...


def first_apply(stage: Stage, facts: Facts, audience: Audience) -> None:
    """Plan and apply the whole intent to blank routers."""
    applied = _applied(stage, audience, "the intent, on blank routers")
    facts.applies.append(applied)
    _demand(applied, Outcome.CONFIRMED)
    stage.lab.wait_converged(CONVERGED_WITHIN_S)


def everyone_reaches_everyone(stage: Stage, facts: Facts, audience: Audience) -> None:
    """Ping from every hospital's host to every other, in both families."""
    sites = [host.site for host in stage.lab.blueprint.hosts]
    facts.pairs = len(sites) * (len(sites) - 1)
    facts.pairs_reached = sum(len(stage.lab.reachable(site)) for site in sites)
    audience.say(f"{facts.pairs_reached} of {facts.pairs} pairs of hospitals reach each other.")
    if facts.pairs_reached != facts.pairs:
        raise LabError("not every hospital reaches every other; see 'sanaga lab status'")


def call_through_a_cut(stage: Stage, facts: Facts, audience: Audience) -> None:
    """Carry a call-like flow while a fibre is cut and mended."""
    with start_call(stage.lab, PATIENT, DOCTOR, seconds=CALL_S) as flow:
        facts.calls.append(_watched(stage, flow, audience))


def _watched(stage: Stage, flow: Flow, audience: Audience) -> Call:
    intent = stage.loaded.intent
    before = way = trace(stage.lab, intent, PATIENT, DOCTOR)
    agenda: list[tuple[float, str, Callable[[], None]]] = [
        (CUT_AT_S, f"a digger cuts {FIBRE}", lambda: stage.lab.cut(FIBRE, silent=True)),
        (MEND_AT_S, f"{FIBRE} is mended", lambda: stage.lab.restore(FIBRE)),
    ]
    moments: list[Moment] = []
    heard: list[Report] = []
    during = before
    try:
        while not flow.over:
            at_s = monotonic() - flow.start
            if agenda and at_s >= agenda[0][0]:
                _, what, act = agenda.pop(0)
                act()
                moments.append(Moment(monotonic() - flow.start, what))
            now = trace(stage.lab, intent, PATIENT, DOCTOR)
            if now.circuits != way.circuits and now.whole:
                moments.append(Moment(monotonic() - flow.start, f"the way is now {now}"))
                during = now if FIBRE not in now.circuits else during
                way = now
            heard += flow.news()
            audience.call(way, tuple(heard), tuple(moments))
            pause(LOOK_S)
    finally:
        stage.lab.restore(FIBRE)
    heard += flow.news()
    audience.call(way, tuple(heard), tuple(moments))
    return Call(PATIENT, DOCTOR, FIBRE, tuple(heard), tuple(moments), before, during)


def rehome_meets_a_faulty_router(stage: Stage, facts: Facts, audience: Audience) -> None:
    """Re-home an arrondissement while one router refuses its part: everything rolls back."""
    stage.lab.wait_converged(CONVERGED_WITHIN_S)
    stage.edit(
        "circuits.yaml",
        f"{NEW_FIBRE}, number: 20, medium: fibre, enabled: false",
        f"{NEW_FIBRE}, number: 20, medium: fibre, enabled: true",
    )
    stage.edit(
        "circuits.yaml",
        f"{FIBRE}, number: 12, medium: fibre",
        f"{FIBRE}, number: 12, medium: fibre, enabled: false",
    )
    stage.lab.fault(FAULTY, FaultKind.REJECT)
    facts.faulty = FAULTY
    audience.say(f"{FAULTY} is made to refuse a line of its new configuration.")
    applied = _applied(stage, audience, f"re-homing {PATIENT}, with a faulty router")
    facts.applies.append(applied)
    _demand(applied, Outcome.ROLLED_BACK)
    if not applied.as_before:
        raise LabError("a router is not what it was before the apply that rolled back")
    audience.say("Every router runs, byte for byte, what it ran before.")


def rehome(stage: Stage, facts: Facts, audience: Audience) -> None:
    """Re-home the arrondissement for good, once the router is repaired."""
    stage.lab.fault(FAULTY, FaultKind.NONE)
    applied = _applied(stage, audience, f"re-homing {PATIENT}")
    facts.applies.append(applied)
    _demand(applied, Outcome.CONFIRMED)
    way = trace(stage.lab, stage.loaded.intent, PATIENT, DOCTOR)
    audience.say(f"From {PATIENT} to {DOCTOR}: {way}")


def _applied(stage: Stage, audience: Audience, title: str) -> Applied:
    plan = stage.plan()
    audience.plan(title, tuple(summary(plan)))
    applied = stage.apply(title, plan)
    result = applied.result
    audience.say(f"{result.outcome}: {result.because} ({applied.seconds:.0f} s)")
    return applied


def _demand(applied: Applied, outcome: Outcome) -> None:
    if applied.result.outcome is not outcome:
        raise LabError(f"{applied.title}: ended {applied.result.outcome}, not {outcome}")
