"""A clock that is set while notices wait: nobody is told early, late by a day, or twice."""

from dataclasses import replace

import pytest

from controller.channels.message import SendError
from controller.notices.model import Beat, Escalation, Party, Step
from tests.rigs.notices.notice_rig import MAIL, NIGHT, PHONE, NoticeRig, person, subscribed

DAY_S = 86_400.0
HOUR_S = 3600.0
STEPS = pytest.mark.parametrize("by_s", [DAY_S, -DAY_S], ids=["forwards", "backwards"])


@pytest.fixture
def rig_of(tmp_path):
    rigs = []

    def make(policy):
        rigs.append(NoticeRig(tmp_path / "notices.sqlite", policy))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


@STEPS
def test_what_is_tried_again_is_tried_as_soon_as_before(rig_of, by_s):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.boxes["email"].faults = [SendError("the server is busy")]
    rig.write(1)
    rig.turn()
    rig.clock.step(by_s)
    rig.turn()
    assert rig.said() == []
    rig.turn(10)
    assert rig.said() == ["opened 1"]


@STEPS
def test_an_escalation_waits_its_time_and_no_longer(rig_of, by_s):
    people = {name: person(name, [replace(MAIL, address=name)]) for name in ("awa", "ben")}
    rules = (Escalation((Step(900, Party(("ben",))),)),)
    rig = rig_of(replace(subscribed(people["awa"]), people=people, escalations=rules))
    rig.write(1, severity="critical")
    rig.turn()
    rig.turn(600)
    rig.clock.step(by_s)
    rig.turn(299)
    assert rig.said() == ["opened 1"]
    rig.turn(1)
    assert rig.said() == ["opened 1", "escalated 1"]


@STEPS
def test_who_sleeps_is_told_on_the_next_morning_whatever_the_day(rig_of, by_s):
    rig = rig_of(subscribed(person(contacts=[PHONE], quiet=[NIGHT])))
    rig.clock.pause(14 * HOUR_S)  # 23:00 in Douala
    rig.write(1)
    rig.turn()
    rig.clock.step(by_s)
    rig.turn(7 * HOUR_S - 1)
    assert rig.said("sms") == []
    rig.turn(1)
    assert rig.said("sms") == ["opened 1"]


def test_beats_go_on_after_the_clock_was_set_back(rig_of):
    rig = rig_of(replace(subscribed(person()), beat=Beat("env:URL", "env:KEY", 60.0)))
    for _ in range(10):
        rig.turn(60)
    assert len(rig.said("beat")) == 10
    rig.clock.step(-300.0)
    for _ in range(4):
        rig.turn(60)
    assert len(rig.said("beat")) >= 13
