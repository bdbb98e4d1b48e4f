"""What an edge carries: in memory, of which a small computer has little, and on its disk."""

import subprocess
import sys
from collections import Counter

import pytest

from tests.rigs.edge.edge_install import edge_libraries, installed_bytes

# What checks documents and signatures is loaded by processes of their own, for moments.
HEAVY = ("pydantic", "networkx", "numpy", "yaml", "typer", "netmiko")
LOADED = "import edge.main, edge.agent.daemon, sys; print(*sys.modules)"
MOST_BYTES = 40_000_000
ROOMS = {"edge", "inventory", "policies", "topology", "vpn"}
# Imports every module that is installed, as any process of an edge may.
EVERY_MODULE = """
import importlib, pkgutil, sys
for room in sys.argv[1:]:
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        print(importlib.import_module(module.name).__name__)
"""
# Every process that an edge runs.
PROGRAMS = {
    "edge.main",
    "edge.door",
    "edge.signed.verify_process",
    "edge.agent.daemon",
    "edge.agent.offline",
    "edge.cli.main",
    "edge.identity.enrolment",
    "edge.policy.schema",
    "edge.remote_access.join_device",
}


@pytest.fixture(scope="module")
def loaded():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("library", HEAVY)
def test_the_daemon_does_without(loaded, library):
    assert library not in loaded


def test_it_is_the_daemon_that_was_looked_at(loaded):
    assert {"edge.keys.gossip", "edge.keys.psk", "edge.keys.rotation"} <= loaded


def test_an_edge_is_small_on_the_disk(installed_edge):
    own = installed_edge.own_files()
    # Bytecode counts, as pip makes it.
    suffixes = Counter(path.suffix for path in own)
    assert suffixes[".pyc"] == suffixes[".py"] > 0
    weight = sum(path.stat().st_size for path in own)
    assert weight + installed_bytes(edge_libraries().values()) < MOST_BYTES


def test_an_edge_has_nothing_of_the_controller(installed_edge):
    own = [path.relative_to(installed_edge.packages).parts for path in installed_edge.own_files()]
    assert {room for room, *_ in own if not room.endswith(".dist-info")} == ROOMS
    assert not [
        parts for parts in own if parts[:2] in {("inventory", "exchange"), ("topology", "maps")}
    ]


def test_every_module_of_an_edge_finds_what_it_imports(installed_edge):
    done = installed_edge.run("-c", EVERY_MODULE, *sorted(ROOMS))
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) >= PROGRAMS


def test_what_an_edge_lacks_cannot_be_imported(installed_edge):
    assert (
        "ModuleNotFoundError: No module named 'rich'"
        in installed_edge.run("-c", "import rich").stderr
    )
    assert "No module named 'controller'" in installed_edge.run("-c", "import controller").stderr


def test_an_edge_has_its_unit_and_its_licence(installed_edge):
    names = {path.name for path in installed_edge.own_files()}
    assert names >= {"sanaga-edge.service", "LICENSE", "NOTICE"}
