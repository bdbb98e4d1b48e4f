"""Who is told, through the database: from a row of the outbox to what a sender gets."""

from dataclasses import replace
from datetime import time

import pytest

from controller.channels.message import SendError
from controller.incidents.model import Severity
from controller.notices.model import (
    AllClear,
    Beat,
    Escalation,
    IncidentNow,
    Limits,
    Party,
    Step,
    Subscription,
)
from controller.notices.recipients import Audience
from tests.rigs.notices.notice_rig import MAIL, NIGHT, PHONE, NoticeRig, payload, person, subscribed

AWA = person()


@pytest.fixture
def rig_of(tmp_path):
    rigs = []

    def make(policy, **more):
        rigs.append(NoticeRig(tmp_path / "notices.sqlite", policy, **more))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def test_who_got_the_problem_gets_its_end_and_nobody_else(rig_of):
    ben = person("ben", [replace(MAIL, address="ben@example.cm")])
    policy = subscribed(AWA, under="far-north")
    policy = replace(policy, people={"awa": AWA, "ben": ben})
    rig = rig_of(policy)
    rig.write(1)
    rig.turn()
    rig.write(1, "ended", ended_s=rig.now_s)
    rig.turn(60)
    assert rig.said() == ["opened 1", "ended 1"]
    assert rig.said("sms") == ["opened 1", "ended 1"]
    assert {one.to.address for one in rig.boxes["email"].taken} == {"awa@example.cm"}


def test_an_incident_elsewhere_tells_nobody_and_its_end_neither(rig_of):
    rig = rig_of(subscribed(AWA, under="far-north"))
    rig.write(1, sites=["garoua"], root_name="garoua")
    rig.write(1, "ended", sites=["garoua"], root_name="garoua")
    rig.turn()
    assert rig.states() == []


def test_what_ended_before_anybody_was_told_is_told_to_nobody(rig_of):
    rig = rig_of(subscribed(AWA))
    rig.write(1)
    rig.write(1, "ended")
    rig.turn()
    assert rig.said() == []
    assert {state for _, _, state in rig.states()} == {"dropped"}


def test_an_entry_is_decided_once_however_often_the_worker_looks(rig_of):
    rig = rig_of(subscribed(AWA))
    rig.write(1)
    for _ in range(5):
        rig.turn(1)
    assert rig.said() == ["opened 1"]


def test_a_change_goes_to_who_was_told_and_to_whom_it_now_concerns(rig_of):
    chief = person("chief", [replace(MAIL, address="chief@example.cm")])
    policy = subscribed(AWA)
    only_critical = Subscription(Party(("chief",)), Severity.CRITICAL)
    policy = replace(
        policy,
        people={"awa": AWA, "chief": chief},
        subscriptions=(*policy.subscriptions, only_critical),
    )
    rig = rig_of(policy)
    rig.write(1)
    rig.turn()
    rig.write(1, "changed", severity="critical")
    rig.turn(30)
    got = [(one.to.address, str(one.kind)) for one in rig.boxes["email"].taken]
    assert got[0] == ("awa@example.cm", "opened")
    assert sorted(got[1:]) == [("awa@example.cm", "changed"), ("chief@example.cm", "opened")]
    assert "New" in rig.boxes["email"].taken[2 if got[2][0].startswith("chief") else 1].subject


def test_a_failed_attempt_is_repeated_later_each_time_until_it_is_taken(rig_of):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.boxes["email"].faults = [SendError("busy"), SendError("busy")]
    rig.write(1)
    rig.turn()
    rig.turn(4)
    assert len(rig.boxes["email"].faults) == 1
    rig.turn(2)
    assert rig.boxes["email"].faults == []
    rig.turn(14)
    assert rig.said() == []
    rig.turn(2)
    assert rig.said() == ["opened 1"]


def test_a_refusal_for_good_is_not_repeated(rig_of):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.boxes["email"].faults = [SendError("no such mailbox", permanent=True)]
    rig.write(1)
    rig.turn()
    rig.turn(3600)
    assert rig.said() == []
    assert rig.states() == [("email", "opened", "failed")]


def test_the_end_follows_the_problem_only_once_it_was_taken(rig_of):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.boxes["email"].faults = [SendError("no answer", unsure=True)]
    rig.write(1)
    rig.turn()
    rig.write(1, "ended")
    rig.turn(1)
    # The problem may have arrived, so its end is told; the problem itself is not repeated.
    assert rig.said() == ["ended 1"]


