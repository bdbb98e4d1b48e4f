"""The order in which the demonstration is told."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from rich.console import Console

from inventory.output_file import replace_file
from simulations.demo import acts, report
from simulations.demo.facts import DOCTOR, PATIENT, Facts
from simulations.demo.show import Show
from simulations.demo.stage import Stage


def tell_story(
    stage: Stage, console: Console, page: Path, wait: Callable[[], None] | None = None
) -> Facts:
    """Play all acts, print the report and write its page; return what was found.

    Where people look, wait returns when they have seen enough of the NOC's pages, which are open
    once the network runs. Raises LabError when something did not end as it must.
    """
    started = monotonic()
    show = Show(console)
    before = stage.loaded.intent
    facts = Facts(
        routers=len(stage.lab.blueprint.routers),
        edges=len(stage.lab.blueprint.edges),
        circuits=len(stage.lab.blueprint.wires),
        up_s=stage.up_s,
    )
    devices = f"{facts.routers} blank routers and {facts.edges} blank edges"
    show.chapter(f"{devices} are up; they get what the intent says")
    acts.first_apply(stage, facts, show)
    acts.everyone_reaches_everyone(stage, facts, show)
    if wait:
        show.chapter("The NOC's pages are open: watch a call there, and cut what carries it")
        acts.people_look(stage, show, wait)
        stage.lab.wait_converged(acts.CONVERGED_WITHIN_S)
    patient = f"A patient in {PATIENT} talks to a doctor in {DOCTOR}"
    show.chapter(f"{patient}; a fibre fails three times, and the routers alone must cope")
    acts.call_without_sanaga(stage, facts, show)
    show.chapter("The same call and the same faults, with Sanaga on the edges")
    acts.call_with_sanaga(stage, facts, show)
    show.chapter("The fibre is cut once more; what does the NOC see?")
    acts.noc_hears_of_a_cut(stage, facts, show)
    show.chapter(f"{PATIENT} is re-homed onto a new fibre, but a router is faulty")
    acts.rehome_meets_a_faulty_router(stage, facts, show)
    show.chapter("The router is repaired, and the same change is applied")
    acts.rehome_site(stage, facts, show)
    show.chapter("Report")
    for line in report.report_text(facts):
        show.say(line)
    replace_file(page, report.report_html(facts, before, stage.loaded.intent).encode())
    show.say(f"The whole story took {monotonic() - started:.0f} s.")
    return facts
