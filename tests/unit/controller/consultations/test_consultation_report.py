"""What a consultation was like, from what edges measured beside it."""

from dataclasses import replace

import pytest

from controller.consultations.model import Announcement
from controller.consultations.report import EndHistory, report_consultation
from controller.incidents.sentences import Language
from controller.telemetry.history import PastChange
from controller.telemetry.slices import Slice
from edge.telemetry.model import PathState
from tests.rigs.controller.telemetry_rig import EDGE, FIBRE, NOON, summary

CALL = ("consultation-audio", "consultation-video")
LTE = "mora-lte"


def call(minutes=2, **changes):
    sites, ends_s = ("mora", "maroua"), NOON + 60 * minutes
    made = Announcement("c1", sites, CALL[1], NOON, ends_s, "clinic", NOON - 9)
    return replace(made, **changes)


def slices(count, start=0, **changes):
    given = {"carries": CALL, **changes}
    return [Slice(summary(NOON + start + 10 * n, **given), 0) for n in range(count)]


def move(at_s, service=CALL[0], kind="move"):
    return PastChange(at_s, at_s, kind, "maroua-e1", LTE, service, "", "fibre is dead")


def told(found, one=None, changes=(), later_s=600.0):
    one = one or call()
    report = report_consultation(
        one, [EndHistory(EDGE, "mora", found, changes)], one.ends_s + later_s
    )
    return report, report.ends[0]


def test_a_good_call_has_its_quality_by_the_minute_and_lost_nothing():
    report, end = told(slices(12))
    assert [one.mos for one in end.minutes] == [4.3, 4.3]
    assert (end.lost_s, end.unknown_s, end.minutes[0].circuits) == (0, 0, (FIBRE,))
    assert report.sentence(Language.ENGLISH) == (
        "MOS 4.30 on average at the worse end, 4.30 in its worst minute; 0 moves; "
        "no second without a way"
    )


def test_what_did_not_carry_the_call_does_not_count():
    _, end = told([*slices(12), *slices(12, circuit=LTE, mos=1.2, carries=("bulk",))])
    assert end.mos == 4.3
    _, end = told(slices(12, carries=("bulk",)))
    assert (end.mos, end.unknown_s) == (None, 120)


def test_of_two_copies_the_better_one_counts():
    both = [*slices(12, mos=2.0), *slices(12, circuit=LTE, carries=(f"{CALL[0]} (copy)",), mos=4.1)]
    _, end = told(both)
    assert (end.mos, end.minutes[0].circuits) == (4.1, (LTE,))


def test_a_dead_way_is_lost_time_and_a_gap_is_unknown():
    found = [
        *slices(3),
        *slices(2, 30, state=PathState.DEAD, mos=None, lost_out=10),
        *slices(4, 50),
    ]
    report, end = told(found)
    assert (end.lost_s, end.unknown_s) == (20, 30)
    assert end.minutes[0].mos == pytest.approx((4 * 4.3 + 2 * 1.0) / 6, abs=0.01)
    assert end.minutes[0].loss == pytest.approx(20 / 60)
    assert "20 s without any way; 30 s unknown" in report.sentence(Language.ENGLISH)
    assert "20 s sans aucun chemin ; 30 s inconnues" in report.sentence(Language.FRENCH)


def test_moves_of_the_call_are_told_with_their_reason_and_no_others():
    changes = [
        move(NOON + 30),
        move(NOON + 40, "bulk"),
        move(NOON + 999),
        move(NOON + 5, kind="fault"),
    ]
    _, end = told(slices(12), changes=changes)
    assert [(one.at_s, one.circuit, one.reason) for one in end.moves] == [
        (NOON + 30, LTE, "fibre is dead")
    ]


def test_a_call_that_was_ended_early_is_told_until_then():
    report, end = told(slices(12), call(cancelled_s=NOON + 60))
    assert (report.ended_s, len(end.minutes)) == (NOON + 60, 1)


def test_the_last_minute_may_still_be_on_its_way():
    assert not told(slices(12), later_s=30.0)[0].complete
    assert told(slices(12), later_s=90.0)[0].complete


def test_without_telemetry_the_quality_is_unknown_and_not_bad():
    assert "unknown" in told([])[0].sentence(Language.ENGLISH)
    assert "inconnue" in told([])[0].sentence(Language.FRENCH)
    assert report_consultation(call(), [], NOON + 999).ends == ()


def test_a_slice_at_the_edge_counts_as_far_as_it_is_inside():
    _, end = told(slices(12), call(begins_s=NOON + 55, ends_s=NOON + 65))
    assert [one.unknown_s for one in end.minutes] == [0, 0]
