"""The laboratory's figures: from nothing to a converged network."""

from collections.abc import Iterator
from pathlib import Path

from controller.load import Loaded, load
from controller.planning.from_folder import router_configs
from inventory.country.examples import write_example
from simulations.lab import lab as labs
from tests.bench.measure import Figure, call, figure

WITHIN_S = 60.0


def converged(folder: Path, runs: int) -> Iterator[Figure]:
    """Bring the northern spur up configured until every hospital reaches every other."""
    spur = folder / "spur"
    write_example(spur, "northern-spur")
    loaded = load(spur)
    seconds = [call(lambda: _up_and_down(loaded)) for _ in range(runs)]
    yield figure("northern-spur up, converged and down again", seconds, 30)


def _up_and_down(loaded: Loaded) -> None:
    configs = {name: config.text for name, config in router_configs(loaded).items()}
    lab = labs.bring_up(loaded.intent, configs=configs)
    try:
        lab.wait_converged(WITHIN_S)
    finally:
        lab.down()
