"""The spool of an edge: every number once, within bounds, whatever happens to disk and process."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.reporting import spool
from edge.reporting.records import Record
from edge.reporting.spool import CURRENT, FOLDER, SUFFIX, Spool, SpoolLimits
from edge.telemetry import frames
from tests.rigs.edge.telemetry_messages import idle_minute

ROOM = 10**12
MINUTES = 640


SAMPLES = [
    replace(one, summaries=one.summaries[::3])
    for one in (idle_minute(sequence=seed + 1, seed=seed) for seed in range(7))
]


def no_sync(_: int) -> None:
    """Leave octets to the kernel: what is tested outlives a killed process, not a power cut."""


def opened(folder: Path, free: int = ROOM, **limits: int) -> Spool:
    made = Spool(folder, SpoolLimits(**limits), free_octets=lambda _: free, sync=no_sync)
    made.open()
    return made


def minute(number: int, *, sent: bool = False, boot: str = "0000000a") -> Record:
    message = replace(SAMPLES[number % 7], sequence=number, boot=boot, uptime_s=60.0 * number)
    return Record(number, frames.encode(message), span_s=60, sent=sent)


def fill(held: Spool, count: int, *, sent: bool = False, boot: str = "0000000a") -> None:
    for _ in range(count):
        held.append(minute(held.next_number, sent=sent, boot=boot))


def covered(held: Spool, after: int = 0) -> list[int]:
    """Return every number that the records of a spool stand for."""
    records = held.pending(after, 1_000_000)
    return [number for one in records for number in range(one.first, one.number + 1)]


def files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob(f"*/*{SUFFIX}"))


def test_what_was_kept_is_there_after_a_restart_and_numbers_go_on(tmp_path):
    before = opened(tmp_path)
    fill(before, 150)
    after = opened(tmp_path)
    assert after.identity == before.identity
    assert covered(after) == [*range(1, 151)]
    assert after.next_number == 151
    fill(after, 1)
    assert covered(opened(tmp_path)) == [*range(1, 152)]


def test_what_is_acknowledged_goes_and_its_numbers_are_not_given_again(tmp_path):
    held = opened(tmp_path)
    fill(held, 150)
    held.acknowledge(150)
    assert held.state().pending == 0
    assert len(files(tmp_path)) == 1
    assert opened(tmp_path).next_number == 151


def test_a_part_is_acknowledged(tmp_path):
    held = opened(tmp_path)
    fill(held, 150)
    held.acknowledge(70)
    assert covered(held, held.acknowledged) == [*range(71, 151)]
    assert (held.state().pending, held.state().oldest) == (80, 71)


@pytest.mark.parametrize("cut", [1, 7, 30, 150])
def test_a_record_that_a_power_cut_tore_is_given_again(tmp_path, cut):
    held = opened(tmp_path)
    fill(held, 3)
    (file,) = files(tmp_path)
    os.truncate(file, file.stat().st_size - cut)
    again = opened(tmp_path)
    assert again.next_number == 3
    fill(again, 2)
    assert covered(opened(tmp_path)) == [1, 2, 3, 4]


def test_octets_that_rotted_hide_what_is_behind_them_in_their_file_alone(tmp_path):
    held = opened(tmp_path)
    fill(held, 2 * spool.FILE_RECORDS)
    first, _ = files(tmp_path)
    octets = bytearray(first.read_bytes())
    octets[5_000] ^= 0x40
    first.write_bytes(octets)
    found = covered(opened(tmp_path))
    assert found[-spool.FILE_RECORDS :] == [*range(spool.FILE_RECORDS + 1, 129)]
    assert 1 <= found.index(spool.FILE_RECORDS + 1) < spool.FILE_RECORDS


def test_a_killed_process_loses_nothing_that_it_said_it_keeps(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.unit.edge.reporting.test_spool import *\n"
        "held = Spool(Path(sys.argv[1])); held.open()\n"
        "while True:\n"
        "    fill(held, 1); print(held.next_number - 1, flush=True)\n"
    )
    killed_at = 0
    for round_number in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout
            for line in running.stdout:
                killed_at = int(line)
                if killed_at >= 20 * (round_number + 1):
                    break
            running.send_signal(signal.SIGKILL)
        found = covered(opened(tmp_path))
        assert found == [*range(1, len(found) + 1)]
        # What was written when the signal came may be there as well.
        assert len(found) >= killed_at


def test_old_messages_are_merged_before_any_is_given_up(tmp_path):
    held = opened(tmp_path, octets=70_000)
    fill(held, MINUTES)
    assert held.state().octets <= 70_000
    assert held.given_up == 0
    assert covered(held) == [*range(1, MINUTES + 1)]
    levels = [record.level for record in held.pending(0, 1_000_000)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 0
    assert levels[-1] == 0


def test_merged_messages_say_what_the_single_ones_said(tmp_path):
    told = [frames.decode(minute(number).frame) for number in range(1, 65)]
    held = opened(tmp_path, octets=30_000)
    fill(held, 256)
    first = frames.decode(held.pending(0, 1)[0].frame)
    told = told[: first.sequence]
    for count in ("sent", "lost_out", "heard_in", "sent_octets", "seconds"):
        single = sum(getattr(one, count) for message in told for one in message.summaries)
        assert sum(getattr(one, count) for one in first.summaries) == single
    spread_counts = sum(one.delay_ms.count for one in first.summaries if one.delay_ms)
    assert spread_counts == sum(
        one.delay_ms.count for message in told for one in message.summaries if one.delay_ms
    )
    assert max(one.seconds for one in first.summaries) >= 60


def test_when_nothing_can_be_merged_any_more_the_oldest_is_given_up(tmp_path):
    held = opened(tmp_path, octets=12_000)
    fill(held, MINUTES)
    assert held.state().octets <= 12_000
    found = covered(held)
    assert held.given_up > 0
    assert found == [*range(held.given_up + 1, MINUTES + 1)]
    assert opened(tmp_path).next_number == MINUTES + 1


def test_no_more_than_the_span_is_kept(tmp_path):
    held = opened(tmp_path, span_s=3 * 3600)
    fill(held, 400)
    assert 180 - spool.FILE_RECORDS <= len(covered(held)) <= 180
    assert covered(held)[-1] == 400


def test_what_may_be_at_the_controller_is_never_merged(tmp_path):
    held = opened(tmp_path, octets=70_000)
    fill(held, 10)
    fill(held, 5, sent=True)
    fill(held, 70)
    held.mark_sent(range(1, 6))
    fill(held, MINUTES)
    single = [one.number for one in held.pending(0, 1_000_000) if not one.merged]
    assert single[:15] == [*range(1, 16)]
    assert covered(held) == [*range(1, MINUTES + 86)]


def test_the_mark_of_what_was_sent_outlives_a_restart(tmp_path):
    held = opened(tmp_path)
    fill(held, 5)
    held.mark_sent([2])
    fill(held, 5)
    assert [one.sent for one in opened(tmp_path).pending(0, 99)] == [True] * 5 + [False] * 5


def test_others_that_fill_the_disk_stop_the_spool_from_growing(tmp_path):
    held = opened(tmp_path)
    fill(held, 200)
    before = held.state().octets
    held.free_octets = lambda _: 1_000
    fill(held, 300)
    kept = held.state().octets
    assert kept <= before + 300
    assert held.given_up == 0
    assert covered(held) == [*range(1, 501)]
    held.free_octets = lambda _: ROOM
    fill(held, 100)
    assert held.state().octets > kept + 5_000


class FullDisk:
    """A disk that takes nothing while full is set."""

    def __init__(self) -> None:
        self.full = False

    def sync(self, _: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_nothing_that_memory_can_hold(tmp_path):
    disk, held = FullDisk(), opened(tmp_path)
    held.sync = disk.sync
    fill(held, 3)
    disk.full = True
    fill(held, 5)
    assert "No space left" in held.fault
    assert covered(opened(tmp_path)) == [1, 2, 3]
    assert covered(held) == [*range(1, 9)]
    disk.full = False
    fill(held, 1)
    assert held.fault == ""
    assert covered(opened(tmp_path)) == [*range(1, 10)]


def test_memory_is_bounded_while_the_disk_is_full(tmp_path):
    disk, held = FullDisk(), opened(tmp_path, memory_octets=5_000)
    held.sync = disk.sync
    disk.full = True
    fill(held, 200)
    found = covered(held)
    assert sum(one.octets for one in held.pending(0, 999)) <= 5_000
    assert held.given_up == 200 - len(found)
    assert found == [*range(held.given_up + 1, 201)]


def test_a_folder_that_cannot_be_made_leaves_a_spool_in_memory(tmp_path):
    (tmp_path / FOLDER).write_text("in the way")
    held = opened(tmp_path)
    assert held.fault
    fill(held, 3)
    assert covered(held) == [1, 2, 3]
    assert held.fault


def test_an_image_of_before_is_told_from_what_the_controller_knows(tmp_path):
    held = opened(tmp_path)
    fill(held, 5)
    known = frames.decode(minute(3).frame)
    uptime_ms = round(known.uptime_s * 1000)
    assert held.is_known(3, known.boot, uptime_ms)
    assert held.is_known(0, "", 0)
    assert not held.is_known(3, known.boot, uptime_ms + 1)
    assert not held.is_known(3, "0000000b", uptime_ms)
    assert not held.is_known(6, known.boot, uptime_ms)


def test_another_spool_begins_with_what_this_process_made(tmp_path):
    fill(opened(tmp_path), 5)
    held = opened(tmp_path)
    former = held.identity
    fill(held, 4, boot="0000000b")
    held.begin_again()
    assert held.identity != former
    assert covered(held) == [1, 2, 3, 4]
    kept = [frames.decode(one.frame) for one in held.pending(0, 99)]
    assert [(one.sequence, one.boot) for one in kept] == [(n, "0000000b") for n in range(1, 5)]
    assert covered(opened(tmp_path)) == [1, 2, 3, 4]
    assert not (tmp_path / FOLDER / former).exists()


def test_a_torn_identity_gives_another_spool(tmp_path):
    fill(opened(tmp_path), 5)
    (tmp_path / FOLDER / CURRENT).write_bytes(b"\xff\x00")
    again = opened(tmp_path)
    assert (again.next_number, len(again.identity)) == (1, 16)
