"""Laboratories for tests, always taken down."""

from collections.abc import Iterator

import pytest

from simulations.lab import lab as labs
from simulations.lab.faults import FaultKind
from simulations.lab.lab import Lab
from tests.lab_networks import converged_triangle, unique

CONVERGE_WITHIN_S = 60
# Files that count every packet of a call; each keeps a core busy, so they do not run side by side.
CALLS = frozenset(
    {
        "test_edge_daemon",
        "test_edge_faults",
        "test_failover_harness",
        "test_lab_edges_at_work",
        "test_random_faults",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, and all files that count calls."""
    for item in items:
        if item.get_closest_marker("netns"):
            name = item.path.stem
            item.add_marker(pytest.mark.xdist_group("calls" if name in CALLS else name))


@pytest.fixture
def blank_name() -> Iterator[str]:
    """Give a name; whatever the test leaves under it is removed."""
    name = unique("b")
    yield name
    labs.down(name)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Give a converged laboratory of three sites."""
    with converged_triangle("t", within_s=CONVERGE_WITHIN_S) as made:
        yield made


@pytest.fixture
def sane(lab: Lab) -> Iterator[Lab]:
    """Give the laboratory, and repair every router afterwards."""
    yield lab
    for router in lab.blueprint.routers:
        lab.fault(router.device, FaultKind.NONE)


@pytest.fixture
def whole(lab: Lab) -> Iterator[Lab]:
    """Give the converged laboratory, and restore every circuit afterwards."""
    lab.wait_converged(CONVERGE_WITHIN_S)
    yield lab
    for wire in lab.blueprint.wires:
        lab.restore(wire.circuit)
