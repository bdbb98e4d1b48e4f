"""Making changes and undoing them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from controller.terminal.controllers import ControllerOption, running_controller
from controller.terminal.durations import seconds, spoken
from controller.terminal.output import (
    Exit,
    Format,
    FormatOption,
    UsageProblem,
    emit,
    say,
    watched,
    write,
)

if TYPE_CHECKING:
    from controller.apply.events import Progress
    from controller.model import Plan, PushResult
    from controller.operations.remote import RemoteController

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

IdArgument: TypeAlias = Annotated[
    int | None,
    typer.Argument(metavar="ID", min=1, show_default=False, help="Number of an apply."),
]
_LAST: Final = "the last apply"
CODES: Final = {
    "confirmed": Exit.DONE,
    "pending": Exit.DONE,
    "rolled-back": Exit.ROLLED_BACK,
    "unreachable": Exit.UNREACHABLE,
    "differs": Exit.DIFFERS,
}


@app.command(epilog="Example: sanaga apply change.plan --confirm-within 5m")
def apply(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", show_default=False, help="A plan saved by plan --out."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish or unwind an apply that was interrupted.")
    ] = False,
    confirm_within: Annotated[
        str | None,
        typer.Option(
            "--confirm-within",
            metavar="TIME",
            help="Once verified, you have this long to confirm, such as 5m; else all is undone.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without", metavar="DEVICE", help="With --resume: give a device up; repeatable."
        ),
    ] = None,
    in_consultations: Annotated[
        bool,
        typer.Option(
            "--in-consultations", help="Go on although a consultation runs over a device of it."
        ),
    ] = False,
    approval: Annotated[
        str,
        typer.Option(
            "--approval", metavar="ID", help="A second person's approval, where one is needed."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Apply a plan: every device ends up new, or every device as it was.

    Changes go out in waves, each on trial; all is kept only when the network does what the plan
    promised, else every device is taken back.
    """
    if resume:
        if file or confirm_within or yes:
            raise UsageProblem("--resume takes neither a plan nor other options but --without")
        _resume(running_controller(controller), without or (), output)
    elif file is None:
        raise UsageProblem("name the plan to apply, or say --resume")
    elif without:
        raise UsageProblem("--without goes with --resume")
    else:
        within_s = None if confirm_within is None else seconds(confirm_within)
        remote = running_controller(controller)
        if approval and remote is None:
            raise UsageProblem("--approval goes with a controller that runs, which asks for it")
        asked = _Asked(remote, within_s, yes, in_consultations, approval)
        _apply(file, asked, output)


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a plan is to be applied, and by which controller if one runs."""

    remote: "RemoteController | None"
    within_s: int | None
    yes: bool
    in_consultations: bool
    approval: str


def _apply(file: Path, asked: _Asked, output: Format) -> None:
    from controller.planning.plan import refuse
    from controller.planning.plan_file import load
    from controller.terminal.progress import told

    made = load(file)
    if made.refused:
        say(f"{file}: this plan was refused when it was made; nothing is applied")
    refuse(made)
    if asked.remote and not asked.in_consultations:
        _spare_consultations(made, asked.remote)
    if made.changes and not asked.yes:
        _agree(made, asked.within_s)
    with told(len(made.seen)) as progress:
        result = _applied(made, file, asked, progress)
    _end(result, output)


def _applied(made: "Plan", file: Path, asked: _Asked, progress: "Progress") -> "PushResult":
    if asked.remote is None:
        from controller.app import apply_plan, note_network_act
        from controller.planning.plan_file import plan_document

        digest = plan_document(made)["sha256"]
        known = {"digest": digest, "network": made.network, "changes": len(made.changes)}
        note_network_act("plan.apply", f"plan {made.id}", **known)
        return apply_plan(made, progress, asked.within_s)
    from controller.operations.model import ApplyWish

    how = ApplyWish("", asked.within_s, asked.in_consultations, asked.approval)
    return asked.remote.apply(made, file, how, progress)


def _spare_consultations(made: "Plan", remote: "RemoteController") -> None:
    """Refuse a plan that would touch a consultation that runs now."""
    if said := remote.consultations_over({change.device for change in made.changes}):
        say(f"{said}; nothing is applied. Apply then, or say --in-consultations")
        raise typer.Exit(Exit.ERROR)


def _agree(made: "Plan", within_s: int | None) -> None:
    from controller.cli.plan import summary

    if not watched():
        raise UsageProblem("nobody is watching who could agree; say --yes")
    say("\n".join(summary(made)))
    if within_s is not None:
        say(f"It is undone unless you confirm it within {spoken(within_s)}.")
    if not typer.confirm(f"Apply this to {made.network}?", err=True):
        say("nothing was applied")
        raise typer.Exit(Exit.ERROR)


def _resume(
    remote: "RemoteController | None", without: "list[str] | tuple[()]", output: Format
) -> None:
    from controller.app import note_network_act, resume_apply
    from controller.terminal.progress import told

    if remote is None:
        note_network_act("apply.resume", _LAST, without=list(without))
    with told() as progress:
        result = (remote.resume if remote else resume_apply)(progress, without)
    if result is None:
        say("nothing to resume: no apply was interrupted")
    else:
        _end(result, output)


@app.command(epilog="Example: sanaga confirm")
def confirm(
    number: IdArgument = None,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Keep an apply that waits for you since apply --confirm-within."""
    from controller.app import confirm_apply, note_network_act
    from controller.terminal.progress import told

    if (remote := running_controller(controller)) is None:
        note_network_act("apply.confirm", _which(number))
    with told() as progress:
        result = (remote.confirm if remote else confirm_apply)(number, progress)
    _end(result, output)


@app.command(epilog="Example: sanaga rollback 12 --yes")
def rollback(
    number: IdArgument = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Undo an apply: the one that is not over, or the last one that was confirmed.

    A rollback is undone only when you give its number.
    """
    from controller.app import note_network_act, rollback_apply
    from controller.terminal.progress import told

    remote = running_controller(controller)
    if not yes:
        _agree_to_undo(number)
    if remote is None:
        note_network_act("apply.rollback", _which(number))
    with told() as progress:
        ended = (remote.rollback if remote else rollback_apply)(number, progress)
    if ended.inverse and ended.done:
        say("taken back: every device runs again what it ran before that apply")
        say("the documents are as you left them; 'sanaga plan' shows where routers now differ")
    _end(ended.result, output, code=Exit.DONE if ended.done else None)


def _which(number: int | None) -> str:
    return _LAST if number is None else f"apply {number}"


def _agree_to_undo(number: int | None) -> None:
    if not watched():
        raise UsageProblem("nobody is watching who could agree; say --yes")
    if not typer.confirm(f"Undo {_which(number)}?", err=True):
        say("nothing was undone")
        raise typer.Exit(Exit.ERROR)


def _end(result: "PushResult", output: Format, *, code: Exit | None = None) -> None:
    emit(result, output, lambda: write("\n".join(_told(result))))
    raise typer.Exit(CODES[result.outcome] if code is None else code)


def _told(result: "PushResult") -> Iterator[str]:
    number = f"apply {result.apply_id} " if result.apply_id else ""
    head, *more = result.because.split("; ")
    yield f"{number}{result.outcome}: {head}"
    yield from (f"  {text}" for text in more)
    yield from result.evidence
    if result.outcome == "differs":
        yield from (f"  {device}: {state}" for device, state in result.devices.items())
