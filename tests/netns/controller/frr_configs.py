"""Two configurations of a router with packet filters, and one router that runs either."""

from ipaddress import ip_address
from typing import Final

from controller.frr_door.configuration_text import split
from controller.intended.render import render
from controller.intended.routers import intended_routers
from controller.intended.segments import segment_openings
from controller.model import DeviceConfig, Intended
from inventory.model import Intent, Ports
from policies.clinical import read_catalogue
from tests.factories import Draft
from tests.netns.controller.frr_router import FrrRouter
from vpn.model import ServiceHost

PORTS: Final = ("eth1", "eth2", "vlan10", "vlan20", "vlan30", "vlan40", "vlan99")
RECORDS: Final = ServiceHost(
    "records", "yaounde", (ip_address("10.0.3.140"),), (Ports("tcp", 443, 443),)
)


def configs() -> tuple[DeviceConfig, DeviceConfig]:
    """Return what a router runs, and what it is to run with another circuit and service."""
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    draft.circuit("first", "yaounde-r1", "maroua-r1")
    old = render(_intended(draft.intent()))
    draft.circuit("second", "yaounde-r1", "maroua-r1", description="new in town")
    return old, render(_intended(draft.intent(), RECORDS))


def _intended(intent: Intent, *hosts: ServiceHost) -> Intended:
    opened = segment_openings(read_catalogue(), hosts, intent.network.plan)
    return intended_routers(intent, (), opened)["maroua-r1"]


def unfiltered(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration without its packet filter."""
    return DeviceConfig(split(config.text)[0])


def runs(router: FrrRouter, config: DeviceConfig) -> None:
    """Let a router run a configuration, confirmed."""
    driver = router.driver()
    driver.rollback()
    if driver.read() != config:
        driver.stage(config)
        driver.commit(confirm_within_s=60)
        driver.confirm()
    driver.close()
