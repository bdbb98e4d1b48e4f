"""Every router of a small network, as rendered: reviewed as a diff."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from controller.intended.render import render
from controller.intended.routers import intended_routers
from controller.intended.segments import segment_openings
from inventory.model import Intent, Medium, Ports, StaticRoute
from policies.clinical import read_catalogue
from tests.factories import Draft
from tests.golden_files import assert_golden
from vpn.model import ServiceHost

EXPECTED = Path(__file__).parent / "rendered"


def _intent() -> Intent:
    """Return a chain of four sites, redundancy, a drained, a switched off and a leo circuit."""
    draft = Draft()
    draft.site("yaounde", title="Yaoundé")
    draft.device("yaounde", 2)
    draft.site("maroua", "yaounde")
    draft.site("mayo-sava", "maroua", title="Mayo-Sava (Mora)")
    draft.site("kolofata", "mayo-sava", description="Hôpital de District de Kolofata")
    draft.circuit("yaounde-core", "yaounde-r1", "yaounde-r2")
    draft.circuit("maroua-fibre", "yaounde-r1", "maroua-r1")
    draft.circuit("maroua-microwave", "yaounde-r2", "maroua-r1", medium=Medium.MICROWAVE)
    draft.circuit("mayo-sava-fibre", "maroua-r1", "mayo-sava-r1", maintenance=True)
    draft.circuit("kolofata-fibre", "mayo-sava-r1", "kolofata-r1", description="x\n no router bgp")
    draft.circuit("kolofata-vsat", "maroua-r1", "kolofata-r1", medium=Medium.VSAT)
    draft.circuit("kolofata-old", "maroua-r1", "kolofata-r1", enabled=False)
    draft.circuit("kolofata-leo", "kolofata-r1", "provider:leo", medium=Medium.LEO)
    legacy = StaticRoute(ip_network("198.51.100.0/24"), "10.0.8.5")
    draft.sites["kolofata"] = replace(draft.sites["kolofata"], routes=(legacy,))
    draft.devices["yaounde-r2"] = replace(draft.devices["yaounde-r2"], packet_filter=False)
    return draft.intent()


def _rendered(name: str) -> str:
    intent = _intent()
    records = ServiceHost(
        "records", "yaounde", (ip_address("10.0.3.140"),), (Ports("tcp", 443, 443),)
    )
    opened = segment_openings(read_catalogue(), (records,), intent.network.plan)
    return render(intended_routers(intent, (), opened)[name]).text


@pytest.mark.parametrize("name", sorted(_intent().devices))
def test_router_is_rendered_as_reviewed(name: str):
    assert_golden(EXPECTED / f"{name}.conf", _rendered(name))


def test_no_golden_file_is_left_over():
    assert {file.stem for file in EXPECTED.glob("*.conf")} == set(_intent().devices)
