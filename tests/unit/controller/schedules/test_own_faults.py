"""A backup or a schedule that fails is told once, to whom it concerns, and its end to the same."""

from dataclasses import replace
from datetime import time

import pytest

from controller.backups.noted import Attempt
from controller.notices.decisions import DecisionRows
from controller.notices.model import Language, Party
from controller.notices.schedule import Window
from controller.schedules.own_faults import OwnFaults
from controller.schedules.rows import Run
from controller.schedules.runner import Standing
from tests.rigs.notices.notice_rig import MAIL, PHONE, NoticeRig, person, subscribed

AWA, BEN = person(), person("ben", [MAIL], language=Language.FRENCH)
BOTH = subscribed(AWA, BEN)
GOOD = Attempt("2026-11-30T01:00:00+00:00", "sanaga-1.sanaga-backup")
# Nobody is to be woken from the beginning of these tests until the next day.
NIGHT_AND_DAY = Window(time(8), time(7, 59))
BAD = replace(GOOD, file="", fault="no room on the disk")


@pytest.fixture
def rig_of(tmp_path):
    rigs = []

    def make(**parties):
        rigs.append(NoticeRig(tmp_path / "notices.sqlite", replace(BOTH, **parties)))
        return rigs[-1], OwnFaults(DecisionRows(rigs[-1].engine), rigs[-1].clock)

    yield make
    for rig in rigs:
        rig.close()


def letters(rig):
    return [(one.kind.value, one.subject) for one in rig.boxes["email"].taken]


def test_a_failed_backup_is_told_once_and_its_end_once(rig_of):
    rig, faults = rig_of(administrators=Party(("awa",)))
    for attempt in (GOOD, BAD, BAD, BAD):
        faults.heed_backup(attempt)
        rig.turn(3600)
    assert letters(rig) == [("failing", "The controller failed: the daily backup")]
    assert "no room on the disk" in rig.boxes["email"].taken[0].text
    for attempt in (GOOD, GOOD):
        faults.heed_backup(attempt)
        rig.turn(3600)
    assert letters(rig)[1:] == [("working", "Works again: the daily backup")]
    assert rig.said("sms") == []


def test_one_that_fails_again_later_is_told_again_also_after_a_restart(rig_of):
    rig, faults = rig_of(administrators=Party(("awa",)))
    for attempt in (BAD, GOOD, BAD):
        faults.heed_backup(attempt)
        rig.turn(60)
    OwnFaults(DecisionRows(rig.engine), rig.clock).heed_backup(BAD)
    rig.turn(60)
    assert [kind for kind, _ in letters(rig)] == ["failing", "working", "failing"]


def test_without_administrators_whoever_gets_the_reports_is_told_in_their_language(rig_of):
    rig, faults = rig_of(reports=Party(("ben",)))
    faults.heed_backup(BAD)
    rig.turn()
    assert letters(rig) == [("failing", "Échec du contrôleur: la sauvegarde quotidienne")]


def test_nobody_is_told_the_end_of_what_they_were_not_told(rig_of):
    rig, faults = rig_of()
    faults.heed_backup(BAD)
    rig.turn()
    faults.heed_backup(GOOD)
    rig.turn()
    assert rig.states() == []


def test_of_one_that_ended_before_anybody_was_told_nothing_is_sent(rig_of):
    asleep = person("awa", [PHONE], quiet=[NIGHT_AND_DAY])
    rig, faults = rig_of(people={"awa": asleep}, administrators=Party(("awa",)), subscriptions=())
    faults.heed_backup(BAD)
    faults.heed_backup(GOOD)
    rig.turn()
    rig.turn(86_400)
    assert rig.said("sms") == []


def standing(outcome, name="maintenance"):
    run = Run(name, 0.0, 0.0, None, outcome) if outcome is not None else None
    return Standing(name, run, 0.0)


def test_a_schedule_that_fails_is_told_and_one_at_work_says_nothing(rig_of):
    rig, faults = rig_of(administrators=Party(("awa",)))
    outcomes = (None, "", "done", "failed: git is not installed", "", "failed: again", "done")
    for outcome in outcomes:
        faults.heed_schedule(standing(outcome))
        rig.turn(60)
    assert [kind for kind, _ in letters(rig)] == ["failing", "working"]
    assert "git is not installed" in rig.boxes["email"].taken[0].text


def test_two_duties_that_fail_are_told_apart(rig_of):
    rig, faults = rig_of(administrators=Party(("awa",)))
    faults.heed_backup(BAD)
    faults.heed_schedule(standing("failed: x", "availability"))
    faults.heed_backup(GOOD)
    rig.turn()
    rig.turn()
    assert letters(rig) == [("failing", "The controller failed: the monthly availability report")]
