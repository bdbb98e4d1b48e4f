"""The folder of an edge that release 0.1 enrolled: this release's daemon goes on with it.

The daemon runs from an installation of an edge's own, as on a site's computer.
"""

import subprocess
from functools import partial
from pathlib import Path

import pytest

from edge.control import client as control
from inventory.errors import EdgeError
from simulations.netns import namespaces
from simulations.netns.waiting import eventually
from tests.former_release import unpack
from tests.rigs.laboratory.lab_networks import unique

pytestmark = pytest.mark.netns

READY_WITHIN_S = 60.0


@pytest.fixture
def namespace():
    name = unique("former")
    namespaces.run_ip_batch([f"netns add {name}"])
    try:
        namespaces.run_ip_batch(["link set lo up"], name)
        yield name
    finally:
        namespaces.run_ip_batch([f"netns del {name}"])


def status(folder: Path):
    try:
        return control.request(folder, "status")["status"]
    except EdgeError:
        return None


def test_daemon_goes_on_with_the_policy_the_people_and_the_keys(
    namespace, tmp_path, installed_edge
):
    unpack(tmp_path)
    folder = tmp_path / "edge"
    inside = ["ip", "netns", "exec", namespace, installed_edge.sanaga, "edge"]
    argv = [*inside, "run", "--dir", str(folder)]
    daemon = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = eventually(partial(status, folder), within_s=READY_WITHIN_S, what="an answer")
        assert (said["device"], said["policy"]["serial"]) == ("kolofata-e1", 2)
        assert said["people"]["serial"] == 4
        assert said["revoked"]["serial"] == 3
        assert control.request(folder, "pairs")["pairs"]["1"]["peers"] == ["yaounde-e1"]
        shown = subprocess.run(
            [*inside, "status", "--dir", str(folder)], capture_output=True, check=False
        )
        assert b"yaounde-e1" in shown.stdout, shown.stderr
    finally:
        subprocess.run([*inside, "stop", "--dir", str(folder)], check=True, capture_output=True)
        daemon.communicate(timeout=60)
