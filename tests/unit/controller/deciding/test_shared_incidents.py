"""Controllers on one database: one leads, others follow, and nothing is decided twice or lost."""

from contextlib import ExitStack

import pytest
from sqlalchemy import insert, text

from controller.deciding import shared_incidents as shared
from controller.incidents.model import Health
from controller.incidents.view import network_view
from controller.leadership.schema import LEADER_LOCK, terms
from controller.leadership.stream import StreamEvent
from controller.leadership.term import FencedError, begin_term
from controller.load import load
from database.engine import open_engine
from database.process_lock import FileLock, ServerLock, process_lock
from inventory.errors import StorageError
from tests.rigs.service.api_bench import SPUR
from tests.rigs.service.shared_controllers import CUT, controller_on
from tests.rigs.waiting import eventually
from topology.build import build_topology

WITHIN_S = 60


@pytest.fixture(scope="module")
def network():
    intent = load(SPUR).intent
    return network_view(intent, build_topology(intent))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    if request.param == "sqlite":
        return tmp_path / "sanaga.sqlite"
    return request.getfixturevalue("postgresql_address")


@pytest.fixture
def pair(place, network):
    """Give a leader and a follower."""
    with ExitStack() as stack:
        yield [stack.enter_context(controller_on(place, network)) for _ in range(2)]


def check_one_leads(controllers):
    assert sum(one.incidents.leading() for one in controllers) == 1


def lose_the_lock(controller):
    """Take the lock from a leader, which then knows nothing of it."""
    lock = controller.incidents._lock
    if isinstance(lock, ServerLock):
        with controller.engine.begin() as connection:
            pid = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = :n"
            numbers = {"n": LEADER_LOCK}
            query = text(f"SELECT pg_terminate_backend(pid) FROM ({pid}) AS l")  # noqa: S608
            connection.execute(query, numbers)
    else:
        lock.release()


def test_one_leads_and_the_other_posts_what_it_hears(pair):
    leader, follower = pair
    check_one_leads(pair)
    follower.cut()
    eventually(lambda: leader.roots() == [CUT.name], WITHIN_S, "the leader's incident")
    eventually(lambda: follower.roots() == [CUT.name], WITHIN_S, "the follower's view")
    (incident,) = follower.incidents.listed(ended=False)
    assert follower.incidents.find(incident.number) == leader.incidents.find(incident.number)
    assert follower.incidents.current().health == leader.incidents.current().health
    eventually(lambda: len(follower.streamed) >= 3, WITHIN_S, "the follower's events")
    eventually(lambda: follower.streamed == leader.streamed, WITHIN_S, "the same events")
    numbers = [number for number, _ in follower.streamed]
    assert numbers == [*range(1, len(numbers) + 1)]
    assert len(leader.heard) >= 1


def test_what_is_told_at_one_is_streamed_by_all_in_one_order(pair):
    leader, follower = pair
    event = StreamEvent("operation", {"number": 7}, ("mora",), whole=True)
    follower.incidents.tell(event)
    leader.cut()
    leader.incidents.tell(event)
    eventually(lambda: len(leader.streamed) >= 5, WITHIN_S, "the events")
    eventually(lambda: follower.streamed == leader.streamed, WITHIN_S, "the same events")
    assert [number for number, _ in leader.streamed] == [*range(1, len(leader.streamed) + 1)]
    assert [one for _, one in leader.streamed].count(event) == 2


def test_an_act_at_a_follower_is_decided_on_once_and_answered(pair):
    leader, follower = pair
    leader.cut()
    eventually(lambda: follower.roots() == [CUT.name], WITHIN_S, "the follower's view")
    (incident,) = follower.incidents.listed(ended=False)
    assert follower.comment(incident.number, "a crew is under way") == ()
    (refusal,) = follower.comment(77, "nothing")
    assert "77" in refusal.sentence
    told = [one.sentence for one in leader.incidents.timeline(incident.number)]
    assert sum("a crew is under way" in one for one in told) == 1