def test_quiet_hours_hold_back_what_wakes_and_let_mail_and_the_critical_pass(rig_of):
    rig = rig_of(subscribed(person(quiet=[NIGHT])))
    rig.clock.pause(14 * 3600)  # 23:00 in Douala
    rig.write(1)
    rig.write(2, severity="critical")
    rig.turn()
    assert rig.said("email") == ["opened 2", "opened 1"]
    assert rig.said("sms") == ["opened 2"]
    rig.turn(7 * 3600 - 1)
    assert rig.said("sms") == ["opened 2"]
    rig.turn(1)
    assert rig.said("sms") == ["opened 2", "opened 1"]


def test_a_recovery_at_night_goes_where_it_wakes_nobody(rig_of):
    rig = rig_of(subscribed(person(quiet=[NIGHT]), channels=frozenset(["sms"])))
    rig.clock.pause(14 * 3600)
    rig.write(1, severity="critical")
    rig.turn()
    rig.write(1, "ended", severity="critical")
    rig.turn(3600)
    assert (rig.said("sms"), rig.said("email")) == (["opened 1"], ["ended 1"])


def test_a_recovery_waits_for_the_morning_of_who_has_only_a_phone(rig_of):
    rig = rig_of(subscribed(person(contacts=[PHONE], quiet=[NIGHT])))
    rig.clock.pause(14 * 3600)
    rig.write(1, severity="critical")
    rig.turn()
    rig.write(1, "ended", severity="critical")
    rig.turn(3600)
    assert rig.said("sms") == ["opened 1"]
    rig.turn(6 * 3600)
    assert rig.said("sms") == ["opened 1", "ended 1"]


def test_a_page_that_waited_for_the_morning_is_dropped_when_somebody_acknowledged(rig_of):
    rig = rig_of(subscribed(person(quiet=[NIGHT])))
    rig.clock.pause(14 * 3600)
    rig.write(1)
    rig.turn()
    rig.incidents.known[1] = IncidentNow(acknowledged=True)
    rig.turn(7 * 3600)
    assert (rig.said("email"), rig.said("sms")) == (["opened 1"], [])


LADDER = Escalation((Step(900, Party(("ben",))), Step(1800, Party(("chief",)))))
PEOPLE = {
    name: person(name, [replace(MAIL, address=f"{name}@example.cm")])
    for name in ("awa", "ben", "chief")
}


def ladder():
    return replace(subscribed(PEOPLE["awa"]), people=PEOPLE, escalations=(LADDER,))


def told(rig):
    return [(one.to.address.split("@")[0], str(one.kind)) for one in rig.boxes["email"].taken]


def test_steps_follow_until_somebody_acknowledges(rig_of):
    rig = rig_of(ladder())
    rig.write(1, severity="critical")
    rig.turn()
    rig.turn(899)
    assert told(rig) == [("awa", "opened")]
    rig.turn(1)
    assert told(rig) == [("awa", "opened"), ("ben", "escalated")]
    rig.incidents.known[1] = IncidentNow(acknowledged=True)
    rig.turn(900)
    rig.turn(9000)
    assert told(rig) == [("awa", "opened"), ("ben", "escalated")]
    rig.write(1, "ended", severity="critical")
    rig.turn(1)
    assert sorted(told(rig)[2:]) == [("awa", "ended"), ("ben", "ended")]


def test_steps_go_on_to_the_last_when_nobody_acknowledges(rig_of):
    rig = rig_of(ladder())
    rig.write(1, severity="critical")
    rig.turn()
    rig.turn(900)
    rig.turn(900)
    assert told(rig)[1:] == [("ben", "escalated"), ("chief", "escalated")]


@pytest.mark.parametrize("state", [IncidentNow(muted=True), IncidentNow(in_maintenance=True)])
def test_a_step_is_frozen_in_mute_and_maintenance_and_then_waits_its_whole_time(rig_of, state):
    rig = rig_of(ladder())
    rig.write(1, severity="critical")
    rig.turn()
    rig.incidents.known[1] = state
    for _ in range(20):
        rig.turn(600)
    assert told(rig) == [("awa", "opened")]
    rig.incidents.known[1] = IncidentNow()
    rig.turn(20)
    rig.turn(890)
    assert told(rig) == [("awa", "opened")]
    rig.turn(20)
    assert told(rig) == [("awa", "opened"), ("ben", "escalated")]


def test_no_step_follows_the_end(rig_of):
    rig = rig_of(ladder())
    rig.write(1, severity="critical")
    rig.turn()
    rig.write(1, "ended", severity="critical")
    rig.turn(800)
    rig.turn(5000)
    assert told(rig) == [("awa", "opened"), ("awa", "ended")]


def test_steps_begin_again_when_an_incident_reopens(rig_of):
    rig = rig_of(ladder())
    rig.write(1, severity="critical")
    rig.turn()
    rig.turn(900)
    rig.write(1, "ended", severity="critical")
    rig.turn(1)
    rig.write(1, "opened", severity="critical")
    rig.turn(60)
    rig.turn(900)
    assert told(rig)[-2:] == [("awa", "opened"), ("ben", "escalated")]


