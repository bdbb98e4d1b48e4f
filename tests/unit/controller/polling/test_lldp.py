"""Which cable is in a wrong hole, by chassis and port id alone."""

import pytest

from controller.incidents.model import Health, Source
from controller.polling.lldp import LldpReading, Neighbour, cable_observations, lldp_reading
from controller.polling.observing import Stamp
from controller.snmp import oids
from controller.snmp.model import Value
from tests.rigs.snmp.readings import network

STAMP = Stamp("noc", 3, 50.0)
MORA, KOLOFATA, OTHER = ((4, bytes((2, 0, 0, 0, 0, n))) for n in (1, 2, 9))


def port(number):
    return (5, f"eth{number}".encode())


def lldp(device, chassis, *neighbours):
    ports = {f"eth{n}": port(n) for n in (1, 2)}
    return LldpReading(device, 49.0, chassis, ports, neighbours)


def meets(chassis, number=1, here="eth1", **changes):
    return Neighbour(here, chassis, port(number), **changes)


def verdicts(*readings):
    said = cable_observations(readings, network(), STAMP)
    assert {one.source for one in said} <= {Source.LLDP}
    return {(one.subject.name, one.observer): (one.state, one.reason) for one in said}


def test_cables_as_intended_are_well():
    found = verdicts(
        lldp("mora-r1", MORA, meets(KOLOFATA)), lldp("kolofata-r1", KOLOFATA, meets(MORA))
    )
    assert found == {
        ("mora-kolofata", "mora-r1"): (Health.OK, "mora-r1 eth1 meets kolofata-r1"),
        ("mora-kolofata", "kolofata-r1"): (Health.OK, "kolofata-r1 eth1 meets mora-r1"),
    }


def test_a_cable_to_another_device_is_told():
    found = verdicts(
        lldp("mora-r1", MORA, meets(OTHER)),
        lldp("kolofata-r1", KOLOFATA),
        lldp("mora-r2", OTHER),
    )
    assert found == {
        ("mora-kolofata", "mora-r1"): (
            Health.DEGRADED,
            "wrong cable: mora-r1 eth1 should meet kolofata-r1, meets mora-r2",
        )
    }


def test_a_cable_in_another_hole_of_the_right_device_is_told():
    found = verdicts(
        lldp("mora-r1", MORA, meets(KOLOFATA, 2)), lldp("kolofata-r1", KOLOFATA, here_at(2))
    )
    assert found["mora-kolofata", "mora-r1"] == (
        Health.DEGRADED,
        "wrong cable: mora-r1 eth1 should meet kolofata-r1 eth1, meets kolofata-r1 eth2",
    )


def here_at(number):
    return meets(MORA, 1, here=f"eth{number}")


def test_a_stranger_is_told_by_its_chassis_and_a_name_proves_nothing():
    liar = meets(OTHER, name="kolofata-r1")
    found = verdicts(lldp("mora-r1", MORA, liar), lldp("kolofata-r1", KOLOFATA))
    assert found["mora-kolofata", "mora-r1"][1] == (
        "wrong cable: mora-r1 eth1 should meet kolofata-r1, meets an unknown device that calls "
        "itself kolofata-r1 (chassis 02:00:00:00:00:09)"
    )


@pytest.mark.parametrize(
    "readings",
    [
        (lldp("mora-r1", MORA), lldp("kolofata-r1", KOLOFATA)),
        (lldp("mora-r1", MORA, meets(OTHER)),),
        (lldp("mora-r1", MORA, meets(OTHER)), lldp("kolofata-r1", None)),
    ],
    ids=["nobody seen", "the far end unread", "the far end without LLDP"],
)
def test_what_cannot_be_told_is_not_said(readings):
    assert verdicts(*readings) == {}


def test_behind_a_switch_the_right_one_among_several_is_enough():
    found = verdicts(
        lldp("mora-r1", MORA, meets(OTHER), meets(KOLOFATA)), lldp("kolofata-r1", KOLOFATA)
    )
    assert found["mora-kolofata", "mora-r1"][0] is Health.OK


def rows(root, index, **columns):
    return tuple((f"{root}.{number[1:]}.{index}", value) for number, value in columns.items())


def test_the_mibs_values_are_read_and_an_empty_name_inherits_none():
    own: dict[str, Value] = {oids.LLDP_LOCAL_CHASSIS_SUBTYPE: 4, oids.LLDP_LOCAL_CHASSIS: MORA[1]}
    local = rows(oids.LLDP_LOCAL_PORT, "17", c2=3, c3=b"\x02\0\0\0\0\x77", c4=b"eth1")
    remote = (
        *rows(oids.LLDP_REMOTE, "900.17.1", c4=4, c5=KOLOFATA[1], c6=5, c7=b"eth1", c9=b"kolofata"),
        *rows(oids.LLDP_REMOTE, "901.17.2", c4=4, c5=OTHER[1], c6=3, c7=b"\0", c8=b"Gi\x1b1"),
        *rows(oids.LLDP_REMOTE, "902.99.3", c4=4, c5=OTHER[1], c6=3, c7=b"\0"),
        *rows(oids.LLDP_REMOTE, "903.17", c4=4, c5=OTHER[1], c6=3, c7=b"\0"),
        *rows(oids.LLDP_REMOTE, "904.17.4", c4="no number", c5=OTHER[1]),
    )
    found = lldp_reading("mora-r1", 9.0, own, (local, remote))
    assert found.chassis == MORA
    assert found.ports == {"eth1": (3, b"\x02\0\0\0\0\x77")}
    assert found.neighbours == (
        Neighbour("eth1", KOLOFATA, (5, b"eth1"), "", "kolofata"),
        Neighbour("eth1", OTHER, (3, b"\0"), "Gi 1", ""),
    )