def test_who_ends_in_order_hands_over_at_once(pair):
    leader, follower = pair
    leader.cut()
    eventually(lambda: leader.roots() == [CUT.name], WITHIN_S, "the incident")
    leader.incidents.stop()
    eventually(follower.incidents.leading, 10, "the other's lead")
    assert (leader.ended, len(follower.terms)) == (1, 1)
    assert follower.roots() == [CUT.name]
    assert follower.terms[0][1].idle_s < 10


def test_a_leader_that_lost_its_lock_steps_down_and_its_term_writes_no_more(pair):
    leader, follower = pair
    (engine, term) = leader.terms[0]
    lose_the_lock(leader)
    eventually(lambda: len(leader.terms) + len(follower.terms) > 1, 20, "another term")
    eventually(lambda: leader.ended == 1, 20, "the end of its work")
    with pytest.raises(FencedError), engine.begin() as connection:
        connection.execute(insert(terms).values(one=2, epoch=9, holder="", since_s=0, stream=""))
    eventually(lambda: sum(one.incidents.leading() for one in pair) == 1, 20, "one leader")
    assert term.epoch == 1


def test_what_a_leader_had_not_decided_is_decided_by_its_successor(pair, monkeypatch):
    leader, follower = pair
    # It hears, and decides nothing any more: as if it were killed at this moment.
    monkeypatch.setattr(leader.incidents, "_pull", lambda _: None)
    follower.cut()
    eventually(lambda: not follower.incidents._waiting, WITHIN_S, "the post")
    leader.incidents.stop()
    eventually(lambda: follower.roots() == [CUT.name], WITHIN_S, "the successor's incident")


def test_news_of_a_leader_that_is_fenced_are_decided_by_its_successor(pair):
    leader, follower = pair
    begin_term(follower.engine)
    leader.cut()
    eventually(lambda: leader.ended == 1, WITHIN_S, "its step down")
    eventually(lambda: [one.roots() for one in pair] == [[CUT.name]] * 2, WITHIN_S, "the incident")
    check_one_leads(pair)


def test_an_act_without_a_leader_fails_and_is_not_done_later(pair, monkeypatch):
    leader, follower = pair
    leader.cut()
    eventually(lambda: follower.roots() == [CUT.name], WITHIN_S, "the follower's view")
    (incident,) = follower.incidents.listed(ended=False)
    monkeypatch.setattr(leader.incidents, "_pull", lambda _: None)
    monkeypatch.setattr(shared, "_ANSWER_WITHIN_S", 0.5)
    with pytest.raises(StorageError, match="no controller decides at the moment"):
        follower.comment(incident.number, "lost")
    monkeypatch.undo()
    assert follower.comment(incident.number, "found") == ()
    told = " ".join(one.sentence for one in leader.incidents.timeline(incident.number))
    assert "found" in told
    assert "lost" not in told


def test_a_controller_that_starts_goes_on_with_the_stream(place, network):
    with controller_on(place, network) as first:
        first.cut()
        eventually(lambda: len(first.streamed) >= 3, WITHIN_S, "events")
        stream = first.incidents.stream
    with controller_on(place, network) as again:
        assert again.incidents.stream == stream
        assert again.streamed[: len(first.streamed)] == first.streamed
        again.cut(2, Health.OK)
        eventually(lambda: again.roots() == [], WITHIN_S, "the end")


@pytest.mark.parametrize("kind", [ServerLock, FileLock])
def test_control_without_the_lock_two_lead(place, network, monkeypatch, kind):
    monkeypatch.setattr(kind, "take", lambda _: True)
    monkeypatch.setattr(kind, "held", lambda _: True)
    with controller_on(place, network) as one, controller_on(place, network) as other:
        if isinstance(one.incidents._lock, kind):
            with pytest.raises(AssertionError):
                check_one_leads([one, other])
        else:
            check_one_leads([one, other])


def test_the_lock_is_one_processs_at_a_time_and_free_after_its_end(place):
    first, second = open_engine(place), open_engine(place)
    one, other = process_lock(first, 7, "lock"), process_lock(second, 7, "lock")
    assert one.take()
    assert one.held()
    assert not other.take()
    assert not other.held()
    one.release()
    assert other.take()
    other.release()
    first.dispose()
    second.dispose()
