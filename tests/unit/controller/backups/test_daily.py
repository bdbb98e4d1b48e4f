"""Daily backups: when they are due, what is kept, and what is wrong when they fail or grow old."""

import json
from contextlib import closing
from datetime import time

import pytest

from controller.backups import daily as daily_module
from controller.backups.backup import create_backup
from controller.backups.daily import AGAIN, BackupRules, DailyBackups
from controller.backups.noted import RECORD, attempts, list_backups, what_is_wrong
from controller.store.database import Database
from controller.store.place import store_place
from controller.timetable.wall_time import DOUALA, Daily, Schedule
from inventory import credentials
from inventory.errors import JournalError
from tests.simulated_time import TestClock

DAY_S = 86_400.0
# The clock of these tests begins at this time of the day.
RULES = BackupRules(Schedule(Daily(time(9)), DOUALA), keep=2)
SAID: list[str] = []


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Derive keys with less work, as no test is about guessing passphrases."""
    whole = credentials.seal_text
    monkeypatch.setattr(
        credentials, "seal_text", lambda secrets, phrase, work: whole(secrets, phrase, work=2**15)
    )


@pytest.fixture
def daily(tmp_path):
    """Give what makes backups of records of its own."""
    return made_in(tmp_path)


def made_in(tmp_path):
    place = store_place(tmp_path / "state")
    with closing(Database.open(place.folder, JournalError)):
        pass
    SAID.clear()
    return DailyBackups(place, tmp_path / "backups", "correct horse", TestClock(), RULES)


def turn(daily, seconds=0.0):
    daily._clock.pause(seconds)
    daily.step(SAID.append)


def names(daily):
    return [one["file"] for one in list_backups(daily._folder)]


@pytest.mark.usefixtures("records")
def test_one_is_made_and_rehearsed_each_day_and_the_newest_are_kept(tmp_path):
    daily = made_in(tmp_path)
    assert daily.standing() == "none yet"
    turn(daily)
    turn(daily, DAY_S - 60)
    assert (len(names(daily)), daily.standing()) == (1, "ok")
    assert SAID[0].endswith("backup is made, and was restored in a rehearsal")
    turn(daily, 60)
    turn(daily, DAY_S)
    assert names(daily) == [
        "sanaga-20260304T080000Z.sanaga-backup",
        "sanaga-20260303T080000Z.sanaga-backup",
    ]
    assert len(SAID) == 3
    (first, *_) = list_backups(daily._folder)
    assert first["rehearsal"] == "well, 2026-03-04T08:00:00+00:00"
    again = DailyBackups(daily._place, daily._folder, "correct horse", daily._clock, RULES)
    assert not again.due()
    assert again.standing() == "ok"


def test_a_rehearsal_that_fails_is_said_kept_in_sight_and_tried_again_soon(daily, monkeypatch):
    def spoilt(place, folder, passphrase, now):
        file, contents = create_backup(place, folder, passphrase, now)
        file.write_bytes(file.read_bytes()[:-9])
        return file, contents

    turn(daily)
    monkeypatch.setattr(daily_module, "create_backup", spoilt)
    turn(daily, DAY_S)
    assert "backup failed, it is tried again in an hour" in SAID[-1]
    assert daily.standing().startswith("wrong: the last backup failed: ")
    assert "was changed or cut short" in daily.standing()
    assert len(names(daily)) == 2
    assert attempts(daily._folder)[-1].file == names(daily)[0]
    monkeypatch.setattr(daily_module, "create_backup", create_backup)
    turn(daily, AGAIN.total_seconds() - 1)
    assert daily.standing() != "ok"
    turn(daily, 1)
    assert daily.standing() == "ok"


def test_a_backup_that_cannot_be_written_is_a_fault(daily, tmp_path):
    (tmp_path / "backups").write_text("in the way")
    turn(daily)
    assert "backups" in daily.standing()


def test_it_is_made_at_the_hour_that_is_set_and_not_a_day_after_the_last(daily):
    daily._clock.pause(5 * 3600)
    turn(daily)
    assert daily.next_due().isoformat() == "2026-03-03T08:00:00+00:00"
    turn(daily, 19 * 3600 - 1)
    assert len(names(daily)) == 1
    turn(daily, 1)
    assert len(names(daily)) == 2


def test_one_older_than_two_days_is_in_sight(daily):
    turn(daily)
    known = attempts(daily._folder)
    daily._clock.pause(2 * DAY_S)
    assert what_is_wrong(known, daily._clock.instant()) == ""
    daily._clock.pause(1)
    assert daily.standing() == (
        "wrong: the last good backup is of 2026-03-02T08:00:00+00:00, more than 2 days ago"
    )


def test_a_clock_that_went_back_makes_one_at_once(daily):
    turn(daily)
    daily._clock.pause(-3 * DAY_S)
    assert daily.due()


def test_without_a_passphrase_none_is_made_and_that_is_said(daily, tmp_path):
    bare = DailyBackups(daily._place, tmp_path / "none", "", daily._clock)
    assert not bare.due()
    assert bare.standing() == "off: set SANAGA_PASSPHRASE, with which they are sealed"


def test_a_record_that_somebody_broke_is_as_none(daily):
    turn(daily)
    for text in ("{", "[1]", json.dumps([{"else": 1}])):
        (daily._folder / RECORD).write_text(text)
        assert attempts(daily._folder) == ()
    assert list_backups(daily._folder)[0]["rehearsal"] == "none by a service"
