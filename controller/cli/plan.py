"""What would change, in which order, and whom it could hurt."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from controller.terminal import sentences
from controller.terminal.completion import complete_device
from controller.terminal.folders import FolderArgument
from controller.terminal.output import Exit, Format, FormatOption, emit, say
from controller.terminal.output import (
    show as show_lines,
)
from controller.wording import count, listing

if TYPE_CHECKING:
    from datetime import datetime

    from controller.load import Loaded
    from controller.model import Plan
    from controller.planning.plan import Overrides
    from inventory.model import DeviceName
    from topology.model import BlastRadius

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(epilog="Example: sanaga plan my-network --out change.plan")
def plan(
    folder: FolderArgument = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Save the plan, to apply it.")
    ] = None,
    running: Annotated[
        Path | None,
        typer.Option(
            "--running",
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Read what devices run from DEVICE.conf files here instead of from them.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="DEVICE",
            autocompletion=complete_device,
            help="Plan for this device alone; repeatable.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="DEVICE",
            autocompletion=complete_device,
            help="Plan for all but this device, which is out for now; repeatable.",
        ),
    ] = None,
    devices_cut: Annotated[
        float | None,
        typer.Option(
            "--allow-devices-cut",
            min=0,
            max=1,
            metavar="SHARE",
            help="Share of devices (0 to 1) that this plan may cut off.",
        ),
    ] = None,
    facilities_cut: Annotated[
        float | None,
        typer.Option(
            "--allow-facilities-cut",
            min=0,
            max=1,
            metavar="SHARE",
            help="Share of facilities (0 to 1) that this plan may cut off.",
        ),
    ] = None,
    failing: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-failing",
            metavar="TEXT",
            help="Accept that the expectation of this text fails; repeatable.",
        ),
    ] = None,
    brief: Annotated[bool, typer.Option("--brief", help="Leave the diffs out.")] = False,
    expectations: Annotated[
        bool,
        typer.Option(
            "--expectations", help="Tell of every expectation why it holds, not only which fail."
        ),
    ] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what would change on which device, in which order, and whom it could hurt.

    Ends with 0 when there is nothing to change and with 2 when there is.
    """
    from controller.load import load
    from controller.planning.plan import Overrides
    from inventory.model import Thresholds

    loaded = load(folder)
    revoked = _revoked(loaded)
    known = loaded.intent.network.thresholds
    consent = Overrides(
        thresholds=Thresholds(
            devices=known.devices if devices_cut is None else devices_cut,
            facilities=known.facilities if facilities_cut is None else facilities_cut,
        ),
        failing=frozenset(failing or ()),
        only=_chosen(loaded, only or (), without or ()),
        revoked=revoked,
    )
    made = _planned(loaded, consent, running)
    view = View(diffs=not brief, expectations=expectations)
    emit(as_data(made), output, lambda: show_lines(lines(made, view)))
    _save(made, out)
    raise typer.Exit(Exit.CHANGES if made.changes else Exit.DONE)


def _chosen(
    loaded: "Loaded", only: Sequence[str], without: Sequence[str]
) -> "frozenset[DeviceName] | None":
    """Return the devices to plan for; None stands for all. Raises UnknownNameError."""
    from controller.load import device
    from controller.planning.plan import managed

    for name in without:
        device(loaded.intent, name)
    if not without:
        return frozenset(only) or None
    return frozenset(only or managed(loaded.intent)) - frozenset(without)


