"""Lists of people on the command line: shown first, then carried out with a file per device."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from controller.access import people_list as access_people_list
from controller.access.gateways import InterruptedCalls
from controller.access.people_list import ListStep
from controller.app import key_maker, open_registrar
from controller.cli_vpn import delivery, gateways
from controller.cli_vpn.arguments import act, filed
from controller.cli_vpn.delivery import Drafts
from controller.terminal.output import UsageProblem, agree, say, stderr
from controller.wording import count
from inventory.documents.text_file import read_text_file
from vpn.people import people_list

SIGNS: Final = {"add": "+", "change": "~", "revoke": "-"}


def planned(file: Path, *, prune: bool) -> tuple[ListStep, ...]:
    """Return what a list changes. Raises IntentError."""
    listed = people_list.read_people_list(str(file), read_text_file(file))
    with open_registrar() as registrar:
        return access_people_list.plan_list(registrar, listed, prune=prune)


def take_up(out: Path | None) -> None:
    """Finish the files of devices that somebody who was killed left in a folder."""
    if out and (left := delivery.left(out)):
        with open_registrar() as registrar:
            delivery.take_up(registrar, left)


def lines(steps: Sequence[ListStep]) -> list[tuple[str, str]]:
    """Return the steps and what they come to, as lines with styles."""
    shown = [(f"{SIGNS[step.verb]} {step.said}", "") for step in steps]
    return [*shown, (summary(steps), "bold")] if steps else []


def summary(steps: Sequence[ListStep]) -> str:
    """Return how much a list changes."""
    number = {verb: sum(step.verb == verb for step in steps) for verb in SIGNS}
    return (
        f"{count(number['add'], 'device')} to add, {count(number['change'], 'person', 'people')} "
        f"to change, {count(number['revoke'], 'device')} to revoke"
    )


def cutting(steps: Sequence[ListStep]) -> InterruptedCalls:
    """Return which consultations that run now would be cut."""
    gone = [step.device for step in steps if step.device]
    if not gone:
        return InterruptedCalls()
    with open_registrar() as registrar:
        return gateways.cutting(registrar, gone)


def warn(cut: InterruptedCalls) -> None:
    """Say which consultations that run now would be cut."""
    if said := gateways.interruption(cut):
        say(said)


def confirm(steps: Sequence[ListStep], *, yes: bool) -> None:
    """Ask before devices are revoked. Raises UsageProblem when nobody can be asked."""
    revoked = sum(step.verb == "revoke" for step in steps)
    if revoked and not yes:
        agree(f"{count(revoked, 'device')} would be revoked", "Revoke them?")


def carry_out(
    steps: Sequence[ListStep], out: Path | None, gateway: str | None, because: str
) -> None:
    """Do it, with a progress bar; the files of devices go into a folder."""
    from rich.progress import Progress

    needs = any(s.listed and s.listed.public_key is None for s in steps)
    if needs and out is None:
        raise UsageProblem("some devices get a key; say --out FOLDER for their files")
    if needs:
        # What cannot make keys is told before anything is done.
        key_maker()
    if out:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    who = act(because)
    with open_registrar() as registrar, Progress(console=stderr(), transient=True) as bar:
        task = bar.add_task("People", total=len(steps))
        files = Drafts(out, filed(registrar.terms(), gateway))
        for _ in access_people_list.apply_list(registrar, steps, who, files):
            bar.advance(task)
    say(f"done: {summary(steps)}")
    if out and needs:
        say(f"the files are in {out}; each is on one device once, then remove it")
