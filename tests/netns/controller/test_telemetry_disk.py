"""A file system that is full: telemetry is refused, nothing is lost, and it goes on with room."""

import subprocess
import sys

import pytest

from tests.sanaga_process import ROOT

pytestmark = pytest.mark.netns

# The process mounts a small disk in a namespace of mounts that ends with it.
STORY = """
import sys
from pathlib import Path
from queue import Queue

from controller.clock import SystemClock
from controller.telemetry.current_state import CurrentState
from controller.telemetry.housekeeping import Housekeeping, Reserve
from controller.telemetry.intake import Intake, Lane, Outcome
from tests.rigs.controller.telemetry_rig import EDGE, NOON, SPOOL, arrival, minute
from tests.rigs.controller.telemetry_service import open_series

folder = Path(sys.argv[1])
ballast = folder / "ballast"
series = open_series(folder)
reserve = Reserve(folder / "reserve", 1024 * 1024)
intake = Intake(series, CurrentState(), Housekeeping(series, SystemClock(), reserve))
outcomes = Queue()
intake.start()


def offer(number, lane):
    intake.offer(arrival(minute(number, NOON + 60 * number)), lane, outcomes.put)
    return outcomes.get(timeout=60)


lane = Lane()
assert offer(1, lane) is Outcome.STORED
assert reserve.hold()
with ballast.open("wb", buffering=0) as filled:
    try:
        while True:
            filled.write(bytes(4096))
    except OSError:
        pass
number = 2
while offer(number, lane) is Outcome.STORED:
    number += 1
    assert number < 100_000
assert "full" in intake.fault, intake.fault
assert not (folder / "reserve").exists(), "the reserve was not given up"
assert offer(number, Lane()) is Outcome.REFUSED
assert "too little room" in intake.fault, intake.fault
assert series.last_message(EDGE, SPOOL).sequence == number - 1
ballast.unlink()
again = Lane()
assert offer(number, again) is Outcome.STORED
assert intake.fault == ""
assert (folder / "reserve").exists()
intake.stop()
assert series.last_message(EDGE, SPOOL).sequence == number
print("nothing lost", number)
"""


def test_a_full_file_system_refuses_and_goes_on_when_there_is_room(tmp_path):
    mount = 'mount -t tmpfs -o size=40m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "sh", "-c", mount, "sh", str(tmp_path), sys.executable, STORY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nothing lost")
