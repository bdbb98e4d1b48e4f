"""One FRR router with ports, for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.netns.controller.frr_configs import PORTS
from tests.netns.controller.frr_router import FrrRouter, frr_routers, lan


@pytest.fixture(scope="module")
def router() -> Iterator[FrrRouter]:
    """Give a blank router."""
    with frr_routers(["r1"]) as routers:
        for port in PORTS:
            lan(routers["r1"], port)
        yield routers["r1"]
