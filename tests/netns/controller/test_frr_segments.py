"""A real router keeps the hosts of its LANs apart, and its BGP port to its peers."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

import pytest

from controller.model import DeviceConfig
from tests.netns.controller.frr_configs import configs, runs, unfiltered
from tests.netns.controller.frr_router import FrrRouter, run
from tests.rigs.waiting import eventually

pytestmark = pytest.mark.netns
CLINICAL, PATIENTS = "vlan10", "vlan30"


@dataclass(frozen=True)
class Host:
    """A host on a LAN: its namespace, its address and that of its gateway."""

    namespace: str
    address: IPv4Address
    gateway: IPv4Address

    def exec(self, *argv: str) -> str:
        return run("ip", "netns", "exec", self.namespace, *argv, check=False)

    def pings(self, target: IPv4Address) -> bool:
        return " 1 received" in self.exec("ping", "-n", "-c1", "-W2", str(target))

    def connects(self, target: IPv4Address, port: int) -> bool:
        command = f"exec 3<>/dev/tcp/{target}/{port} && echo connected"
        return "connected" in self.exec("timeout", "3", "bash", "-c", command)


@contextmanager
def host(router: FrrRouter, port: str, config: DeviceConfig) -> Iterator[Host]:
    """Put a host at the far end of a LAN's port."""
    found = re.search(rf"interface {port}\n(?: .*\n)*? ip address (\S+)", config.text)
    assert found
    lan = IPv4Interface(found[1])
    made = Host(f"{router.namespace}{port[-2:]}"[-15:], lan.ip + 1, lan.ip)
    run("ip", "netns", "add", made.namespace)
    try:
        far = f"{port}-far"
        run("ip", "-n", router.namespace, "link", "set", far, "netns", made.namespace)
        for words in (
            ("addr", "add", f"{made.address}/{lan.network.prefixlen}", "dev", far),
            ("link", "set", far, "up"),
            ("route", "add", "default", "via", str(made.gateway)),
        ):
            run("ip", "-n", made.namespace, *words)
        yield made
    finally:
        run("ip", "netns", "del", made.namespace)


def test_patients_reach_neither_clinical_hosts_nor_bgp_while_the_filter_is_loaded(
    router: FrrRouter,
):
    filtering, _ = configs()
    runs(router, filtering)
    with ExitStack() as stack:
        patient, nurse = (
            stack.enter_context(host(router, port, filtering)) for port in (PATIENTS, CLINICAL)
        )
        eventually(lambda: patient.pings(patient.gateway), 30, "the gateway answers patients")
        eventually(lambda: nurse.pings(nurse.gateway), 30, "the gateway answers nurses")
        assert not patient.pings(nurse.address)
        assert not patient.pings(nurse.gateway)
        assert not patient.connects(patient.gateway, 179)
        runs(router, unfiltered(filtering))
        eventually(lambda: patient.pings(nurse.address), 30, "without a filter all is open")
        assert patient.connects(patient.gateway, 179)
        runs(router, filtering)
        assert not patient.pings(nurse.address)
