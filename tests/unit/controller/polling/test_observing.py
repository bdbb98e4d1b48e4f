"""What readings and silences say of devices and circuits."""

from dataclasses import replace

import pytest

from controller.incidents.model import Health, Source, Subject, SubjectKind
from controller.polling.observing import (
    BUSY_FOR_S,
    Heard,
    Stamp,
    Track,
    follow_reading,
    reading_observations,
    round_observations,
    silence_observations,
)
from controller.snmp.model import Battery, LinkState, Silence, Temperature
from tests.rigs.snmp.readings import a_round, interface, network, reading

STAMP = Stamp("noc", 7, 1000.5)
CIRCUIT = Subject(SubjectKind.CIRCUIT, "mora-kolofata")
DEVICE = Subject(SubjectKind.DEVICE, "mora-r1")


def said(seen, before=None):
    track = Track((before,)) if before else None
    found = reading_observations(track, seen, network(), STAMP)
    return {(one.subject, one.source): one for one in found}


def of_circuit(seen, before=None):
    return said(seen, before)[CIRCUIT, Source.SNMP]


def test_a_sound_router_and_its_circuit_are_well():
    found = said(reading())
    device, circuit = found[DEVICE, Source.SNMP], found[CIRCUIT, Source.SNMP]
    assert (device.state, device.observer, device.sequence) == (Health.OK, "noc", 7)
    assert (circuit.state, circuit.observer, circuit.reason) == (
        Health.OK,
        "mora-r1",
        "mora-r1 eth1 is up",
    )
    assert (circuit.at_s, circuit.received_s, circuit.load) == (1000.0, 1000.5, None)


@pytest.mark.parametrize("state", [LinkState.DOWN, LinkState.LOWER_LAYER_DOWN, LinkState.ABSENT])
def test_an_interface_without_link_is_a_circuit_down(state):
    found = of_circuit(reading("mora-r1", interface(state=state, changed_s=940.0)))
    assert (found.state, found.reason) == (Health.DOWN, "mora-r1 eth1 has no link for 60 s")


def test_one_that_is_switched_off_is_down_and_says_so():
    found = of_circuit(reading("mora-r1", interface(enabled=False, state=LinkState.DOWN)))
    assert (found.state, found.reason) == (Health.DOWN, "mora-r1 eth1 is switched off")


@pytest.mark.parametrize("state", [LinkState.UNKNOWN, LinkState.TESTING, LinkState.DORMANT])
def test_one_whose_state_says_nothing_is_unknown(state):
    assert of_circuit(reading("mora-r1", interface(state=state))).state is Health.UNKNOWN


def test_one_that_is_not_there_is_unknown():
    found = of_circuit(reading("mora-r1", interface("eth7"), missing=("eth1",)))
    assert (found.state, found.reason) == (Health.UNKNOWN, "mora-r1 has no interface eth1")


def test_a_silent_agent_makes_everything_unknown_and_nothing_down():
    found = silence_observations(None, Silence("kolofata-r1", 9.0, "no answer"), network(), STAMP)
    assert {one.subject.name for one in found} == {"kolofata-r1", "mora-kolofata", "sky"}
    assert {one.state for one in found} == {Health.UNKNOWN}
    assert found[0].reason == "no answer"


def test_a_battery_that_can_no_more_be_asked_for_is_unknown():
    battery = Battery(
        on_battery=False, low=False, charge=1.0, minutes_left=60, seconds_on_battery=0
    )
    track = Track((reading(battery=battery),))
    found = silence_observations(track, Silence("mora-r1", 9.0, "no answer"), network(), STAMP)
    assert Health.UNKNOWN in {one.state for one in found if one.source is Source.UPS}


def test_load_is_the_share_of_the_circuit_in_the_fuller_direction():
    before = reading("mora-r1", interface(octets=0), at_s=1000.0)
    after = reading("mora-r1", interface(octets=312_500_000), at_s=1010.0)
    assert of_circuit(after, before).load == pytest.approx(0.25)


