"""What the daemon of an edge keeps in memory: a small computer's is soon full."""

import subprocess
import sys

import pytest

# What checks documents and signatures is loaded by processes of their own, for moments.
HEAVY = ("pydantic", "networkx", "numpy", "yaml", "typer", "netmiko")
LOADED = "import edge.main, edge.agent.daemon, sys; print(*sys.modules)"


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
