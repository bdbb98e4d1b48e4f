"""sanaga demo: the main job on a laboratory network, with a report."""

import signal
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from controller.terminal.output import say, stderr, watched
from simulations.netns.shutdown import handled_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulations.demo.stage import Stage

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: sanaga demo --once --report demo.html")
def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the story is told.")] = False,
    report: Annotated[
        Path, typer.Option("--report", metavar="FILE", dir_okay=False, help="Where the page goes.")
    ] = Path("sanaga-demo.html"),
    plots: Annotated[
        Path | None,
        typer.Option(
            "--plots",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Write the plot of the call there too, as call.svg.",
        ),
    ] = None,
) -> None:
    """Run the main job on a laboratory of real routers, and write a report.

    Twelve blank routers get their configuration, and the NOC's pages open at localhost:8080 with a
    page that cuts and mends circuits. Then a call is carried while a fibre is cut, a change meets
    a faulty router and rolls back everywhere, then succeeds. Needs root.
    """
    from simulations.demo.report import save_plots
    from simulations.demo.stage import raised_lab
    from simulations.demo.story import tell_story

    with (
        termination_is_an_exit(),
        TemporaryDirectory(prefix="sanaga-demo-") as work,
        raised_lab(Path(work)) as stage,
    ):
        facts = tell_story(stage, stderr(), report, None if once else _until_enter)
        say(f"report: {report}")
        if plots:
            save_plots(facts, plots)
        if not once and watched():
            _linger(stage)


@contextmanager
def termination_is_an_exit() -> "Iterator[None]":
    """Let SIGTERM and a hang-up end the block in order, so that the laboratory is taken down."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    with handled_by(leave):
        yield


def _linger(stage: "Stage") -> None:
    say(f"\nThe laboratory stays up. Its intent is in {stage.folder}. In another terminal, try:")
    say("  sanaga lab status")
    say("  sanaga lab cut garoua-maroua-fibre")
    say(f"  sanaga plan {stage.folder}")
    say("Press Enter to take it down.")
    input()


def _until_enter() -> None:
    """Wait for Enter; where nobody could press it, until the program is told to end."""
    if watched():
        say("   Press Enter for the rest of the story: four minutes of faults and changes.")
        input()
    else:
        say("   It stays open until this program is told to end (SIGTERM, or Ctrl-C).")
        signal.pause()
