import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import closing, suppress

import pytest

from controller.store.journal import Journal, Opening
from controller.store.place import ADDRESS, FILE
from database.engine import sqlite_module
from inventory.errors import JournalError, UnknownNameError
from tests.rigs.waiting import eventually
from tests.simulated_time import TestClock

OPENING = Opening(
    plan_id="0badcafe0000",
    network="test",
    plan='{"waves": []}',
    texts={"b1": "before\n", "a1": "after\n", "i1": "{}", "zz": "of nobody"},
    devices={"mora-r1": ("b1", "a1")},
    intent="i1",
    deadline=1234.5,
)


@pytest.fixture
def journal(records, tmp_path):
    opened = Journal.open(tmp_path / "state", clock=TestClock())
    yield opened
    opened.close()


def test_state_folder_and_file_are_for_the_owner_alone(tmp_path):
    with closing(Journal.open(tmp_path / "state")) as journal:
        assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((journal.folder / FILE).stat().st_mode) == 0o600


def test_apply_is_unfinished_until_it_is_finished(journal):
    number = journal.begin(OPENING)
    assert [entry.id for entry in journal.unfinished()] == [number]
    journal.finish(number, "confirmed", "all well")
    assert journal.unfinished() == ()
    assert journal.entry(number).outcome == "confirmed"


def test_act_is_on_disk_before_it_happens_and_completed_after(journal):
    number = journal.begin(OPENING)
    step = journal.intend(number, "mora-r1", "commit", "old")
    beside = Journal.open(journal.folder)
    assert beside.steps(number)[0].became is None
    journal.done(step, "new, unconfirmed")
    assert beside.steps(number)[0].became == "new, unconfirmed"
    beside.close()


def test_configurations_and_plan_come_back_as_given(journal):
    number = journal.begin(OPENING)
    assert journal.configs(number) == {"mora-r1": ("before\n", "after\n")}
    body, texts = journal.plan(number)
    assert body == OPENING.plan
    assert texts == {"b1": "before\n", "a1": "after\n", "i1": "{}"}


def test_decision_to_confirm_may_turn_into_rollback_but_not_back(journal):
    number = journal.begin(OPENING)
    journal.decide(number, "confirm", "verified")
    journal.decide(number, "rollback", "one refused")
    journal.decide(number, "rollback", "again")
    with pytest.raises(JournalError, match="already decided"):
        journal.decide(number, "confirm", "no")
    assert journal.entry(number).decision == "rollback"


def test_last_intent_is_that_of_the_last_confirmed_apply(journal):
    assert journal.last_intent("test") is None
    first = journal.begin(OPENING)
    assert journal.last_intent("test") is None
    journal.finish(first, "confirmed", "")
    second = journal.begin(OPENING)
    journal.finish(second, "rolled-back", "")
    assert journal.last_intent("test") == (OPENING.plan, "{}")
    assert journal.last_intent("another") is None


def test_no_intent_is_known_after_an_apply_that_left_devices_differing(journal):
    journal.finish(journal.begin(OPENING), "confirmed", "")
    journal.finish(journal.begin(OPENING), "differs", "")
    assert journal.last_intent("test") is None


def test_unknown_apply_is_named(journal):
    with pytest.raises(UnknownNameError, match="number 7"):
        journal.plan(7)


def test_history_is_newest_first(journal):
    numbers = [journal.begin(OPENING) for _ in range(3)]
    assert [entry.id for entry in journal.history()] == numbers[::-1]


def test_several_threads_write_every_step(journal):
    number = journal.begin(OPENING)

    def act():
        for _ in range(10):
            journal.done(journal.intend(number, "mora-r1", "stage", "old"), "old")

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.steps(number)) == 40
    assert all(step.became == "old" for step in journal.steps(number))


def test_damaged_journal_is_refused_with_advice(tmp_path):
    (tmp_path / FILE).write_bytes(b"SQLite format 3\x00" + b"\x99" * 4000)
    with pytest.raises(JournalError, match="is damaged"):
        Journal.open(tmp_path)


def test_text_file_in_its_place_is_refused(tmp_path):
    (tmp_path / FILE).write_text("dear diary, " * 100)
    with pytest.raises(JournalError, match="is damaged"):
        Journal.open(tmp_path)


def test_journal_with_a_torn_page_is_refused(tmp_path):
    journal = Journal.open(tmp_path)
    journal.begin(OPENING)
    journal.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[4096:8192] = b"\xee" * 4096
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(JournalError, match="is damaged"):
        Journal.open(tmp_path)


def test_database_of_another_program_is_left_alone(tmp_path):
    other = sqlite_module().connect(tmp_path / FILE)
    other.execute("CREATE TABLE songs (title TEXT)")
    other.commit()
    other.close()
    with pytest.raises(JournalError, match="another program's"):
        Journal.open(tmp_path)


def test_newer_journal_is_refused(tmp_path):
    Journal.open(tmp_path).close()
    newer = sqlite_module().connect(tmp_path / FILE)
    newer.execute("UPDATE store_version SET version_num = '9999'")
    newer.commit()
    newer.close()
    with pytest.raises(JournalError, match="newer sanaga"):
        Journal.open(tmp_path)


def test_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="SANAGA_STATE_DIR"):
        Journal.open(tmp_path / "file" / "state")


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_folder_in_which_others_write_is_refused(tmp_path, mode):
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    with pytest.raises(JournalError, match="others may write there"):
        Journal.open(tmp_path / "state")


def test_lock_that_is_a_link_is_refused_and_its_target_left_alone(journal, tmp_path):
    target = tmp_path / "precious"
    target.write_text("keep")
    (journal.folder / "lock").symlink_to(target)
    with pytest.raises(JournalError, match="must be a file of your own"), journal.lock():
        pass
    assert target.read_text() == "keep"


def test_lock_holds_on_a_full_disk(journal, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with (
        journal.lock(),
        pytest.raises(JournalError, match="another process is changing"),
        journal.lock(),
    ):
        pass


def test_second_holder_learns_who_holds_the_lock(journal):
    with journal.lock():  # noqa: SIM117
        with (
            pytest.raises(JournalError, match=f"process {os.getpid()} since 2026-03-02"),
            journal.lock(),
        ):
            pass
    with journal.lock():
        pass


HOLDER = """
import sys
from pathlib import Path
from controller.store.journal import Journal
with Journal.open(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_killed_holder_frees_the_lock(journal):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(journal.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    with pytest.raises(JournalError, match=f"process {process.pid} "), journal.lock():
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with journal.lock():
        pass


def test_machines_that_share_a_database_apply_one_at_a_time(
    tmp_path, postgresql_address, monkeypatch
):
    monkeypatch.setenv(ADDRESS, postgresql_address)
    with (
        closing(Journal.open(tmp_path / "here")) as here,
        closing(Journal.open(tmp_path / "there")) as there,
    ):
        with here.lock():  # noqa: SIM117
            with (
                pytest.raises(JournalError, match="a controller on this machine since 20"),
                there.lock(),
            ):
                pass
        with there.lock():
            pass


def test_killed_holder_frees_the_lock_of_all_machines(tmp_path, postgresql_address, monkeypatch):
    monkeypatch.setenv(ADDRESS, postgresql_address)
    with closing(Journal.open(tmp_path / "here")) as here:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "there")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        with pytest.raises(JournalError, match="is changing the network"), here.lock():
            pass
        process.kill()
        process.communicate()

        def held():
            with suppress(JournalError), here.lock():
                return True
            return False

        eventually(held, within_s=120, what="the lock to be free")
