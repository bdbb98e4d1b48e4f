"""Notices on SQLite and on PostgreSQL: their rows mean the same on both."""

import pytest
from sqlalchemy import func, select

from controller.notices.model import IncidentNow, Limits, NoticePolicy
from controller.notices.schema import deliveries, notice_decisions, outbox
from controller.notices.sending import KEPT_S, forget_old
from database.engine import reading
from tests.rigs.notices.notice_rig import MAIL, PHONE, NoticeRig, person, subscribed

DAY_S = 86_400.0


@pytest.fixture(params=["sqlite", "postgresql"])
def rig_of(request, tmp_path):
    rigs = []
    on_sqlite = request.param == "sqlite"
    place = tmp_path / "notices.sqlite" if on_sqlite else None
    address = place or request.getfixturevalue("postgresql_address")

    def make(policy: NoticePolicy, **more):
        rigs.append(NoticeRig(address, policy, **more))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def count(rig, table):
    with reading(rig.engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar()


def test_a_problem_is_told_once_and_its_end_to_whom_it_was_told(rig_of):
    rig = rig_of(subscribed(person(contacts=[MAIL, PHONE])))
    rig.write(1)
    rig.turn()
    rig.turn(1)
    rig.write(1, "ended", ended_s=rig.now_s)
    rig.turn(1)
    assert (rig.said(), rig.said("sms")) == (["opened 1", "ended 1"],) * 2
    rig.rows.record_receipt("id-1", "DELIVRD")
    with reading(rig.engine) as connection:
        query = select(deliveries.c.receipt).where(deliveries.c.channel == "sms")
        assert sorted(connection.execute(query).scalars()) == ["", "DELIVRD"]


def test_beyond_the_limits_a_digest_follows(rig_of):
    policy = subscribed(person(contacts=[MAIL]))
    rig = rig_of(NoticePolicy(policy.people, {}, policy.subscriptions, limits=Limits(2, 600, 60)))
    for number in range(1, 6):
        rig.write(number)
    rig.turn()
    assert len(rig.said()) == 2
    rig.turn(61)
    assert rig.said()[2:] == ["digest"]


def test_of_two_that_claim_one_has_it_and_who_alone_sends_takes_it_over(rig_of):
    policy = subscribed(person(contacts=[MAIL]))
    one, other = rig_of(policy), rig_of(policy, owner="noc-2")
    one.write(1)
    one.worker.decide_once(one.now_s)
    assert one.rows.claim("email", one.now_s) is not None
    assert other.rows.claim("email", other.now_s) is None
    assert other.rows.release(other.now_s, at_start=True) == 0
    assert other.rows.release(other.now_s, at_start=True, alone=True) == 1
    other.turn()
    assert other.said() == ["opened 1"]


def test_who_is_not_sure_to_be_alone_sends_nothing(rig_of, monkeypatch):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    rig.write(1)
    sure = [True, False]
    object.__setattr__(rig.worker._parts, "may_send", lambda: sure.pop(0) if sure else False)
    rig.turn()
    assert (rig.said(), rig.states()) == ([], [("email", "opened", "waiting")])
    rig.turn(10)
    assert rig.said() == []
    object.__setattr__(rig.worker._parts, "may_send", lambda: True)
    rig.turn(10)
    assert rig.said() == ["opened 1"]


def test_what_was_told_is_forgotten_long_after_the_end_and_not_before(rig_of):
    rig = rig_of(subscribed(person(contacts=[MAIL])))
    for number in (1, 2):
        rig.write(number)
    rig.turn()
    rig.incidents.known[1] = IncidentNow(ended=True)
    rig.write(1, "ended", ended_s=rig.now_s)
    rig.turn(DAY_S)
    assert forget_old(rig.engine, rig.incidents, rig.now_s - KEPT_S) == 0
    rig.turn(KEPT_S + DAY_S)
    # The second goes on, so that who was told of it is told its end.
    tables = (outbox, notice_decisions, deliveries)
    assert [count(rig, table) for table in tables] == [1, 1, 1]
    rig.write(2, "ended", ended_s=rig.now_s)
    rig.turn(1)
    assert rig.said()[-1] == "ended 2"
