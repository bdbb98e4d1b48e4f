"""Agents that say whatever comes to their mind: SNMP tables and LLDP are read, or left out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.incidents.model import Observation
from controller.polling.lldp import cable_observations, lldp_reading
from controller.polling.observing import Stamp, follow_reading, reading_observations
from controller.snmp import oids
from controller.snmp.tables import Inventory, plan_watch, read_values
from tests.rigs.examples import examples
from tests.rigs.snmp.readings import network

STAMP = Stamp("noc", 3, 50.0)
NETWORK = network()
MOST_WORDS = 2_000

texts = st.text(max_size=40)
values = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    texts,
    st.binary(max_size=60),
    st.sampled_from([b"eth1", b"eth2", b"\x1b]0;owned\x07", b"<script>", b"=cmd()", 4, 5, 7]),
)
indexes = st.lists(st.integers(0, 2**32), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)
tables = st.dictionaries(indexes, values, max_size=6)


def rows(root):
    columns = st.integers(0, 12)
    names = st.builds(lambda column, index: f"{root}.{column}.{index}", columns, indexes)
    return st.lists(st.tuples(names, values), max_size=12)


inventories = st.builds(
    Inventory,
    tables,
    tables,
    st.frozensets(indexes, max_size=3),
    st.lists(indexes.map(lambda index: f"{oids.HR_PROCESSOR_LOAD}.{index}"), max_size=3).map(tuple),
    tables,
    tables,
    tables,
    tables,
    tables,
    st.dictionaries(st.sampled_from([*oids.UCD_SYSTEM, *oids.UPS]), values),
)


def are_plain(said: "tuple[Observation, ...]") -> None:
    """Check that a terminal obeys nothing of what is said, and that it stays short."""
    for one in said:
        assert one.reason.isprintable(), repr(one.reason)
        assert len(one.reason) < MOST_WORDS


@settings(max_examples=examples(200))
@given(st.tuples(values, values), rows(oids.LLDP_LOCAL_PORT), rows(oids.LLDP_REMOTE), rows("9.9"))
def test_neighbours_of_chance_are_read_or_left_out(own, local, remote, foreign):
    chassis = dict(
        zip((oids.LLDP_LOCAL_CHASSIS_SUBTYPE, oids.LLDP_LOCAL_CHASSIS), own, strict=True)
    )
    told = lldp_reading("mora-r1", 1.0, chassis, (tuple(local), (*remote, *foreign)))
    well = lldp_reading(
        "kolofata-r1",
        1.0,
        {oids.LLDP_LOCAL_CHASSIS_SUBTYPE: 4, oids.LLDP_LOCAL_CHASSIS: b"\2\0\0\0\0\2"},
        ((), ()),
    )
    are_plain(cable_observations((told, well), NETWORK, STAMP))


@settings(max_examples=examples(200))
@given(inventories, st.data())
def test_values_of_chance_are_a_reading_and_what_follows_from_it(found, data):
    watch = plan_watch(found, frozenset(data.draw(st.sets(texts, max_size=2))))
    track = None
    for second in (0.0, 60.0):
        said = data.draw(st.dictionaries(st.sampled_from(watch.names), values))
        reading = read_values(watch, said, "mora-r1", second, second)
        are_plain(reading_observations(track, reading, NETWORK, STAMP))
        track = follow_reading(track, reading)