def _revoked(loaded: "Loaded") -> "frozenset[DeviceName]":
    """Return the edges that have no key any more since it was revoked.

    Raises AccessError when such a key stands in edge_keys, for every edge shuts it out.
    """
    from controller.environment import state_dir
    from controller.store.people import FILE, People
    from controller.store.revoked_keys import refusal
    from inventory.errors import AccessError

    devices = loaded.intent.devices.values()
    pinned = {key: d.name for d in devices for key in (d.public_key, d.next_key) if key}
    if not (state_dir() / FILE).exists():
        return frozenset()
    with closing(People.open(state_dir())) as store:
        gone = [(pinned[key], found) for key in pinned if (found := store.revoked.find(key))]
        sites = store.revoked.sites()
    if gone:
        raise AccessError(
            "\n".join(
                f"edge_keys: {name}: {refusal(found)}; 'sanaga vpn site revoke' takes the line out"
                for name, found in gone
            )
        )
    return sites - frozenset(pinned.values())


def _planned(loaded: "Loaded", consent: "Overrides", running: Path | None) -> "Plan":
    from controller.apply.observe import observe
    from controller.clock import SystemClock
    from controller.drivers.connect import from_files
    from controller.planning.from_folder import make_plan, to_read

    at = SystemClock().instant()
    if running is None:
        return _planned_live(loaded, consent, at)
    names = to_read(loaded.intent, consent.only)
    return make_plan(loaded, observe(names, from_files(running), workers=1), at, consent)


def _planned_live(loaded: "Loaded", consent: "Overrides", at: "datetime") -> "Plan":
    from controller.apply.observe import observe
    from controller.drivers.connect import connector
    from controller.planning.from_folder import make_plan, previous_intent, to_read
    from controller.settings import Settings
    from controller.terminal.progress import told

    previous = previous_intent(Settings().state_dir, loaded.intent.network.name)
    names = to_read(loaded.intent, consent.only)
    _warn_of_unfinished(Settings().state_dir)
    with told(len(names)) as progress:
        seen = observe(names, connector(loaded.intent, loaded.folder), progress=progress)
    if seen.unreachable:
        _unreachable(seen.unreachable, len(names))
    return make_plan(loaded, seen, at, consent, previous=previous)


def _warn_of_unfinished(state_dir: Path) -> None:
    """Say which apply has to end before another can begin; this plan may see it half done."""
    from controller.cli.apply import open_journal
    from controller.store.journal import FILE

    if not (state_dir / FILE).exists():
        return
    with open_journal() as journal:
        unfinished = journal.unfinished()
    for entry in unfinished:
        end = (
            f"confirm {entry.id}' or 'sanaga rollback {entry.id}"
            if entry.held
            else "apply --resume"
        )
        say(
            f"apply {entry.id} of {entry.network} is not over, so this plan may see it half done; "
            f"unless it is still at work, end it with 'sanaga {end}'"
        )


def _unreachable(why: "Mapping[str, str]", asked: int) -> NoReturn:
    devices: dict[str, list[str]] = {}
    for name, reason in why.items():
        devices.setdefault(reason.removeprefix(f"{name}: "), []).append(name)
    for reason, names in devices.items():
        say(f"{listing(names)}: {reason}")
    say(
        f"{len(why)} of {count(asked, 'device')} cannot be read, so nothing is planned; "
        "bring them back, or leave them out with --without"
    )
    raise typer.Exit(Exit.UNREACHABLE)


def _save(made: "Plan", out: Path | None) -> None:
    if not made.changes:
        return
    if out is None:
        say("to apply it, save it with --out FILE")
        return
    from controller.planning.plan_file import save

    save(made, out)
    say(f"saved; to apply it: sanaga apply {out}")


_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def colour(line: str) -> str:
    """Return the style of a line of a diff."""
    return _COLOURS.get(line[:1], "")


