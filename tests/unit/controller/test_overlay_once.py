"""A command computes the tunnels of an intent once; for a country that takes a while."""

import shutil

import pytest

from controller.cli.main import run
from controller.intended.overlay import build_overlay
from tests.rigs.people.vpn_folder import EDGE
from tests.sanaga_process import SMALL
from vpn.wireguard import keys

# The edge takes its site's LANs from the router, and has no circuit.
FAILING = (
    "from mora, records at yaounde reachable",
    "if circuit mora-kolofata-microwave fails, "
    "consultation-video from kolofata still meets its SLO",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with an edge that moves to another key and that nobody reaches."""
    monkeypatch.setenv("SANAGA_STATE_DIR", str(tmp_path / "state"))
    made = shutil.copytree(SMALL, tmp_path / "small")
    door = "platform: linux\n    lan: true\n    management: {address: 127.0.0.1, port: 9}"
    edge = EDGE.replace("platform: linux", door).partition("gateways:")[0]
    (made / "edge.yaml").write_text(edge, encoding="utf-8")
    devices = (made / "devices.yaml").read_text(encoding="utf-8")
    first = "name: yaounde-r1\n"
    assert first in devices
    devices = devices.replace(first, f"{first}    lan: false\n")
    (made / "devices.yaml").write_text(devices, encoding="utf-8")
    pair = " ".join(keys.public_of(keys.generate_private()) for _ in range(2))
    (made / "edge_keys").write_text(f"yaounde-e1 {pair}\n", encoding="utf-8")
    return made


@pytest.fixture
def computed(monkeypatch):
    """Return the intents whose overlays were computed, in order."""
    found = []

    def counted(intent, *rest):
        found.append(intent)
        return build_overlay(intent, *rest)

    for module in ("controller.intended.overlay", "controller.planning.plan"):
        monkeypatch.setattr(f"{module}.build_overlay", counted)
    return found


@pytest.mark.parametrize("form", ["table", "json"])
def test_plan_computes_the_overlay_once(folder, computed, tmp_path, form):
    (tmp_path / "running").mkdir()
    words = ["plan", str(folder), "--running", str(tmp_path / "running"), "-o", form]
    for text in FAILING:
        words += ["--allow-failing", text]
    assert run(words) == 2
    assert len(computed) == 1


def test_settle_computes_the_overlay_once_at_most(folder, computed):
    words = ["vpn", "site", "settle", "--dir", str(folder), "--because", "yearly"]
    assert run(words) == 5
    assert len(computed) <= 1


@pytest.mark.parametrize("words", [["explain", "yaounde-e1"], ["show", "yaounde-r1"]])
def test_what_is_shown_of_a_device_computes_it_once(folder, computed, words):
    assert run([*words, "--dir", str(folder)]) == 0
    assert len(computed) == 1
