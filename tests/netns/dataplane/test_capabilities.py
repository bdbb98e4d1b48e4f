"""Asking the kernel what it offers."""

import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from edge.dataplane import capabilities
from edge.dataplane.capabilities import KernelCapabilities
from edge.wireguard.kernel import KernelWireGuard
from edge.wireguard.userspace import WireGuardGo
from inventory.errors import EdgeError
from tests.rigs.edge.edge_install import unit_capabilities
from tests.rigs.laboratory.lab_networks import unique
from tests.rigs.wireguard.wireguard_rig import namespace

pytestmark = pytest.mark.netns

NOTHING = KernelCapabilities(
    wireguard=False, tun=False, htb=False, ifb=False, duplicate=False, nexthop=False
)


def interfaces() -> str:
    return subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout


def test_the_answer_about_wireguard_is_what_ip_says():
    name = f"sgt-{unique('o')}"
    with namespace(name):
        made = subprocess.run(
            ["ip", "-n", name, "link", "add", "wg0", "type", "wireguard"], check=False
        )
    assert capabilities.probe().wireguard == (made.returncode == 0)


def test_what_the_tests_of_the_data_plane_need_is_offered_here():
    found = asdict(capabilities.probe())
    assert {name: found[name] for name in ("tun", "htb", "ifb", "duplicate")} == {
        "tun": True,
        "htb": True,
        "ifb": True,
        "duplicate": True,
    }


def test_asking_leaves_nothing_behind():
    before = interfaces()
    capabilities.probe()
    assert "trial" not in interfaces()
    assert "trial" not in before


def test_a_service_without_all_of_roots_power_gets_the_same_answer():
    kept = ",".join(f"+{name}" for name in unit_capabilities())
    program = "from edge.dataplane.capabilities import probe; print(probe())"
    confined = ["setpriv", "--no-new-privs", "--bounding-set", f"-all,{kept}", "--inh-caps", "-all"]
    done = subprocess.run(
        [*confined, sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(capabilities.probe())


def test_what_the_kernel_does_not_know_is_not_accepted():
    assert not capabilities._accepted(
        capabilities.NAMESPACE, "ip", "link", "add", "trial", "type", "no-such-kind"
    )


def test_the_kernels_own_wireguard_is_preferred():
    assert isinstance(
        capabilities.wireguard(replace(NOTHING, wireguard=True, tun=True)), KernelWireGuard
    )
    assert isinstance(capabilities.wireguard(replace(NOTHING, tun=True)), WireGuardGo)


def test_a_machine_without_any_wireguard_is_told_what_to_load():
    with pytest.raises(EdgeError, match="modprobe wireguard"):
        capabilities.wireguard(NOTHING)
