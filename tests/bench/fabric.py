"""The fabric's figures: validate, plan, scaling, blast radius."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from math import log
from pathlib import Path
from typing import TypeAlias

from controller.load import Loaded, load
from controller.model import DeviceConfig, Operational
from controller.planning.from_folder import make_plan, router_configs
from inventory.addressing import segment4
from inventory.model import Segment
from policies.clinical import read_catalogue
from tests.bench.graphs import national_scale
from tests.bench.measure import Figure, call, figure, sanaga
from tests.factories import synthetic
from topology.failures.resilience import every_blast_radius

_Scene: TypeAlias = tuple[Loaded, Operational]
SCALES = (1_250, 2_500, 5_000, 10_000)


def national(folder: Path, runs: int) -> Iterator[Figure]:
    """Whole processes on the national intent."""
    country, running = folder / "country", folder / "running"
    sanaga("init", country, "--national")
    running.mkdir()
    validate = [sanaga("validate", country) for _ in range(runs)]
    yield figure("validate, 429 sites, whole process", validate, 3)
    plan = [sanaga("plan", country, "--running", running, expect=2) for _ in range(runs)]
    yield figure("plan, 429 blank sites, whole process", plan, 5)
    _settle(country, running)
    _change_one_site(country)
    replan = [sanaga("plan", country, "--running", running, expect=2) for _ in range(runs)]
    yield figure("plan again, one site changed, whole process", replan, 2)


def _settle(country: Path, running: Path) -> None:
    for name, config in router_configs(load(country)).items():
        (running / f"{name}.conf").write_text(config.text, encoding="utf-8")


def _change_one_site(country: Path) -> None:
    """Turn a static route on at one site, as an engineer would."""
    intent = load(country).intent
    lan = segment4(intent.network.plan, intent.sites["kolofata"].number, Segment.CLINICAL)
    file = country / "sites" / "extreme-nord.yaml"
    text = file.read_text(encoding="utf-8")
    entry = "  - name: kolofata\n"
    route = f"    routes: [{{prefix: 198.51.100.0/24, via: {lan[5]}}}]\n"
    assert entry in text
    file.write_text(text.replace(entry, entry + route, 1), encoding="utf-8")


def scaling(runs: int) -> Iterator[Figure]:
    """Planning of synthetic networks; the last figure of each kind is growth against n log n."""
    yield from _growth("all blank", _blank, runs)
    yield from _growth("every description changed", _described, runs)


def _growth(kind: str, scene: Callable[[int], _Scene], runs: int) -> Iterator[Figure]:
    medians = {}
    for sites in SCALES:
        loaded, seen = scene(sites)
        seconds = [call(partial(_plan, loaded, seen)) for _ in range(min(runs, 3))]
        measured = figure(f"plan, {sites} synthetic sites, {kind}, in process", seconds, None)
        medians[sites] = measured.median
        yield measured
    small, large = SCALES[0], SCALES[-1]
    ideal = (large * log(large)) / (small * log(small))
    growth = medians[large] / medians[small] / ideal
    name = f"growth of planning over n log n, {kind}"
    yield Figure(name, growth, growth, growth, 1, 1.25, unit="ratio")


def _blank(sites: int) -> _Scene:
    intent = synthetic(sites)
    blank = Operational({name: DeviceConfig("") for name in intent.devices}, {})
    return Loaded(Path(), intent, read_catalogue()), blank


def _described(sites: int) -> _Scene:
    """Every router runs what was intended, and every circuit has another description now."""
    intent = synthetic(sites)
    circuits = {n: replace(c, description=f"new {n}") for n, c in intent.circuits.items()}
    loaded = Loaded(Path(), replace(intent, circuits=circuits), read_catalogue())
    return loaded, Operational(router_configs(Loaded(Path(), intent, read_catalogue())), {})


def _plan(loaded: Loaded, seen: Operational) -> None:
    plan = make_plan(loaded, seen, datetime(2026, 1, 1, tzinfo=UTC))
    assert len(plan.changes) == len(loaded.intent.devices)


def blast_radii(runs: int) -> Iterator[Figure]:
    """Blast radius of every single circuit and every single node."""
    topology = national_scale()
    assert (len(topology.nodes), len(topology.links)) == (5_595, 7_238)
    seconds = [call(lambda: every_blast_radius(topology)) for _ in range(runs)]
    yield figure("blast radius of all 5,595 nodes and 7,238 links", seconds, 2)
