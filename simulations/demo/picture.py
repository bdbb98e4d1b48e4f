"""The call as a small live picture in the terminal."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from inventory.model import Medium
from simulations.demo.facts import DemoMoment
from simulations.demo.overlay import Carried
from simulations.demo.way import Way
from simulations.lab.flows import Report

BARS: Final = " ▁▂▃▄▅▆▇█"
LINE: Final = {
    Medium.FIBRE: ("━━", "green"),
    Medium.MICROWAVE: ("┅┅", "yellow"),
    Medium.LEO: ("╌╌", "magenta"),
    Medium.LTE: ("··", "cyan"),
    Medium.VSAT: ("╌ ", "red"),
}
FULL: Final = 50


def sparkline(losses: Sequence[int]) -> str:
    """Return one character a second: how many of its packets were lost."""
    steps = len(BARS) - 1
    return "".join(BARS[min(steps, -(-loss * steps // FULL))] for loss in losses)


def way_text(way: Way | Carried) -> Text:
    """Return a way as a coloured line of routers and circuits, or of an edge's paths."""
    return _carried_text(way) if isinstance(way, Carried) else _routers_text(way)


def _carried_text(carried: Carried) -> Text:
    text = Text(carried.here, "bold")
    for name, medium in carried.paths:
        dash, colour = LINE[medium]
        text.append(f" {dash}{name}{dash}", colour)
    text.append(f" {carried.there}", "bold")
    for name, state in carried.states:
        if state != "up":
            text.append(f"  {name} is {state}", "red")
    return text


def _routers_text(way: Way) -> Text:
    text = Text()
    for hop in way.hops:
        text.append(hop.device, "bold")
        if hop.medium:
            dash, colour = LINE[hop.medium]
            text.append(f" {dash}{hop.medium}{dash} ", colour)
    if not way.whole:
        text.append(" … no way", "bold red")
    return text


def second_line(reports: Iterable[Report]) -> str:
    """Return one second of the call in words, for those who read a log."""
    parts = []
    for report in reports:
        second = report.second
        delay = "" if second.delay_p50_ms is None else f", {second.delay_p50_ms:.1f} ms"
        parts.append(
            f"{report.source} to {report.target}: {second.lost:2} of {second.sent} lost{delay}"
        )
    return "; ".join(parts)


def scene_svg(
    title: str, way: Way | Carried, heard: Sequence[Report], moments: Sequence[DemoMoment]
) -> RenderableType:
    """Return the whole picture: the way, loss per second in both directions, what happened."""
    table = Table.grid(padding=(0, 2))
    for source in dict.fromkeys(report.source for report in heard):
        row = [report for report in heard if report.source == source]
        lost = sum(report.second.lost for report in row)
        silence = max(report.second.silence_ms for report in row)
        bars = Text(sparkline([report.second.lost for report in row]), "red")
        table.add_row(
            f"{source} → {row[0].target}", bars, f"{lost} lost", f"longest silence {silence:.0f} ms"
        )
    happened = [Text(f"{moment.at_s:5.1f} s  {moment.what}") for moment in moments]
    return Panel(Group(way_text(way), Text(), table, *happened), title=title, title_align="left")
