"""sanaga demo: the main job on a laboratory network, with a report."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.output import say, stderr, watched

if TYPE_CHECKING:
    from simulations.demo.stage import Stage

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: sanaga demo --once --report demo.html")
def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the story is told.")] = False,
    report: Annotated[
        Path, typer.Option("--report", metavar="FILE", dir_okay=False, help="Where the page goes.")
    ] = Path("sanaga-demo.html"),
) -> None:
    """Run the main job on a laboratory of real routers, and write a report.

    Twelve blank routers get their configuration, a call is carried while a fibre is cut, a change
    meets a faulty router and rolls back everywhere, then succeeds. Needs root.
    """
    from simulations.demo.stage import raised
    from simulations.demo.story import tell

    with TemporaryDirectory(prefix="sanaga-demo-") as work, raised(Path(work)) as stage:
        tell(stage, stderr(), report)
        say(f"report: {report}")
        if not once and watched():
            _linger(stage)


def _linger(stage: "Stage") -> None:
    say(f"\nThe laboratory stays up. Its intent is in {stage.folder}. In another terminal, try:")
    say("  sanaga lab status")
    say("  sanaga lab cut garoua-maroua-fibre")
    say(f"  sanaga plan {stage.folder}")
    say("Press Enter to take it down.")
    input()
