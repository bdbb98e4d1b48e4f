"""Who is at fault when many agents fall silent at once."""

import pytest

from controller.incidents.model import Health, Source, Subject, SubjectKind
from controller.polling.collector_health import collector_observation, lost_agents
from controller.polling.observing import Heard, Stamp, follow_round
from tests.rigs.snmp.readings import a_round, reading

ALL = tuple(f"r{i}" for i in range(8))
STAMP = Stamp("noc", 5, 1000.0)


def split(*silent, of=ALL):
    return a_round(*silent, *(reading(name) for name in of if name not in silent))


@pytest.mark.parametrize(
    ("silent", "lost"),
    [
        ((), ()),
        (("r0",), ()),
        (("r0", "r1", "r2", "r3"), ()),
        (("r0", "r1", "r2", "r3", "r4"), ("r0", "r1", "r2", "r3", "r4")),
        (ALL, ALL),
    ],
)
def test_more_than_half_at_once_is_the_collectors_fault(silent, lost):
    assert lost_agents(Heard(), split(*silent)) == frozenset(lost)


def test_one_after_the_other_is_theirs():
    heard = Heard()
    for count in range(8):
        done = split(*ALL[:count])
        lost = lost_agents(heard, done)
        assert lost == frozenset()
        heard = follow_round(heard, done, lost)


def test_when_none_is_left_nobody_hears():
    heard = follow_round(Heard(), split(*ALL[:7]), frozenset())
    assert lost_agents(heard, split(*ALL)) == frozenset(ALL)


def test_the_collector_stays_lost_until_half_are_heard_again():
    heard = follow_round(Heard(), split(*ALL), lost_agents(Heard(), split(*ALL)))
    assert lost_agents(heard, split(*ALL)) == frozenset(ALL)
    assert lost_agents(heard, split(*ALL[:5])) == frozenset(ALL[:5])
    assert lost_agents(heard, split(*ALL[:4])) == frozenset()


def test_a_lone_agent_is_never_the_collectors_fault():
    assert lost_agents(Heard(), split("r0", of=("r0",))) == frozenset()


def test_two_of_two_are():
    assert lost_agents(Heard(), split("r0", "r1", of=("r0", "r1"))) == {"r0", "r1"}


def test_an_agent_that_refuses_is_there():
    done = a_round(*(reading(name) for name in ALL[:2]))
    assert lost_agents(Heard(), done) == frozenset()


def test_the_collector_says_how_it_stands():
    done = split(*ALL)
    said = collector_observation(frozenset(ALL), done, STAMP)
    assert (said.subject, said.source) == (Subject(SubjectKind.COLLECTOR, "noc"), Source.COLLECTOR)
    assert (said.state, said.reason) == (
        Health.DOWN,
        "8 of 8 agents fell silent at once; the fault is here, not there",
    )
    well = collector_observation(frozenset(), split("r0"), STAMP)
    assert (well.state, well.reason) == (Health.OK, "hears 7 of 8 agents")
