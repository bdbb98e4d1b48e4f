"""The acts of the demonstration; each does something real and notes what it found."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from controller.cli.plan import summary
from controller.model import Outcome
from inventory.errors import LabError
from simulations.demo import call, noc, overlay
from simulations.demo.call import FIBRE, Subject, watched_call
from simulations.demo.facts import DOCTOR, PATIENT, Applied, Facts
from simulations.demo.guest import HOME, Guest
from simulations.demo.overlay import Carried
from simulations.demo.stage import Stage
from simulations.demo.way import Way, trace_below, trace_path
from simulations.devices.faults import FaultKind

NEW_FIBRE = "mayo-sava-kolofata-fibre"
FAULTY = "kolofata-r1"
CONVERGED_WITHIN_S = 60.0


class DemoAudience(call.Audience, Protocol):
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

    def watching(self) -> AbstractContextManager[None]:
        """Keep the call in view for as long as the block runs."""
        ...


def first_apply(stage: Stage, facts: Facts, audience: DemoAudience) -> None:
    """Plan and apply the whole intent to blank routers and edges."""
    applied = _applied(stage, audience, "the intent, on blank routers and edges")
    facts.applies.append(applied)
    _demand(applied, Outcome.CONFIRMED)
    stage.lab.wait_converged(CONVERGED_WITHIN_S)


def everyone_reaches_everyone(stage: Stage, facts: Facts, audience: DemoAudience) -> None:
    """Ping from every hospital's host to every other, in both families."""
    sites = [host.site for host in stage.lab.blueprint.hosts]
    facts.pairs = len(sites) * (len(sites) - 1)
    facts.pairs_reached = sum(len(stage.lab.reachable(site)) for site in sites)
    audience.say(f"{facts.pairs_reached} of {facts.pairs} pairs of hospitals reach each other.")
    if facts.pairs_reached != facts.pairs:
        raise LabError("not every hospital reaches every other; see 'sanaga lab status'")


def call_without_sanaga(stage: Stage, facts: Facts, audience: DemoAudience) -> None:
    """Carry a call through the troubles by the routers alone, path selection switched off."""
    overlay.stop_overlay(stage.lab)
    audience.say("'sanaga edge stop' took everything back; the call goes by BGP with BFD alone.")
    stage.lab.wait_converged(CONVERGED_WITHIN_S)
    intent = stage.loaded.intent

    def look() -> Way:
        return trace_path(stage.lab, intent, PATIENT, DOCTOR)

    _call(stage, facts, audience, Subject("without Sanaga", PATIENT, DOCTOR, look))


def call_with_sanaga(stage: Stage, facts: Facts, audience: DemoAudience) -> None:
    """Carry the same call through the same troubles in the care tunnel."""
    stage.lab.wait_converged(CONVERGED_WITHIN_S)
    overlay.start_overlay(stage.lab)
    intent = stage.loaded.intent
    overlay.wait_ready(stage.lab, intent, PATIENT, DOCTOR)
    audience.say("The edges run again, with the policy they had; every circuit is measured.")

    def look() -> Carried:
        return overlay.overlay_state(stage.lab, intent, PATIENT, DOCTOR)

    _call(stage, facts, audience, Subject("with Sanaga", PATIENT, DOCTOR, look))


def _call(stage: Stage, facts: Facts, audience: DemoAudience, subject: Subject) -> None:
    with audience.watching():
        went = watched_call(stage.lab, subject, audience)
    facts.calls.append(went)
    audience.say(f"{went.lost()} of {went.sent()} packets lost {subject.title}.")


def noc_hears_of_a_cut(stage: Stage, facts: Facts, audience: DemoAudience) -> None:
    """Run the service, cut the fibre, and see that the NOC is told of it once, and of its end."""
    with noc.running_service(stage) as running:
        noc.wait_heard(stage)
        noc.announce_call(stage, running)
        audience.say("'sanaga serve' runs; every edge reports to it, every router is polled.")
        noc.wait_well(running.client, FIBRE)
        with Guest.entered(running.link) as guest:
            guest.demand(HOME, stage.loaded.intent.sites[PATIENT].title)
            audience.say("Its one-time link signs in; the fibre is cut on the laboratory's page.")
            facts.incident = found = noc.cut_and_mend(running.client, guest, FIBRE)
    audience.say(f"{found.told_after_s:.1f} s after the cut: {found.title}.")
    audience.say(f"{found.ended_after_s:.1f} s after the mend the incident was over.")


def people_look(stage: Stage, audience: DemoAudience, wait: Callable[[], None]) -> None:
    """Open the NOC's pages for people, until they have seen enough; then mend what they cut."""
    with noc.running_service(stage) as running:
        noc.announce_call(stage, running)
        audience.say(f"The NOC is open; this link signs in once: {running.link}")
        audience.say("Its page Laboratory shows a call that goes on, and cuts and mends circuits.")
        wait()
    for wire in stage.lab.blueprint.wires:
        stage.lab.restore(wire.circuit)


def rehome_meets_a_faulty_router(stage: Stage, facts: Facts, audience: DemoAudience) -> None:
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


def rehome_site(stage: Stage, facts: Facts, audience: DemoAudience) -> None:
    """Re-home the arrondissement for good, once the router is repaired."""
    stage.lab.fault(FAULTY, FaultKind.NONE)
    applied = _applied(stage, audience, f"re-homing {PATIENT}")
    facts.applies.append(applied)
    _demand(applied, Outcome.CONFIRMED)
    way = trace_below(stage.lab, stage.loaded.intent, PATIENT, DOCTOR)
    audience.say(f"The fibre's tunnel from {PATIENT} to {DOCTOR} now goes by {way}")


def _applied(stage: Stage, audience: DemoAudience, title: str) -> Applied:
    plan = stage.plan()
    audience.plan(title, tuple(summary(plan)))
    applied = stage.apply(title, plan)
    result = applied.result
    audience.say(f"{result.outcome}: {result.because} ({applied.seconds:.0f} s)")
    return applied


def _demand(applied: Applied, outcome: Outcome) -> None:
    if applied.result.outcome is not outcome:
        raise LabError(f"{applied.title}: ended {applied.result.outcome}, not {outcome}")
