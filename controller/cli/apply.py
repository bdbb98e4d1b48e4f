"""Making changes and undoing them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

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
    from controller.model import Plan, PushResult

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

IdArgument: TypeAlias = Annotated[
    int | None,
    typer.Argument(metavar="ID", min=1, show_default=False, help="Number of an apply."),
]
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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Apply a plan: every device ends up new, or every device as it was.

    Changes go out in waves, each on trial; all is kept only when the network does what the plan
    promised, else every device is taken back.
    """
    if resume:
        if file or confirm_within or yes:
            raise UsageProblem("--resume takes neither a plan nor other options but --without")
        _resume(without or (), output)
    elif file is None:
        raise UsageProblem("name the plan to apply, or say --resume")
    elif without:
        raise UsageProblem("--without goes with --resume")
    else:
        within_s = None if confirm_within is None else seconds(confirm_within)
        _apply(file, within_s, output, yes=yes, in_consultations=in_consultations)


def _apply(
    file: Path, within_s: int | None, output: Format, *, yes: bool, in_consultations: bool
) -> None:
    from controller.app import apply_plan
    from controller.planning.plan import refuse
    from controller.planning.plan_file import load
    from controller.terminal.progress import told

    made = load(file)
    if made.refused:
        say(f"{file}: this plan was refused when it was made; nothing is applied")
    refuse(made)
    if not in_consultations:
        _spare_consultations(made)
    if made.changes and not yes:
        _agree(made, within_s)
    with told(len(made.seen)) as progress:
        result = apply_plan(made, progress, within_s)
    _end(result, output)


def _spare_consultations(made: "Plan") -> None:
    """Refuse a plan that would touch a consultation that runs now."""
    from controller.app import consultations_in_the_way

    if said := consultations_in_the_way(made):
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


def _resume(without: "list[str] | tuple[()]", output: Format) -> None:
    from controller.app import resume_apply
    from controller.terminal.progress import told

    with told() as progress:
        result = resume_apply(progress, without)
    if result is None:
        say("nothing to resume: no apply was interrupted")
    else:
        _end(result, output)


@app.command(epilog="Example: sanaga confirm")
def confirm(number: IdArgument = None, output: FormatOption = Format.TABLE) -> None:
    """Keep an apply that waits for you since apply --confirm-within."""
    from controller.app import confirm_apply
    from controller.terminal.progress import told

    with told() as progress:
        result = confirm_apply(number, progress)
    _end(result, output)


@app.command(epilog="Example: sanaga rollback 12 --yes")
def rollback(
    number: IdArgument = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Undo an apply: the one that is not over, or the last one that was confirmed.

    A rollback is undone only when you give its number.
    """
    from controller.app import rollback_apply
    from controller.terminal.progress import told

    if not yes:
        _agree_to_undo(number)
    with told() as progress:
        ended = rollback_apply(number, progress)
    if ended.inverse and ended.done:
        say("taken back: every device runs again what it ran before that apply")
        say("the documents are as you left them; 'sanaga plan' shows where routers now differ")
    _end(ended.result, output, code=Exit.DONE if ended.done else None)


def _agree_to_undo(number: int | None) -> None:
    if not watched():
        raise UsageProblem("nobody is watching who could agree; say --yes")
    which = "the last apply" if number is None else f"apply {number}"
    if not typer.confirm(f"Undo {which}?", err=True):
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
