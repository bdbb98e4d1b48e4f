"""An agent's answers are bounded, whatever it answers."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.snmp import agent as agents
from controller.snmp.agent import Agent, RefusedError
from controller.snmp.targets import Target
from inventory.errors import UnreachableError
from inventory.model import SnmpVersion
from tests.rigs.snmp import encoding
from tests.rigs.snmp.odd_agent import odd_agent, respond

COLUMN = "1.3.6.1.2.1.31.1.1.1.1"
TOO_BIG = 1


def asked_of(port, *, within_s=0.3):
    target = Target("mora-r1", "127.0.0.1", port, SnmpVersion.V2C, community="public")
    return Agent(target, within_s=within_s)


def run(wanted):
    return asyncio.run(wanted)


def values(request):
    return respond(request, *((name, encoding.number(len(name))) for name in request.names))


def test_values_come_by_name_and_many_are_asked_for_in_parts():
    names = [f"{COLUMN}.{i}" for i in range(60)]
    with odd_agent(values) as odd:
        found = run(asked_of(odd.port).get(names))
    assert found == {name: len(name) for name in names}
    assert [len(request.names) for request in odd.asked] == [27, 27, 6]


def test_an_answer_that_is_too_big_is_asked_for_in_halves():
    def only_four(request):
        return values(request) if len(request.names) <= 4 else respond(request, error=TOO_BIG)

    names = [f"{COLUMN}.{i}" for i in range(10)]
    with odd_agent(only_four) as odd:
        found = run(asked_of(odd.port).get(names))
    assert set(found) == set(names)
    assert [len(request.names) for request in odd.asked] == [10, 5, 2, 3, 5, 2, 3]


def test_silence_is_asked_again_and_then_told():
    with (
        odd_agent(lambda _: None) as odd,
        pytest.raises(UnreachableError, match="no answer to SNMP"),
    ):
        run(asked_of(odd.port).get([COLUMN]))
    assert len(odd.asked) == agents.TRIES


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one():
    def slow_first(request):
        # The answer to the first question comes as the answer to the second.
        if len(odd.asked) == 1:
            return None
        late = respond(odd.asked[0], (odd.asked[0].names[0], encoding.number(111)))
        return late if len(odd.asked) == 2 else values(request)

    async def ask_twice(agent):
        first = await agent.get([f"{COLUMN}.1"])
        return first, await agent.get([f"{COLUMN}.22"])

    with odd_agent(slow_first) as odd:
        agent = asked_of(odd.port)
        with pytest.raises(UnreachableError):
            run(agent.get([f"{COLUMN}.1"]))
        assert run(agent.get([f"{COLUMN}.22"])) == {f"{COLUMN}.22": len(COLUMN) + 3}


def rows(request, following):
    return respond(request, *((name, encoding.text(b"x")) for name in following))


def test_a_walk_gives_the_rows_below_a_name():
    def table(request):
        last = int(request.names[0].removeprefix(COLUMN).strip(".") or 0)
        following = [f"{COLUMN}.{i}" for i in range(last + 1, min(last + request.rows, 50) + 1)]
        return rows(request, following or ["1.3.6.1.2.1.31.1.1.1.2.1"])

    with odd_agent(table) as odd:
        found = run(asked_of(odd.port).walk(COLUMN))
    assert [name for name, _ in found] == [f"{COLUMN}.{i}" for i in range(1, 51)]


@pytest.mark.parametrize(
    "following",
    [[f"{COLUMN}.1", f"{COLUMN}.1"], [f"{COLUMN}.2", f"{COLUMN}.1"]],
    ids=["the same", "going back"],
)
def test_a_walk_in_circles_is_refused(following):
    with (
        odd_agent(lambda request: rows(request, following)) as odd,
        pytest.raises((RefusedError, UnreachableError)),
    ):
        run(asked_of(odd.port).walk(COLUMN))


def test_a_walk_of_more_rows_than_a_router_has_ends(monkeypatch):
    monkeypatch.setattr(agents, "MOST_ROWS", 100)

    def endless(request):
        last = int(request.names[0].removeprefix(COLUMN).strip(".") or 0)
        return rows(request, [f"{COLUMN}.{i}" for i in range(last + 1, last + 21)])

    with odd_agent(endless) as odd:
        assert len(run(asked_of(odd.port).walk(COLUMN))) == 100


def test_a_walk_that_takes_too_long_ends(monkeypatch):
    monkeypatch.setattr(agents, "WALK_WITHIN_S", 0.2)
    with (
        odd_agent(lambda _: None) as odd,
        pytest.raises(UnreachableError, match="did not end within"),
    ):
        run(asked_of(odd.port, within_s=5).walk(COLUMN))


def test_a_walk_of_nothing_is_empty():
    with odd_agent(respond) as odd:
        assert run(asked_of(odd.port).walk(COLUMN)) == ()


@pytest.mark.parametrize(
    "junk", [b"", b"\x30", b"\x30\x82\xff\xff", b"\xff" * 200, b"GET / HTTP/1"]
)
def test_junk_is_no_answer(junk):
    with odd_agent(lambda _: junk) as odd:
        agent = asked_of(odd.port)
        assert run(agent.get([COLUMN, f"{COLUMN}.1"])) == {}
        assert run(agent.walk(COLUMN)) == ()


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=2), st.integers(0, 400)
)
def test_a_torn_or_changed_answer_is_none_or_some_values(changes, length):
    def torn(request):
        answer = bytearray(values(request))
        for place, octet in changes:
            answer[place % len(answer)] = octet
        return bytes(answer[:length])

    with odd_agent(torn) as odd:
        agent = asked_of(odd.port, within_s=0.02)
        try:
            found = run(agent.get([COLUMN, f"{COLUMN}.1"]))
        except UnreachableError:
            return
        assert len(found) <= 4


def test_a_target_shows_no_secret():
    target = Target(
        "mora-r1", "127.0.0.1", 161, SnmpVersion.V3, user="u", authentication="hush", privacy="psst"
    )
    assert "hush" not in repr(target)
    assert "psst" not in repr(target)
