"""A full file system under a whole service: it reads, refuses what it cannot keep, goes on."""

import subprocess
import sys

import pytest

from tests.sanaga_process import ROOT

pytestmark = pytest.mark.netns


def test_a_service_on_a_full_disk_refuses_loses_nothing_and_goes_on_with_room(tmp_path):
    (tmp_path / "state").mkdir(mode=0o700)
    # The file system ends with the namespace of mounts.
    mount = 'mount -t tmpfs -o size=120m,mode=700 tmpfs "$1/state" && exec "$2" -m "$3" "$1"'
    program = "tests.rigs.service.full_disk"
    command = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        mount,
        "sh",
        str(tmp_path),
        sys.executable,
        program,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + (tmp_path / "service.log").read_text()
    assert done.stdout.startswith("nothing lost")
