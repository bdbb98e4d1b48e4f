"""WireGuard by the kernel itself: the contract, and interfaces that were wireguard-go's."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from edge.wireguard import go_process, wireguard_py
from edge.wireguard.kernel import KernelWireGuard
from edge.wireguard.model import TunnelPeer
from edge.wireguard.syncconf import WireGuardFiles
from edge.wireguard.userspace import WireGuardGo
from tests.contract.wireguard_contract import WireGuardContract
from tests.rigs.wireguard.wireguard_rig import FAR, Pair, new_key
from tests.rigs.wireguard.wireguard_rig import pair as a_pair
from vpn.key_text import public_text
from vpn.wireguard import key_backends

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
    """The contract, with private keys set by wireguard-py."""

    @pytest.fixture
    def pair(self) -> Iterator[Pair]:
        with a_pair(KernelWireGuard(wireguard_py.library_writer("")), within_s=WITHIN_S) as made:
            yield made

    def test_wireguard_py_sets_keys_and_ports_and_no_peers(self, pair: Pair, monkeypatch):
        asked = []
        set_device = key_backends.wireguard_py("").set_device

        def heard(name: bytes, **what: object) -> None:
            asked.append({key for key, value in what.items() if value is not None})
            set_device(name, **what)

        for other in ("set_peer", "delete_peer", "list_peers"):
            monkeypatch.delattr(f"wireguard_py.{other}")
        monkeypatch.setattr("wireguard_py.set_device", heard)
        many = [TunnelPeer(public_text(new_key()), (ip_network(f"10.{n}.0.0/16"),), keepalive_s=9)
                for n in range(20, 50)]  # fmt: skip
        tunnel = pair.near_tunnel(*many)
        pair.near.ensure(tunnel)
        pair.near.ensure(replace(tunnel, peers=tunnel.peers[:3]))
        pair.near.ensure(tunnel, new_key())
        assert asked == [{"priv_key", "port"}, {"priv_key"}]
        assert pair.near.ensure(tunnel) == (f"{pair.near.name}: set the private key",)
        assert pair.near.ensure(tunnel) == ()


@pytest.mark.usefixtures("tun")
def test_an_interface_of_wireguard_go_is_taken_over(pair: Pair):
    before = replace(pair.near, wireguard=WireGuardGo())
    before.ensure(pair.near_tunnel())
    assert go_process.serving_processes(pair.near.name)
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
