"""What an agent's values mean."""

import pytest

from controller.snmp import oids
from controller.snmp.counters import Counter
from controller.snmp.model import Battery, LinkState, Temperature
from controller.snmp.tables import Inventory, as_text, plan_watch, read_values

EMPTY = Inventory({}, {}, frozenset(), (), {}, {}, {}, {}, {}, {})
UCD = dict.fromkeys(oids.UCD_SYSTEM, 1)


def inventory(**changes):
    found = {
        "names": {"1": b"lo", "2": b"eth1", "3": b"eth2"},
        "speeds": {"2": 1000},
        "wide": frozenset({"2"}),
        **changes,
    }
    return Inventory(**{name: found.get(name, getattr(EMPTY, name)) for name in EMPTY.__slots__})


def read(found, values, wanted=("eth1",)):
    watch = plan_watch(found, frozenset(wanted))
    return read_values(watch, {oids.SYS_UP_TIME: 500, **values}, "mora-r1", 9.0, 8.0)


def test_an_interface_is_read_with_64_bit_octets_where_it_has_them():
    values = {
        f"{oids.IF_OPER_STATUS}.2": 1,
        f"{oids.IF_ADMIN_STATUS}.2": 1,
        f"{oids.IF_LAST_CHANGE}.2": 250,
        f"{oids.IF_HC_IN_OCTETS}.2": 7,
        f"{oids.IF_IN_OCTETS}.2": 99,
        f"{oids.IF_IN_ERRORS}.2": 3,
    }
    (one,) = read(inventory(), values).interfaces
    assert (one.name, one.state, one.enabled, one.speed_bps) == ("eth1", LinkState.UP, True, 1e9)
    assert one.changed_s == 2.5
    assert one.counters == {"in_octets": Counter(7, 64), "in_errors": Counter(3, 32)}


def test_an_old_one_is_read_with_32_bits():
    values = {f"{oids.IF_OPER_STATUS}.3": 2, f"{oids.IF_IN_OCTETS}.3": 99}
    (one,) = read(inventory(), values, ["eth2"]).interfaces
    assert one.counters == {"in_octets": Counter(99, 32)}
    assert (one.state, one.speed_bps) == (LinkState.DOWN, None)


def test_an_interface_that_is_not_there_is_missing():
    assert read(inventory(), {}, ["eth1", "eth9"]).missing == ("eth9", "eth1")


def test_of_two_of_one_name_the_newest_is_watched():
    names = {"12": b"eth1", "2": b"eth1", "x": b"eth1"}
    (one,) = plan_watch(inventory(names=names), frozenset({"eth1"})).interfaces
    assert one.index == 12


def test_without_wishes_all_interfaces_are_watched():
    assert [one.name for one in plan_watch(inventory(), frozenset()).interfaces] == [
        "lo",
        "eth1",
        "eth2",
    ]


@pytest.mark.parametrize(("scale", "precision", "value"), [(9, 0, 41), (8, 0, 41_000), (9, 1, 410)])
def test_a_temperature_is_in_degrees_whatever_its_scale(scale, precision, value):
    found = inventory(
        sensor_types={"7": 8, "8": 3},
        sensor_scales={"7": scale},
        sensor_precisions={"7": precision},
        entity_names={"7": b"inlet"},
    )
    values = {f"{oids.SENSOR_VALUE}.7": value, f"{oids.SENSOR_STATUS}.7": 1}
    (one,) = read(found, values).temperatures
    assert (one.name, one.works) == ("inlet", True)
    assert one.celsius == pytest.approx(41.0)


def test_a_sensor_of_absurd_scale_says_nothing():
    found = inventory(sensor_types={"7": 8}, sensor_scales={"7": 17}, sensor_precisions={})
    assert read(found, {f"{oids.SENSOR_VALUE}.7": 41}).temperatures == ()


def test_a_broken_sensor_is_told():
    found = inventory(sensor_types={"7": 8}, sensor_scales={}, sensor_precisions={})
    values = {f"{oids.SENSOR_VALUE}.7": 20, f"{oids.SENSOR_STATUS}.7": 3}
    assert read(found, values).temperatures == (Temperature("sensor 7", 20.0, works=False),)


def test_memory_that_only_caches_files_is_free():
    values = {
        oids.UCD_MEM_TOTAL: 1000,
        oids.UCD_MEM_FREE: 100,
        oids.UCD_MEM_BUFFER: 50,
        oids.UCD_MEM_CACHED: 250,
        oids.UCD_CPU_IDLE: 30,
    }
    found = read(inventory(scalars=UCD), values)
    assert found.memory == pytest.approx(0.6)
    assert found.cpu == pytest.approx(0.7)


def test_elsewhere_memory_is_what_is_stored_in_it():
    found = inventory(storages={"1": oids.HR_STORAGE_RAM, "4": "1.3.6.1.2.1.25.2.1.4"})
    values = {f"{oids.HR_STORAGE_SIZE}.1": 400, f"{oids.HR_STORAGE_USED}.1": 100}
    assert read(found, values).memory == 0.25


def test_the_load_is_that_of_all_processors():
    found = inventory(processors=("p.1", "p.2"), scalars=UCD)
    assert read(found, {"p.1": 10, "p.2": 30}).cpu == pytest.approx(0.2)


def test_a_battery_is_read():
    found = inventory(scalars={oids.UPS_CHARGE: 80})
    values = {
        oids.UPS_OUTPUT_SOURCE: 5,
        oids.UPS_CHARGE: 61,
        oids.UPS_MINUTES_LEFT: 33,
        oids.UPS_BATTERY_STATUS: 2,
        oids.UPS_SECONDS_ON_BATTERY: 120,
    }
    assert read(found, values).battery == Battery(
        on_battery=True, low=False, charge=0.61, minutes_left=33, seconds_on_battery=120
    )


def test_twenty_seven_values_are_asked_of_a_router_with_two_circuits():
    found = inventory(wide=frozenset({"2", "3"}), scalars=UCD)
    assert len(plan_watch(found, frozenset({"eth1", "eth2"})).names) == 27


def test_text_of_an_agent_is_fit_to_be_shown():
    assert as_text(b"eth\x1b[2J1\0") == "eth [2J1"
    assert as_text(5) == ""