def test_five_thousand_incidents_in_a_minute_are_one_digest_for_each_person(rig_of):
    ben = person("ben", [replace(MAIL, address="ben@example.cm")])
    awa = person(contacts=[MAIL])
    policy = replace(subscribed(awa, ben), limits=Limits(notices=5, digest_after_s=120))
    rig = rig_of(policy)
    for second in range(0, 50, 10):
        first = second * 100
        rig.write_all(
            [(n, "opened", payload(n)) for n in range(first + 1, min(first + 1000, 5000) + 1)]
        )
        if second == 30:
            rig.write(9000, severity="critical")
        rig.turn(10)
    by_kind: dict[str, list[str]] = {"awa": [], "ben": []}
    for one in rig.boxes["email"].taken:
        by_kind[one.to.address.split("@")[0]].append(str(one.kind))
    assert by_kind["awa"].count("opened") == by_kind["ben"].count("opened") == 5 + 1
    assert any(one.incident == 9000 for one in rig.boxes["email"].taken)
    rig.turn(120)
    rig.turn(600)
    digests = [one for one in rig.boxes["email"].taken if one.kind == "digest"]
    assert sorted(one.to.address for one in digests) == ["awa@example.cm", "ben@example.cm"]
    assert "4,995 incidents" in digests[0].subject
    assert "and 4,945 more" in digests[0].text
    assert len(rig.boxes["email"].taken) == 2 * (5 + 1 + 1)


def test_the_end_of_what_stood_in_a_digest_stands_in_a_digest_too(rig_of):
    policy = replace(subscribed(person(contacts=[MAIL])), limits=Limits(notices=1))
    rig = rig_of(policy)
    for number in (1, 2, 3):
        rig.write(number)
    rig.turn()
    rig.turn(300)
    assert rig.said() == ["opened 1", "digest"]
    for number in (1, 2, 3):
        rig.write(number, "ended")
    rig.turn(60)
    assert rig.said() == ["opened 1", "digest", "ended 1"]
    rig.turn(300)
    assert rig.said() == ["opened 1", "digest", "ended 1", "digest"]
    assert "2 ended" in rig.boxes["email"].taken[-1].subject


def test_a_beat_passes_the_outbox_once_in_its_time_and_stops_with_the_deciding(rig_of):
    rig = rig_of(replace(subscribed(AWA), beat=Beat("env:URL", "env:KEY", 60.0)))
    for _ in range(4):
        rig.turn(30)
    assert rig.said("beat") == ["beat", "beat", "beat"]
    rig.alive = False
    rig.turn(120)
    assert rig.said("beat") == ["beat", "beat", "beat"]


def test_old_beats_are_forgotten(rig_of):
    rig = rig_of(replace(subscribed(AWA), beat=Beat("env:URL", "env:KEY", 60.0)))
    rig.turn(60)
    rig.turn(25 * 3600)
    rig.turn(2 * 3600)
    assert len(rig.states()) < 3
    assert len(rig.said("beat")) == 3


def test_the_all_clear_comes_once_a_day_by_sms(rig_of):
    rig = rig_of(replace(subscribed(AWA), all_clear=AllClear(("awa",), time(10), "Africa/Douala")))
    rig.turn()
    assert rig.said("sms") == []
    for _ in range(48):
        rig.turn(3600)
    assert (rig.said("sms"), rig.said("email")) == (["all-clear", "all-clear"], [])


def test_a_person_who_left_the_intent_gets_nothing_and_holds_nobody_up(rig_of):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.write(1)
    rig.worker.decide_once(rig.now_s)
    rig.worker.use(replace_audience(rig))
    rig.send()
    assert rig.states() == [("email", "opened", "failed")]


def replace_audience(rig):
    return Audience(subscribed(person("ben")), {})


def test_a_claim_of_a_process_that_ended_is_taken_over_at_its_start(rig_of, tmp_path):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.write(1)
    rig.worker.decide_once(rig.now_s)
    assert rig.rows.claim("email", rig.now_s) is not None
    rig.turn(1)
    assert rig.said() == []
    again = rig_of(subscribed(person(contacts=[MAIL])))
    again.rows.release(again.now_s, at_start=True)
    again.turn()
    assert again.said() == ["opened 1"]


def test_a_claim_of_another_process_is_taken_over_when_it_is_old(rig_of):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.write(1)
    rig.worker.decide_once(rig.now_s)
    assert rig.rows.claim("email", rig.now_s) is not None
    other = rig_of(subscribed(person(contacts=[MAIL])), owner="noc-2")
    other.rows.release(other.now_s, at_start=True)
    other.turn(60)
    assert other.said() == []
    other.turn(200)
    assert other.said() == ["opened 1"]