def as_data(plan: "Plan") -> dict[str, object]:
    """Return a plan as JSON shows it: every change with its wave and diff, without whole texts."""
    from controller.planning.plan import unmanaged

    why = unmanaged(plan.intent) if plan.intent else {}
    return {
        "id": plan.id,
        "network": plan.network,
        "created_at": plan.created_at,
        "changes": [
            {
                "device": change.device,
                "platform": change.platform,
                "wave": number,
                "impact": change.impact,
                "because": change.because,
                "cannot_revert": change.cannot_revert,
                "diff": change.diff,
            }
            for number, wave in enumerate(plan.waves, start=1)
            for change in wave
        ],
        "blast_radius": plan.blast_radius,
        "worst_wave": plan.worst_wave,
        "steady": plan.steady,
        "cannot_revert": plan.cannot_revert,
        "forced": plan.forced,
        "unmanaged": list(why),
        "unmanaged_because": why,
        "expectations": [
            {
                "text": finding.expectation.text,
                "where": finding.expectation.where,
                "holds": finding.holds,
                "because": finding.because,
            }
            for finding in plan.findings
        ],
    }


@dataclass(frozen=True, slots=True)
class View:
    """How much of a plan a person wants to see."""

    diffs: bool = True
    expectations: bool = False


def lines(plan: "Plan", view: View) -> Iterator[tuple[str, str]]:
    """Yield a plan as styled lines."""
    for change in plan.changes if view.diffs else ():
        yield f"{change.device}: {change.because}", "bold"
        yield from ((f"  {line}", colour(line)) for line in change.diff.splitlines())
        yield "", ""
    for line in summary(plan, view):
        yield line, "bold red" if line.lstrip().startswith("FAILS") else ""


def summary(plan: "Plan", view: View = View()) -> Iterator[str]:
    """Yield what a plan does, without the diffs."""
    if not plan.changes:
        yield f"Nothing to change: all {count(len(plan.seen), 'device')} run what is intended."
    else:
        yield f"{len(plan.changes)} of {count(len(plan.seen), 'device')} to change:"
        yield from _order(plan)
        when = f"While wave {plan.worst_wave} is applied" if plan.worst_wave else "Meanwhile"
        yield from _hurts(when, plan.blast_radius)
        yield from _hurts("Afterwards", plan.steady)
        yield from _cannot_revert(plan)
    yield from _unmanaged(plan)
    yield from _expectations(plan, whole=view.expectations)


def _order(plan: "Plan") -> Iterator[str]:
    for number, wave in enumerate(plan.waves, start=1):
        canary = " (canary)" if number == 1 and len(plan.waves) > 1 else ""
        worst = max((change.impact for change in wave), key=_severity)
        names = listing([change.device for change in wave])
        yield f"  wave {number}{canary}: {names}; impact at worst: {worst}"


def _severity(impact: str) -> int:
    return ("none", "reroute", "interruption").index(impact)


def _hurts(when: str, radius: "BlastRadius") -> Iterator[str]:
    yield from (f"{when}: {sentence}" for sentence in sentences.radius(radius))


def _cannot_revert(plan: "Plan") -> Iterator[str]:
    found = [
        *plan.cannot_revert,
        *(f"{change.device}: {text}" for change in plan.changes for text in change.cannot_revert),
    ]
    if not found:
        yield "Every device undoes its change by itself unless it is confirmed."
        return
    yield "What no rollback brings back:"
    yield from (f"  {text}" for text in found)


def _unmanaged(plan: "Plan") -> Iterator[str]:
    from controller.planning.plan import unmanaged

    why = unmanaged(plan.intent) if plan.intent else {}
    for reason in dict.fromkeys(why.values()):
        names = listing([name for name in why if why[name] == reason])
        yield f"Not managed yet: {names} ({reason})."


def _expectations(plan: "Plan", *, whole: bool) -> Iterator[str]:
    failing = [finding for finding in plan.findings if not finding.holds]
    if plan.findings:
        yield f"{count(len(plan.findings), 'expectation')}: {_balance(plan, len(failing))}"
    told = plan.findings if whole else failing
    yield from (f"  {sentence}" for sentence in sentences.findings(told))


def _balance(plan: "Plan", failing: int) -> str:
    hold = len(plan.findings) - failing
    if failing:
        return f"{hold} hold, {failing} fail"
    return "it holds" if hold == 1 else "all hold"
