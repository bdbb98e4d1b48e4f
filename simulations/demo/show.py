"""How the demonstration is shown: a live picture where a person watches, lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from simulations.demo.facts import DemoMoment
from simulations.demo.overlay import Carried
from simulations.demo.picture import scene_svg, second_line
from simulations.demo.way import Way
from simulations.lab.flows import Report


class Show:
    """An audience at a terminal or a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chapters = 0
        self._told = (0, 0)
        self._live: Live | None = None

    def chapter(self, title: str) -> None:
        """Begin a new act."""
        self._chapters += 1
        self._told = (0, 0)
        self._console.print(f"\n[bold]{self._chapters}. {title}[/bold]")

    def say(self, text: str) -> None:
        """Tell something."""
        self._console.print(f"   {text}", markup=False)

    def plan(self, applied_title: str, plan_lines: tuple[str, ...]) -> None:
        """Show a plan in words."""
        self.say(f"plan for {applied_title}:")
        for line in plan_lines:
            self.say(f"  {line}")

    def call(
        self, way: Way | Carried, heard: tuple[Report, ...], moments: tuple[DemoMoment, ...]
    ) -> None:
        """Show the call as it is now."""
        if self._live:
            self._live.update(scene_svg("the call", way, heard, moments))
        else:
            self._log(heard, moments)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep one picture on the screen for as long as the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=8) as self._live:
            yield
        self._live = None

    def _log(self, heard: tuple[Report, ...], moments: tuple[DemoMoment, ...]) -> None:
        seconds, said = self._told
        for moment in moments[said:]:
            self.say(f"{moment.at_s:5.1f} s  {moment.what}")
        complete = min(
            (sum(r.source == s for r in heard) for s in {r.source for r in heard}), default=0
        )
        for number in range(seconds, complete):
            self.say(f"{number:3} s  {second_line(r for r in heard if r.second.second == number)}")
        self._told = (max(complete, seconds), len(moments))
