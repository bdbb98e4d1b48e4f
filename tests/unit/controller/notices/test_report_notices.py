"""Who is told of a weekly or monthly report, how, and when."""

from dataclasses import replace

import pytest

from controller.notices.model import Language, Party
from tests.rigs.notices.notice_rig import NIGHT, PHONE, NoticeRig, person, subscribed

AWA = person()


@pytest.fixture
def rig_of(tmp_path):
    rigs = []

    def make(policy):
        rigs.append(NoticeRig(tmp_path / "notices.sqlite", policy))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def report(rig):
    told = {"report": "maintenance-2026-11-30", "title": "Preventive maintenance"}
    told |= {"title_fr": "Maintenance préventive", "sentence": "2 to act on."}
    rig.write_all([(0, "report", {**told, "sentence_fr": "Agir : 2."})])


def test_a_report_goes_to_whom_the_intent_names_by_mail_in_their_language(rig_of):
    french = person(language=Language.FRENCH)
    rig = rig_of(replace(subscribed(french), reports=Party(("awa",))))
    report(rig)
    rig.turn()
    assert (rig.said("email"), rig.said("sms")) == (["report"], [])
    (letter,) = rig.boxes["email"].taken
    assert letter.subject == "Maintenance préventive"
    assert "Agir : 2." in letter.text
    assert "/api/v1/reports/maintenance-2026-11-30?format=html" in letter.text


def test_a_report_goes_to_nobody_unless_the_intent_says_so(rig_of):
    rig = rig_of(subscribed(AWA))
    report(rig)
    rig.turn()
    assert rig.states() == []


def test_a_report_does_not_wake_whom_a_phone_alone_reaches(rig_of):
    asleep = person(contacts=[PHONE], quiet=[NIGHT])
    rig = rig_of(replace(subscribed(asleep), reports=Party(("awa",))))
    rig.turn(14 * 3600)
    report(rig)
    rig.turn()
    before = rig.said("sms")
    rig.turn(10 * 3600)
    assert (before, rig.said("sms")) == ([], ["report"])
