"""The data plane's thread: what may hold it up, and what must not wait for it."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from edge.dataplane.thread import DataplaneThread
from edge.wireguard import go_process
from inventory.errors import EdgeError
from simulations.netns.namespaces import entered_namespace
from simulations.netns.waiting import eventually
from tests.rigs.edge.dataplane_world import Overlay, overlay, steering
from tests.rigs.edge.edge_rig import TWO
from tests.rigs.stopped_process import stopped

pytestmark = pytest.mark.netns

FIBRE, LEO = "fibre", "leo"


@pytest.fixture(scope="module")
def made() -> Iterator[Overlay]:
    with overlay(TWO, name="w") as built:
        yield built


@pytest.fixture
def worker(made: Overlay, tmp_path: Path) -> Iterator[DataplaneThread]:
    """Give a worker that has put the edge's policy into effect, its traffic on the fibre."""
    with entered_namespace(made.edge.space):
        own = DataplaneThread(tmp_path, made.edge.key)
        asyncio.run(own.open())
        asyncio.run(own.apply(made.edge.policy, steering(made.edge.policy, FIBRE, LEO)))
        yield own
        own.close()


def _device_of_ordinary_traffic(made: Overlay) -> str:
    said = made.world.exec("edge", "ip", "route", "get", "10.91.2.9", "from", "10.255.255.2")
    words = said.split()
    return words[words.index("dev") + 1]


def _takes(made: Overlay, device: str) -> bool:
    return _device_of_ordinary_traffic(made) == device


def _tunnels(made: Overlay) -> dict[str, str]:
    return {underlay.circuit: underlay.tunnel for underlay in made.edge.policy.underlays}


def test_traffic_moves_while_a_hung_tunnel_process_holds_up_the_rest(
    made: Overlay, worker: DataplaneThread
):
    fibre, leo = _tunnels(made)[FIBRE], _tunnels(made)[LEO]
    assert _device_of_ordinary_traffic(made) == fibre
    (pid,) = go_process.serving_processes(made.edge.policy.care.interface)
    with stopped(pid):
        assert asyncio.run(_moved_before_the_end(made, worker, leo))
    assert worker.fault == ""
    assert _device_of_ordinary_traffic(made) == leo


async def _moved_before_the_end(made: Overlay, worker: DataplaneThread, device: str) -> bool:
    """Return whether traffic took a device before a policy, asked for first, was in effect."""
    policy = made.edge.policy
    applying = asyncio.ensure_future(worker.apply(policy, steering(policy, FIBRE, LEO)))
    await asyncio.sleep(0)
    worker.steer(steering(policy, LEO))
    moved = partial(_takes, made, device)
    await asyncio.to_thread(eventually, moved, within_s=60, what="traffic moved")
    soon = not applying.done()
    with suppress(EdgeError):
        await applying
    return soon


def test_way_decided_while_a_policy_waits_goes_along_with_it(
    made: Overlay, worker: DataplaneThread
):
    asyncio.run(_steered_before_it_begins(made, worker))
    assert _device_of_ordinary_traffic(made) == _tunnels(made)[LEO]


async def _steered_before_it_begins(made: Overlay, worker: DataplaneThread) -> None:
    policy = made.edge.policy
    applying = asyncio.ensure_future(worker.apply(policy, steering(policy, FIBRE, LEO)))
    await asyncio.sleep(0)
    worker.steer(steering(policy, LEO))
    await applying


def test_steering_without_a_policy_is_a_fault_and_no_error(tmp_path: Path, made: Overlay):
    idle = DataplaneThread(tmp_path, made.edge.key)
    idle.steer(steering(made.edge.policy, LEO))
    assert "no policy is in effect" in idle.fault
    idle.close()
