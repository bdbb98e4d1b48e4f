"""The verb plan: what would change, in which order, and who could be hurt."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.terminal import sentences
from controller.terminal.completion import complete_group
from controller.terminal.controllers import ControllerOption, running_controller
from controller.terminal.folders import FolderOption, PlaceArgument, named
from controller.terminal.output import Exit, Format, FormatOption, UsageProblem, emit, say_lines
from controller.terminal.output import (
    show as show_lines,
)
from controller.wording import count, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.drivers.observe import ReadProgress
    from controller.model import Plan
    from controller.operations.remote import RemoteController
    from controller.planning.from_folder import DevicesUnreachableError, FolderPlan, PlanChoices
    from inventory.model import DeviceName
    from topology.model import BlastRadius

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(epilog="Example: sanaga plan my-network --out change.plan")
def plan(
    place: PlaceArgument = None,
    folder: FolderOption = Path(),
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
            metavar="NAME",
            autocompletion=complete_group,
            help="Plan for this device, site, region, role or level alone; repeatable.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="NAME",
            autocompletion=complete_group,
            help="Plan for all but this device, site, region, role or level; repeatable.",
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
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what would change on which device, in which order, and who could be hurt.

    Ends with 0 when there is nothing to change and with 2 when there is. A plan that hurts more
    than is allowed is shown all the same, then refused with 1; apply refuses it, too.
    """
    from controller.operations.plan_json import plan_json
    from controller.planning.from_folder import PlanChoices
    from controller.planning.plan import refuse

    choices = PlanChoices(
        only or (), without or (), devices_cut, facilities_cut, failing or (), running
    )
    remote, folder = running_controller(controller), named(place, folder)
    if remote and not remote.local:
        _refuse_places(folder, running)
    found = _planned(_Planner(remote, folder, choices))
    say_lines(found.notes)
    made = found.plan
    touched = _touched(remote, made)
    view = View(not brief, expectations, found.unmanaged, _touched_sentences(touched))
    try:
        # Whoever reads the answer may go away before its end; the file is whole by then.
        told = _save(made, out)
    finally:
        data = plan_json(made, found.unmanaged, touched)
        emit(data, output, lambda: show_lines(lines(made, view)))
    say_lines(told)
    refuse(made)
    raise typer.Exit(Exit.CHANGES if made.changes else Exit.DONE)


@dataclass(frozen=True, slots=True)
class _Planner:
    """Makes a plan here, or at a controller that runs; one elsewhere has a folder of its own."""

    remote: "RemoteController | None"
    folder: Path
    choices: "PlanChoices"

    def unfinished(self) -> "Sequence[tuple[int, str, bool]]":
        """Return number and network of the applies that are not over, and whether they wait."""
        if self.remote is not None:
            return [(one["id"], one["network"], one["held"]) for one in self.remote.unfinished()]
        from controller.environment import state_dir
        from controller.planning.from_folder import unfinished_applies

        return [(one.id, one.network, one.held) for one in unfinished_applies(state_dir())]

    def plan(self, progress: "ReadProgress") -> "FolderPlan":
        """Return the plan."""
        if self.remote is not None:
            folder = self.folder if self.remote.local else None
            return self.remote.plan(folder, self.choices, progress)
        from controller.clock import SystemClock
        from controller.environment import state_dir
        from controller.load import load
        from controller.planning.from_folder import PlanContext, draft_folder

        context = PlanContext(state_dir(), SystemClock().instant(), progress)
        return draft_folder(load(self.folder), self.choices, context)


def _planned(planner: _Planner) -> "FolderPlan":
    """Return the plan; whoever is not reached is named, with what to do about it."""
    from controller.planning.from_folder import DevicesUnreachableError
    from controller.terminal.progress import told

    if planner.choices.running is None:
        say_lines(_unfinished(*one) for one in planner.unfinished())
    try:
        with told() as progress:
            return planner.plan(progress)
    except DevicesUnreachableError as error:
        say_lines(_unreachable(error))
        raise typer.Exit(Exit.UNREACHABLE) from error


def _refuse_places(folder: Path, running: Path | None) -> None:
    if folder != Path() or running is not None:
        raise UsageProblem(
            "a controller elsewhere plans its own folder and reads the devices; leave DIR and "
            "--running out"
        )


def _unfinished(number: int, network: str, held: bool) -> str:
    """Return which apply has to end before another can begin."""
    end = f"confirm {number}' or 'sanaga rollback {number}" if held else "apply --resume"
    return (
        f"apply {number} of {network} is not over, so this plan may see it half done; "
        f"unless it is still at work, end it with 'sanaga {end}'"
    )


def _unreachable(error: "DevicesUnreachableError") -> Iterator[str]:
    """Yield who cannot be read, by reason, and what to do."""
    devices: dict[str, list[str]] = {}
    for name, reason in error.reasons.items():
        devices.setdefault(reason, []).append(name)
    yield from (f"{listing(names)}: {reason}" for reason, names in devices.items())
    yield error.advice


def _save(made: "Plan", out: Path | None) -> tuple[str, ...]:
    """Save a plan if a file is named, and return what to say of it."""
    if out is None:
        fit = made.changes and not made.refused
        return ("to apply it, save it with --out FILE",) if fit else ()
    from controller.planning.plan_file import remove_older, save

    if not made.changes:
        gone = f"{out}: the older plan was removed, for there is nothing to change"
        return (gone,) if remove_older(out) else ()
    save(made, out)
    if made.refused:
        return (f"saved in {out} to be read; 'sanaga apply' refuses it",)
    return (f"saved; to apply it: sanaga apply {out}",)


_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def colour(line: str) -> str:
    """Return the style of a line of a diff."""
    return _COLOURS.get(line[:1], "")


def _touched(remote: "RemoteController | None", made: "Plan") -> "Mapping[str, Any] | None":
    """Return which consultations a plan would touch; None where no controller tells."""
    return remote.consultations_touched(made) if remote else None


def _touched_sentences(touched: "Mapping[str, Any] | None") -> tuple[str, ...]:
    keys = ("sentence", "coming_sentence")
    return tuple(touched[key] for key in keys if touched[key]) if touched else ()


@dataclass(frozen=True, slots=True)
class View:
    """How much of a plan a person wants to see.

    unmanaged is what is left alone, if known; consultations are sentences about those it touches.
    """

    diffs: bool = True
    expectations: bool = False
    unmanaged: "Mapping[DeviceName, str] | None" = None
    consultations: tuple[str, ...] = ()


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
        yield from (f"{text}." for text in view.consultations)
        yield from _cannot_revert(plan)
    yield from (f"Mind: {text}." for text in plan.notices)
    yield from _unmanaged(_left_alone(plan) if view.unmanaged is None else view.unmanaged)
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


def _left_alone(plan: "Plan") -> "Mapping[DeviceName, str]":
    from controller.planning.plan import unmanaged

    return unmanaged(plan.intent) if plan.intent else {}


def _unmanaged(why: "Mapping[DeviceName, str]") -> Iterator[str]:
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
