"""The order in which the demonstration is told."""

from pathlib import Path
from time import monotonic

from rich.console import Console

from simulations.demo import acts, report
from simulations.demo.facts import Facts
from simulations.demo.show import Show
from simulations.demo.stage import Stage


def tell(stage: Stage, console: Console, page: Path) -> Facts:
    """Play all acts, print the report and write its page; return what was found.

    Raises LabError when something did not end as it must.
    """
    started = monotonic()
    show = Show(console)
    before = stage.loaded.intent
    facts = Facts(
        routers=len(stage.lab.blueprint.routers),
        circuits=len(stage.lab.blueprint.wires),
        up_s=stage.up_s,
    )
    show.chapter(f"{facts.routers} blank routers are up; they get their configuration")
    acts.first_apply(stage, facts, show)
    acts.everyone_reaches_everyone(stage, facts, show)
    show.chapter(f"A patient in {acts.PATIENT} talks to a doctor in {acts.DOCTOR}; a digger comes")
    with show.watching():
        acts.call_through_a_cut(stage, facts, show)
    show.chapter(f"{acts.PATIENT} is re-homed onto a new fibre, but a router is faulty")
    acts.rehome_meets_a_faulty_router(stage, facts, show)
    show.chapter("The router is repaired, and the same change is applied")
    acts.rehome(stage, facts, show)
    show.chapter("Report")
    for line in report.text(facts):
        show.say(line)
    page.write_text(report.html(facts, before, stage.loaded.intent), encoding="utf-8")
    show.say(f"The whole story took {monotonic() - started:.0f} s.")
    return facts
