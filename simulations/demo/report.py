"""The demonstration's report: text for the terminal, HTML with plots for everyone else."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from controller.cli.plan import summary
from inventory.model import Intent
from inventory.output_file import replace_file
from simulations.demo.facts import Applied, DemoCall, Facts
from simulations.traffic import Second
from topology.maps.draw import draw_map

COLOURS: Final = ("#b03a2e", "#1f618d")


def report_text(facts: Facts) -> Iterator[str]:
    """Yield the report as lines."""
    things = f"{facts.routers} routers, {facts.edges} edges and {facts.circuits} circuits"
    yield f"{things} were up in {facts.up_s:.1f} s."
    yield f"{facts.pairs_reached} of {facts.pairs} pairs of hospitals reached each other."
    yield from _call_lines(facts)
    if told := facts.incident:
        yield (
            f"The NOC was told {told.told_after_s:.1f} s after the next cut, once: {told.title}; "
            f"it was over {told.ended_after_s:.1f} s after the mend."
        )
    for applied in facts.applies:
        yield _applied_line(applied)


def _call_lines(facts: Facts) -> Iterator[str]:
    for call in facts.calls:
        yield (
            f"A call from {call.source} to {call.target} {call.title}: {call.lost()} of "
            f"{call.sent()} packets lost, longest silence {call.longest_silence_ms():.0f} ms."
        )
    for kind, suffered in facts.troubles():
        told = zip(facts.calls, suffered, strict=True)
        yield f"  {kind}: " + "; ".join(
            f"{call.title} {one.lost} lost, silence {one.silence_ms:.0f} ms" for call, one in told
        )


def _applied_line(applied: Applied) -> str:
    plan, result = applied.plan, applied.result
    same = "; every router is byte for byte as before" if applied.as_before else ""
    return (
        f"{applied.title}: {len(plan.changes)} of {len(plan.seen)} routers in "
        f"{len(plan.waves)} waves, {result.outcome} in {applied.seconds:.0f} s{same}."
    )


def report_html(facts: Facts, before: Intent, after: Intent) -> str:
    """Return the report as one page that needs nothing else."""
    source = files("simulations.demo").joinpath("report.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    return page.render(
        facts=facts,
        lines=list(report_text(facts)),
        applies=[(applied, list(summary(applied.plan))) for applied in facts.applies],
        calls=facts.calls,
        troubles=list(facts.troubles()),
        plot=Markup(_plot(facts.calls)),  # noqa: S704 - our own SVG
        maps=[("Before", _map(before)), ("After re-homing", _map(after))],
    )


def save_plots(facts: Facts, folder: Path) -> None:
    """Write the plot of the calls as call.svg."""
    replace_file(folder / "call.svg", _plot(facts.calls).encode())


def _map(intent: Intent) -> Markup:
    with TemporaryDirectory(prefix="sanaga-") as folder:
        file = Path(folder) / "map.svg"
        draw_map(intent, file)
        return Markup(_svg(file.read_text(encoding="utf-8")))  # noqa: S704 - our own SVG


def _plot(calls: Sequence[DemoCall]) -> str:
    """Return packets lost and delay of all calls, one below the other, second by second."""
    with rc_context({"svg.hashsalt": "sanaga"}):
        figure = Figure(figsize=(9, 6), layout="constrained")
        lost, delay = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for call, colour in zip(calls, COLOURS, strict=True):
            worst = _worst(call)
            at = [second.second + 0.5 for second in worst]
            label = f"{call.title}: {call.lost()} of {call.sent()} packets lost"
            lost.step(at, [s.lost for s in worst], where="mid", color=colour, label=label)
            delay.plot(at, [s.delay_p95_ms for s in worst], color=colour, marker=".")
        for trouble in calls[0].troubles:
            for axes in (lost, delay):
                axes.axvspan(trouble.at_s, trouble.until_s, color="#f2d7d5", lw=0)
            middle = (trouble.at_s + trouble.until_s) / 2
            lost.annotate(
                trouble.kind,
                (middle, 51),
                ha="center",
                va="bottom",
                fontsize=8,
                annotation_clip=False,
            )
        lost.set_ylabel("packets lost of 50")
        lost.set_ylim(-1, 50)
        lost.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.9))
        delay.set_ylabel("delay (95th percentile), ms")
        delay.set_xlabel("seconds of the call")
        out = StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return _svg(out.getvalue())


def _worst(call: DemoCall) -> list[Second]:
    """Return each second of the direction that lost more in it."""
    seconds: dict[int, Second] = {}
    for report in call.heard:
        second = report.second
        kept = seconds.setdefault(second.second, second)
        seconds[second.second] = max(kept, second, key=lambda one: one.lost)
    return [seconds[number] for number in sorted(seconds)]


def _svg(document: str) -> str:
    """Return the svg element alone, without the XML prologue."""
    return document[document.index("<svg") :]
