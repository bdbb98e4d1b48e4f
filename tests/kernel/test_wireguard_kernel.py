"""WireGuard by the kernel itself: the contract, and interfaces that were wireguard-go's."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from edge.dataplane import process, wireguard_py
from edge.dataplane.kernel import KernelWireGuard
from edge.dataplane.syncconf import WireGuardFiles
from edge.dataplane.userspace import WireGuardGo
from edge.dataplane.wireguard import TunnelPeer
from tests.contract.wireguard_contract import WireGuardContract
from tests.wireguard_rig import FAR, Pair
from tests.wireguard_rig import pair as a_pair
from vpn import keymakers

pytestmark = pytest.mark.kernel

WITHIN_S = 120
needs_wireguard_py = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="wireguard-py does not build on this Python"
)


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


@needs_wireguard_py
class TestWireGuardPy(WireGuardContract):
    """The contract, by wireguard-py where it can say a change."""

    @pytest.fixture
    def pair(self) -> Iterator[Pair]:
        with a_pair(KernelWireGuard(wireguard_py.writer()), within_s=WITHIN_S) as made:
            yield made


class Heard:
    """wireguard-py, writing down what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        found = getattr(keymakers.wireguard_py(), name)
        if callable(found):
            self.asked.append(name)
        return found


@needs_wireguard_py
def test_wireguard_py_is_asked_for_what_it_can_say_and_for_nothing_else():
    library = Heard()
    how = KernelWireGuard(partial(wireguard_py._write, library))
    with a_pair(how, within_s=WITHIN_S) as pair:
        (peer,) = pair.near_tunnel().peers
        steps: tuple[tuple[TunnelPeer, list[str]], ...] = (
            (peer, ["set_device"]),
            (replace(peer, allowed=()), ["set_peer"]),
            (replace(peer, allowed=(), keepalive_s=9), []),
            (replace(peer, allowed=(), keepalive_s=9, preshared_key=b"\x05" * 32), []),
        )
        for wanted, asked in steps:
            library.asked.clear()
            assert pair.near.ensure(replace(pair.near_tunnel(), peers=(wanted,)))
            assert library.asked == asked
        library.asked.clear()
        assert pair.near.ensure(replace(pair.near_tunnel(), peers=()))
        assert library.asked == ["delete_peer"]


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
