"""What an edge carries: in memory, of which a small computer has little, and on its disk."""

import subprocess
import sys

import pytest

from tests.rigs.edge.edge_install import (
    OURS,
    ROOT,
    command,
    edge_libraries,
    installed_bytes,
    lacking_modules,
)

# What checks documents and signatures is loaded by processes of their own, for moments.
HEAVY = ("pydantic", "networkx", "numpy", "yaml", "typer", "netmiko")
LOADED = "import edge.main, edge.agent.daemon, sys; print(*sys.modules)"
# The aim is 40 MB. The one wheel brings the controller's service along, of which an edge runs
# nothing; a wheel of an edge's own rooms brings it back below (docs/decisions.md).
MOST_BYTES = 45_000_000
# Of a source file, its bytecode is about twice as large.
WITH_BYTECODE = 3
# Every process that an edge runs.
PROGRAMS = (
    "edge.main",
    "edge.door",
    "edge.signed.verify_process",
    "edge.agent.daemon",
    "edge.agent.offline",
    "edge.identity.enrolment",
    "edge.policy.schema",
    "edge.remote_access.join_device",
)


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


def test_an_edge_is_small_on_the_disk():
    sources = (path for room in OURS for path in (ROOT / room).rglob("*") if path.is_file())
    own = sum(path.stat().st_size for path in sources if "__pycache__" not in path.parts)
    assert WITH_BYTECODE * own + installed_bytes(edge_libraries().values()) < MOST_BYTES


def test_libraries_that_an_edge_lacks_are_known():
    assert {"matplotlib", "netmiko", "networkx", "typer", "rich", "yaml"} <= set(lacking_modules())
    done = subprocess.run(command("import rich"), capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: No module named 'rich'" in done.stderr


@pytest.mark.parametrize("module", PROGRAMS)
def test_an_edge_runs_with_its_own_libraries(module):
    done = subprocess.run(command(f"import {module}"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
