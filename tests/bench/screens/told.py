"""How soon a cut in the laboratory is on an open page of the NOC."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

from playwright.sync_api import Browser, Page, expect

from simulations.demo.noc import announce_call, running_service, wait_heard
from simulations.demo.stage import raised_lab
from tests.bench.measure import Figure, figure

# Each is cut once: what comes and goes is not told anew at once, on purpose.
FIBRES: Final = (
    "mora-kolofata-fibre",
    "garoua-maroua-fibre",
    "ngaoundere-garoua-fibre",
    "yaounde-ngaoundere-fibre",
    "maroua-mayo-sava-fibre",
)
_WITHIN_MS: Final = 60_000
_CONVERGED_WITHIN_S: Final = 120.0


def told(folder: Path, browser: Browser) -> Iterator[Figure]:
    """Cut one fibre after the other, and measure until the open overview shows it."""
    with raised_lab(folder) as stage:
        stage.apply("all", stage.plan())
        stage.lab.wait_converged(_CONVERGED_WITHIN_S)
        with running_service(stage) as noc:
            wait_heard(stage)
            announce_call(stage, noc)
            page = browser.new_context().new_page()
            page.goto(noc.link)
            page.wait_for_url("**/")
            expect(page.locator("#live")).to_have_text("live", timeout=_WITHIN_MS)
            seconds = []
            for circuit in FIBRES:
                began_s = perf_counter()
                stage.lab.cut(circuit, silent=False)
                seconds.append(_shown_s(page, circuit, began_s))
                stage.lab.restore(circuit)
                stage.lab.wait_converged(_CONVERGED_WITHIN_S)
    yield figure("cut in the laboratory until the page shows it", seconds, 2.0)


def _shown_s(page: Page, circuit: str, began_s: float) -> float:
    card = page.locator(".card").filter(has_text=circuit)
    card.first.wait_for(timeout=_WITHIN_MS)
    return perf_counter() - began_s
