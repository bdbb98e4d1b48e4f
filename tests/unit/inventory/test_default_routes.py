"""Default routes: whatever no other route wants leaves the network at a site."""

import shutil
from pathlib import Path

import pytest

from controller.intended.render import render
from controller.intended.routers import intended_routers
from inventory.documents.entries import read_documents
from inventory.intent import check_intent, load_intent

SMALL = Path(__file__).parents[2] / "fixtures" / "small"
CENTRAL = "  - name: yaounde\n    number: 1\n"
DEFAULTS = '{prefix: 0.0.0.0/0, via: 10.0.2.5}, {prefix: "::/0", via: "fd5a:6e61:6700:11::5"}'


@pytest.fixture
def folder(tmp_path):
    """A copy of the small network to change."""
    return Path(shutil.copytree(SMALL, tmp_path / "small"))


def write(folder, file, before, after):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def faults(folder):
    return [str(fault) for fault in check_intent(read_documents(folder))[1]]


def test_a_default_route_is_routed_and_announced_by_the_sites_router_alone(folder):
    write(folder, "sites.yaml", CENTRAL, f"{CENTRAL}    routes: [{DEFAULTS}]\n")
    made = {name: render(one).text for name, one in intended_routers(load_intent(folder)).items()}
    lines = made["yaounde-r1"].splitlines()
    assert "ip route 0.0.0.0/0 10.0.2.5" in lines
    assert "ipv6 route ::/0 fd5a:6e61:6700:11::5" in lines
    assert lines.count("  network 0.0.0.0/0") == lines.count("  network ::/0") == 1
    assert not any("0.0.0.0/0" in text for name, text in made.items() if name != "yaounde-r1")


def test_several_sites_may_have_a_default_route_but_each_one_only(folder):
    write(folder, "sites.yaml", CENTRAL, f"{CENTRAL}    routes: [{DEFAULTS}]\n")
    other = "{prefix: 0.0.0.0/0, via: 10.0.10.5}"
    write(
        folder,
        "sites.yaml",
        "      - {prefix: 198.51.100.0/24",
        f"      - {other}\n      - {{prefix: 198.51.100.0/24",
    )
    assert faults(folder) == []
    write(folder, "sites.yaml", other, f"{other}\n      - {other}")
    (fault,) = faults(folder)
    assert "a second default route 0.0.0.0/0 of the site; keep one of them" in fault


def test_a_default_route_behind_an_edge_is_refused(folder):
    write(folder, "sites.yaml", CENTRAL, f"{CENTRAL}    routes: [{DEFAULTS}]\n")
    edge = (
        "devices:\n  - {name: yaounde-e1, site: yaounde, number: 3, role: edge, platform: linux}\n"
    )
    write(folder, "devices.yaml", "devices:\n", edge)
    told = [fault for fault in faults(folder) if "default route" in fault]
    assert len(told) == 2
    assert "a default route at 'yaounde', which has an edge; write it at a site" in told[0]
