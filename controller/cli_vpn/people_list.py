"""Lists of people on the command line: shown first, then carried out with a file per device."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from controller.access import drafts
from controller.access.gateways import InterruptedCalls
from controller.access.people_list import ListStep
from controller.app import key_maker
from controller.cli_vpn import gateways
from controller.cli_vpn.arguments import act, filed
from controller.terminal.output import UsageProblem, agree, say, stderr, write
from controller.wording import count
from inventory.documents.text_file import read_octets, read_text_file
from inventory.errors import Fault
from vpn.model import PersonDevice
from vpn.people import people_list

if TYPE_CHECKING:
    from controller.vpn_control.model import VpnAccess

SIGNS: Final = {"add": "+", "change": "~", "rotate": "~", "revoke": "-"}
# More notices than these are counted.
_MOST_NOTICES: Final = 100


def planned(
    access: "VpnAccess", file: Path, *, prune: bool, out: Path | None = None
) -> "tuple[ListStep, ...]":
    """Return what a list changes, and say which devices besides have no file. Raises IntentError.

    out is a reserved folder, in which files that a killed process left are finished first.
    """
    listed = people_list.read_people_list(str(file), read_text_file(file))
    found = access.open_lists().plan(listed, out, prune=prune)
    mended = {step.device for step in found.steps if step.device}
    warn_of_unfiled([device for device in found.unfiled if device not in mended])
    return found.steps


def warn_of_unfiled(devices: Sequence[PersonDevice]) -> None:
    """Say which devices are on record without a file, if any are."""
    if devices:
        say(drafts.without_file(tuple(devices)))


def lines(steps: Sequence[ListStep]) -> list[tuple[str, str]]:
    """Return the steps and what they come to, as lines with styles."""
    shown = [(f"{SIGNS[step.verb]} {step.said}", "") for step in steps]
    return [*shown, (summary(steps), "bold")] if steps else []


def summary(steps: Sequence[ListStep]) -> str:
    """Return how much a list changes."""
    number = {verb: sum(step.verb == verb for step in steps) for verb in SIGNS}
    mended = f", {count(number['rotate'], 'device')} to get another key" if number["rotate"] else ""
    return (
        f"{count(number['add'], 'device')} to add, {count(number['change'], 'person', 'people')} "
        f"to change, {count(number['revoke'], 'device')} to revoke{mended}"
    )


def cutting(access: "VpnAccess", steps: Sequence[ListStep]) -> InterruptedCalls:
    """Return which consultations that run now would be cut."""
    gone = [step.device for step in steps if step.device]
    return access.gateways.interrupted(gone) if gone else InterruptedCalls()


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
    access: "VpnAccess",
    steps: Sequence[ListStep],
    out: Path | None,
    gateway: str | None,
    because: str,
) -> None:
    """Do it, with a progress bar; the files of devices go into a reserved folder."""
    from rich.progress import Progress

    needs = any(s.verb == "rotate" or (s.listed and s.listed.public_key is None) for s in steps)
    if needs and out is None:
        raise UsageProblem("some devices get a key; say --out FOLDER for their files")
    if needs:
        # What cannot make keys is told before anything is done.
        key_maker()
    who = act(because)
    with Progress(console=stderr(), transient=True) as bar:
        task = bar.add_task("People", total=len(steps))
        text = filed(access.gateways.dialling(), gateway)
        lists = access.open_lists()
        files = drafts.Drafts(lists.unfiled(), out, text)
        for _ in lists.apply(steps, who, files):
            bar.advance(task)
    say(f"done: {summary(steps)}")
    if out and needs:
        say(f"the files are in {out}; each is on one device once, then remove it")


def list_people_of_servers(files: Sequence[Path], role: str, site: str) -> None:
    """Print the people of servers' files as CSV, and what was skipped as messages.

    Raises UsageProblem, IntentError, OSError.
    """
    from vpn.wireguard import server_import

    found = server_import.people_of_servers((str(file), read_octets(file)) for file in files)
    _warn(found.notices)
    if dialled := len(found.dialled):
        say(
            f"{count(dialled, 'peer')} with an Endpoint left out: who is dialled is a server or a "
            "site, and no person"
        )
    if found.dialled and not found.people:
        raise UsageProblem("no person in it: give the server's file and not a device's own")
    write(server_import.listed_devices(found.people, role, site))
    if found.unnamed:
        say(f"{count(found.unnamed, 'device')} without a name in a remark: look for 'person-'")
    devices = count(len(found.people), "device")
    say(f"{devices}; correct roles and sites, then 'sanaga vpn person plan people.csv'")
    say("addresses and preshared keys are others here: each gets 'sanaga vpn person export NAME'")


def _warn(notices: Sequence[Fault]) -> None:
    for notice in notices[:_MOST_NOTICES]:
        say(str(notice))
    if (more := len(notices) - _MOST_NOTICES) > 0:
        say(f"{count(more, 'more line')} skipped in the same way")
