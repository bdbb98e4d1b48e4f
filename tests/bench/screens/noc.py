"""All figures of the NOC's pages."""

from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Figure
from tests.bench.screens.browser import changing, chromium, loading, memory
from tests.bench.screens.many import fifty
from tests.bench.screens.server import country_server
from tests.bench.screens.told import told


def noc(folder: Path, runs: int, *, lab: bool) -> Iterator[Figure]:
    """Measure pages at the size of the country, and a cut in the laboratory."""
    quick = runs == 1
    with country_server(folder / "cameroon") as server:
        with chromium() as (browser, pids):
            yield from loading(server, browser, "/", (120, 1.5), runs)
            yield from changing(server, browser, pids, 10 if quick else 60)
            yield from memory(server, browser, 500 if quick else 3_600)
        yield from fifty(server, 10 if quick else 60)
    if lab:
        with chromium() as (browser, _):
            yield from told(folder / "lab", browser)
