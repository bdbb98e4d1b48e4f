"""The calls through a mend as JSON, as a table and as a plot; the other figures stay."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from matplotlib.figure import Figure as Canvas

from tests.docs_page import DOCS, between, machine, told
from tests.failover.mend_figures import LIMIT_S, MendCall
from tests.failover.verdicts import Verdict, verdict_table

KEY: Final = "after_mend"
RESULT: Final = DOCS / "bench" / "failover.json"
PICTURE: Final = DOCS / "img" / "bench-after-mend.svg"
SHOWN_S: Final = (-12, 20)
# A machine at rest has less to do than this, per core.
BESIDE_LOAD: Final = 0.5


def about_machine() -> dict[str, Any]:
    """Return the machine, the day, and what else it does; to be asked before worlds are built."""
    return {**machine(), "load_before": round(os.getloadavg()[0], 1), "nice": os.nice(0)}


def read_result() -> dict[str, Any]:
    """Return the JSON result as it was last written; empty before the first time."""
    if not RESULT.exists():
        return {}
    found: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    return found


def write(calls: Sequence[MendCall], said: Sequence[Verdict], about: dict[str, Any]) -> None:
    """Put the calls into the JSON result, the plot and the page."""
    result = read_result()
    result[KEY] = {
        "about": about,
        "calls": [asdict(call) for call in calls],
        "verdicts": [asdict(verdict) for verdict in said],
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    plot(calls)
    page = "\n\n".join(
        ["![Delay around the mend](img/bench-after-mend.svg)", verdict_table(said), measured(about)]
    )
    between(DOCS / "benchmarks.md", "after-mend", page)


def measured(about: dict[str, Any]) -> str:
    """Return on what machine and when, and say so if it had other work."""
    if about["load_before"] <= BESIDE_LOAD * about["cores"]:
        return told(about)
    priority = f", and the measurement ran at nice {about['nice']}" if about["nice"] else ""
    return (
        f"{told(about)}. Measured beside other load: the load average was {about['load_before']:g} "
        f"on {about['cores']} cores before the first call{priority}."
    )


def plot(calls: Sequence[MendCall]) -> None:
    """Draw p95 of the slowest flow second by second around the mend, a line for each call."""
    canvas = Canvas(figsize=(9, 3.2), layout="constrained")
    axes = canvas.subplots()
    for call in calls:
        shown = [(at_s, p95) for at_s, p95 in call.p95_ms if SHOWN_S[0] <= at_s < SHOWN_S[1]]
        colour = "#2a7f9e" if call.weather else "#1b7f4d"
        label = "LEO weather" if call.weather else "calm sky"
        axes.plot(*zip(*shown, strict=True), color=colour, alpha=0.6, linewidth=1, label=label)
    axes.axvline(0, color="#555555", linewidth=1)
    axes.axvline(LIMIT_S, color="#c0392b", linewidth=1, linestyle="--")
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    axes.legend(by_label.values(), by_label.keys(), fontsize=7)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds after the mend of the fibre (dashed: limit)")
    axes.set_ylabel("p95 delay, ms")
    canvas.savefig(PICTURE, metadata={"Date": None})