def test_after_a_restart_there_is_no_load_but_no_fault_either():
    before = reading("mora-r1", interface(octets=10**12), at_s=1000.0)
    after = reading("mora-r1", interface(octets=500), at_s=1010.0, uptime_s=3.0)
    found = of_circuit(after, before)
    assert (found.state, found.load) == (Health.OK, None)


def test_an_interface_with_another_number_is_another_interface():
    before = reading("mora-r1", interface(octets=0), at_s=1000.0)
    after = reading("mora-r1", interface(octets=10**9, index=9), at_s=1010.0)
    assert of_circuit(after, before).load is None


def test_errors_make_a_circuit_degraded_and_few_do_not():
    before = reading("mora-r1", interface(errors=0), at_s=1000.0)
    many = of_circuit(reading("mora-r1", interface(errors=120), at_s=1010.0), before)
    assert (many.state, many.reason) == (
        Health.DEGRADED,
        "mora-r1 eth1: 12 errors received per second",
    )
    few = of_circuit(reading("mora-r1", interface(errors=5), at_s=1010.0), before)
    assert few.state is Health.OK


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"memory": 0.97}, "its memory is 97% full"),
        ({"temperatures": (Temperature("inlet", 91.2),)}, "inlet is at 91 °C"),
    ],
)
def test_a_device_that_is_not_well_says_why(changes, words):
    found = said(reading(**changes))[DEVICE, Source.SNMP]
    assert (found.state, found.reason) == (Health.DEGRADED, words)


def test_a_broken_sensor_heats_nothing():
    hot = (Temperature("inlet", 300.0, works=False),)
    assert said(reading(temperatures=hot))[DEVICE, Source.SNMP].state is Health.OK


def test_a_processor_is_too_busy_only_after_minutes():
    track = follow_reading(None, reading(cpu=1.0, at_s=1000.0))
    soon = reading_observations(track, reading(cpu=1.0, at_s=1100.0), network(), STAMP)[0]
    assert soon.state is Health.OK
    track = follow_reading(track, reading(cpu=1.0, at_s=1100.0))
    late = reading(cpu=1.0, at_s=1000.0 + BUSY_FOR_S)
    found = reading_observations(track, late, network(), STAMP)[0]
    assert (found.state, found.reason) == (
        Health.DEGRADED,
        "its processor is busy for 5 minutes",
    )
    pause = follow_reading(track, reading(cpu=0.2, at_s=1200.0))
    assert reading_observations(pause, late, network(), STAMP)[0].state is Health.OK


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, Health.OK, "on mains power, 80% charged"),
        (
            {"on_battery": True},
            Health.DEGRADED,
            "mains power is away; it runs on its battery, 80% charged, 45 minutes left",
        ),
        ({"low": True}, Health.DEGRADED, "its battery would not last, 80% charged"),
        ({"minutes_left": 3}, Health.DEGRADED, "its battery would not last, 80% charged"),
        ({"charge": None, "minutes_left": None}, Health.OK, "on mains power"),
    ],
)
def test_a_battery_says_how_it_stands(changes, state, words):
    made = Battery(on_battery=False, low=False, charge=0.8, minutes_left=45, seconds_on_battery=0)
    found = said(reading(battery=replace(made, **changes)))[DEVICE, Source.UPS]
    assert (found.state, found.reason) == (state, words)


def test_a_round_says_everything_of_everybody():
    done = a_round("kolofata-r1", reading())
    found = round_observations(Heard(), done, network(), STAMP)
    assert {(one.subject.name, one.observer, one.state) for one in found} == {
        ("mora-r1", "noc", Health.OK),
        ("mora-kolofata", "mora-r1", Health.OK),
        ("kolofata-r1", "noc", Health.UNKNOWN),
        ("mora-kolofata", "kolofata-r1", Health.UNKNOWN),
        ("sky", "kolofata-r1", Health.UNKNOWN),
    }
