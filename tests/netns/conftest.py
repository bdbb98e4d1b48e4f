"""Laboratories for tests, always taken down."""

from collections.abc import Iterator

import pytest

from simulations.devices.faults import FaultKind
from simulations.lab import lab as labs
from simulations.lab.lab import Lab
from tests.rigs.laboratory.lab_networks import NAMES, converged_triangle, leftovers, unique

CONVERGE_WITHIN_S = 60


@pytest.fixture(scope="session", autouse=True)
def nothing_left() -> Iterator[None]:
    """See to it that no laboratory of these tests left anything, namespaces without names too."""
    yield
    assert {name: left for name in NAMES if (left := leftovers(name))} == {}


@pytest.fixture
def blank_name() -> Iterator[str]:
    """Give a name; whatever the test leaves under it is removed."""
    name = unique("b")
    yield name
    labs.take_down(name)


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
