"""WireGuard by the kernel itself: the contract, and interfaces that were wireguard-go's."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.dataplane import process
from edge.dataplane.kernel import KernelWireGuard
from edge.dataplane.syncconf import WireGuardFiles
from edge.dataplane.userspace import WireGuardGo
from tests.contract.wireguard_contract import WireGuardContract
from tests.wireguard_rig import FAR, Pair
from tests.wireguard_rig import pair as a_pair

pytestmark = pytest.mark.kernel

WITHIN_S = 120


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give two places where the kernel's WireGuard works."""
    with a_pair(KernelWireGuard(), within_s=WITHIN_S) as made:
        yield made


@pytest.fixture
def tun() -> None:
    """Load what wireguard-go needs; a machine with udev would do so when it is asked for."""
    subprocess.run(["modprobe", "tun"], check=True)


class TestKernelWireGuard(WireGuardContract):
    """The contract, by the kernel."""


class TestKernelFiles(WireGuardContract):
    """The contract, by files that wg loads into the kernel."""

    @pytest.fixture
    def pair(self, tmp_path: Path) -> Iterator[Pair]:
        with a_pair(WireGuardFiles(tmp_path, KernelWireGuard()), within_s=WITHIN_S) as made:
            yield made


@pytest.mark.usefixtures("tun")
def test_an_interface_of_wireguard_go_is_taken_over(pair: Pair):
    before = replace(pair.near, wireguard=WireGuardGo())
    before.ensure(pair.near_tunnel())
    assert process.servers(pair.near.name)
    assert pair.near.ensure(pair.near_tunnel())
    assert pair.near.interface()["linkinfo"]["info_kind"] == "wireguard"
    pair.far.ensure(pair.far_tunnel())
    pair.route()
    assert pair.near.hears(FAR.ip, within_s=WITHIN_S)


@pytest.mark.usefixtures("tun")
def test_an_interface_of_the_kernel_is_taken_over_by_wireguard_go(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    after = replace(pair.near, wireguard=WireGuardGo())
    assert after.ensure(pair.near_tunnel())
    try:
        assert after.state()
        assert pair.near.interface()["linkinfo"]["info_kind"] == "tun"
    finally:
        after.remove()
