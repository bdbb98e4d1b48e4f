"""The demonstration's report: text for the terminal, HTML with plots for everyone else."""

from collections.abc import Iterator
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
from simulations.demo.facts import Applied, Call, Facts
from topology.draw import draw

COLOURS: Final = ("#b03a2e", "#1f618d")


def text(facts: Facts) -> Iterator[str]:
    """Yield the report as lines."""
    yield f"{facts.routers} routers and {facts.circuits} circuits were up in {facts.up_s:.1f} s."
    yield f"{facts.pairs_reached} of {facts.pairs} pairs of hospitals reached each other."
    for call in facts.calls:
        yield from _call_lines(call)
    for applied in facts.applies:
        yield _applied_line(applied)


def _call_lines(call: Call) -> Iterator[str]:
    yield (
        f"A call from {call.source} to {call.target} went on while {call.circuit} was cut: "
        f"{call.lost()} of {call.sent()} packets lost, longest silence "
        f"{call.longest_silence_ms():.0f} ms."
    )
    yield f"  before: {call.before}"
    yield f"  during: {call.after}"


def _applied_line(applied: Applied) -> str:
    plan, result = applied.plan, applied.result
    same = "; every router is byte for byte as before" if applied.as_before else ""
    return (
        f"{applied.title}: {len(plan.changes)} of {len(plan.seen)} routers in "
        f"{len(plan.waves)} waves, {result.outcome} in {applied.seconds:.0f} s{same}."
    )


def html(facts: Facts, before: Intent, after: Intent) -> str:
    """Return the report as one page that needs nothing else."""
    source = files("simulations.demo").joinpath("report.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    return page.render(
        facts=facts,
        lines=list(text(facts)),
        applies=[(applied, list(summary(applied.plan))) for applied in facts.applies],
        calls=[(call, Markup(_plot(call))) for call in facts.calls],  # noqa: S704 - our own SVG
        maps=[("Before", _map(before)), ("After re-homing", _map(after))],
    )


def save_plots(facts: Facts, folder: Path) -> None:
    """Write the plot of the last call as call.svg."""
    for call in facts.calls:
        (folder / "call.svg").write_text(_plot(call), encoding="utf-8")


def _map(intent: Intent) -> Markup:
    with TemporaryDirectory(prefix="sanaga-") as folder:
        file = Path(folder) / "map.svg"
        draw(intent, file)
        return Markup(_svg(file.read_text(encoding="utf-8")))  # noqa: S704 - our own SVG


def _plot(call: Call) -> str:
    with rc_context({"svg.hashsalt": "sanaga"}):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        lost, delay = figure.subplots(2, 1, sharex=True)
        for source, colour in zip((call.source, call.target), COLOURS, strict=True):
            seconds = [r.second for r in call.heard if r.source == source]
            at = [s.second + 0.5 for s in seconds]
            lost.step(
                at, [s.lost for s in seconds], where="mid", color=colour, label=f"from {source}"
            )
            delay.plot(at, [s.delay_p50_ms for s in seconds], color=colour, marker=".")
        for axes in (lost, delay):
            for moment in call.moments:
                axes.axvline(moment.at_s, color="#999999", lw=0.8, ls=":")
        lost.set_ylabel("packets lost of 50")
        lost.legend(frameon=False)
        delay.set_ylabel("median delay, ms")
        delay.set_xlabel("seconds of the call")
        out = StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return _svg(out.getvalue())


def _svg(document: str) -> str:
    """Return the svg element alone, without the XML prologue."""
    return document[document.index("<svg") :]
