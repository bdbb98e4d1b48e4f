"""The laboratory's figures: from nothing to a converged network."""

from collections.abc import Iterator
from pathlib import Path

from controller.load import load
from controller.planning.from_folder import intended_configs
from inventory.documents.examples import write_example
from inventory.model import Intent
from simulations.lab import lab as labs
from tests.bench.measure import Figure, call, figure

WITHIN_S = 60.0


def converged(folder: Path, runs: int) -> Iterator[Figure]:
    """Bring the northern spur up configured until every hospital reaches every other."""
    spur = folder / "spur"
    write_example(spur, "northern-spur")
    intent = load(spur).intent
    seconds = [call(lambda: _up_and_down(intent)) for _ in range(runs)]
    yield figure("northern-spur up, converged and down again", seconds, 30)


def _up_and_down(intent: Intent) -> None:
    configs = {name: config.text for name, config in intended_configs(intent).items()}
    lab = labs.bring_up(intent, configs=configs)
    try:
        lab.wait_converged(WITHIN_S)
    finally:
        lab.down()
