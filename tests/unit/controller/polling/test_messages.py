"""What traps and lines of syslog mean."""

from dataclasses import replace

import pytest

from controller.clock import SystemClock
from controller.incidents.model import Health, Observation, Source
from controller.polling.collector import Collector, Place
from controller.polling.messages import (
    asks_for_poll,
    quiet_observation,
    session_line,
    settled_sessions,
    settled_traps,
    severe_observation,
    trap_observations,
)
from controller.polling.observing import Stamp, Track
from controller.polling.syslog import parse_message
from controller.snmp import oids
from controller.snmp.model import LinkState
from controller.snmp.traps import Notification
from tests.rigs.snmp.readings import interface, network, reading

STAMP = Stamp("noc", 8, 70.0)
TRACK = Track((reading(),))


def trap(kind, **values):
    return Notification(kind, 1.0, values)


def link(kind, index=2):
    return Notification(kind, 1.0, {f"{oids.IF_INDEX}.{index}": index})


def said(notification, track=TRACK):
    found = trap_observations(notification, track, "mora-r1", network(), STAMP)
    return [(one.subject.name, one.source, one.state, one.reason) for one in found]


def test_a_trap_tells_of_a_link():
    assert said(link(oids.LINK_DOWN)) == [
        ("mora-kolofata", Source.TRAP, Health.DOWN, "mora-r1 reports that eth1 has no link")
    ]
    assert said(link(oids.LINK_UP)) == [
        ("mora-kolofata", Source.TRAP, Health.OK, "mora-r1 reports that eth1 has a link again")
    ]


def test_one_of_an_interface_without_circuit_or_before_any_reading_says_nothing():
    assert said(link(oids.LINK_DOWN, index=9)) == []
    assert said(link(oids.LINK_DOWN), track=None) == []
    assert said(trap(oids.COLD_START)) == []


@pytest.mark.parametrize("kind", sorted(oids.UPS_ON_BATTERY))
def test_a_power_supply_tells_that_mains_are_away(kind):
    ((name, source, state, _),) = said(trap(kind))
    assert (name, source, state) == ("mora-r1", Source.UPS, Health.DEGRADED)


def reported(state):
    kind = oids.LINK_DOWN if state is Health.DOWN else oids.LINK_UP
    found = trap_observations(link(kind), TRACK, "mora-r1", network(), STAMP)
    return {one.subject.name: one for one in found}


def test_a_link_that_is_up_again_when_asked_ends_what_a_trap_reported():
    (end,) = settled_traps(reported(Health.DOWN), reading(), network(), STAMP)
    assert (end.source, end.state, end.observer) == (Source.TRAP, Health.OK, "mora-r1")


def ends_of(*, remembered):
    """Return what a collector that was started again says of a link that is up by then."""
    told = list[Observation]()
    collector = Collector(Place("noc", SystemClock()), (), network(), told.extend)
    if remembered:
        collector.remember(reported(Health.DOWN).values())
    collector._settle(reading())
    return [(one.source, one.subject.name, one.state) for one in told]


def test_a_collector_that_is_started_again_ends_what_a_trap_reported_before():
    assert ends_of(remembered=True) == [(Source.TRAP, "mora-kolofata", Health.OK)]
    # The control: it would stay so for ever, as nobody was there when its end was told.
    assert ends_of(remembered=False) == []


def test_what_a_collector_heard_itself_is_not_replaced_by_what_is_remembered():
    told = list[Observation]()
    collector = Collector(Place("noc", SystemClock()), (), network(), told.extend)
    collector.report_trap("mora-r1", tuple(reported(Health.OK).values()))
    collector.remember(reported(Health.DOWN).values())
    collector._settle(reading())
    assert [one.state for one in told] == [Health.OK]


def test_one_that_is_down_does_not_nor_does_what_was_up():
    down = reading("mora-r1", interface(state=LinkState.DOWN))
    assert settled_traps(reported(Health.DOWN), down, network(), STAMP) == ()
    assert settled_traps(reported(Health.OK), reading(), network(), STAMP) == ()


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        (b"<13>zebra: link eth1 down", True),
        (b"<189>%LINEPROTO-5-UPDOWN: Line protocol on Interface Gi0/1, link is up", True),
        (b"<30>bgpd: %ADJCHANGE: neighbor 172.20.0.3 Down BGP Notification", True),
        (b"<2>kernel: out of memory", True),
        (b"<13>sshd: accepted key for root", False),
    ],
)
def test_some_lines_ask_for_a_look(line, asks):
    assert asks_for_poll(parse_message(line)) is asks


def test_a_severe_line_is_said_in_the_devices_words_until_it_is_quiet():
    said = severe_observation(parse_message(b"<2>kernel: panic\x1b[2J"), "mora-r1", STAMP)
    assert (said.source, said.state, said.reason) == (
        Source.SYSLOG,
        Health.DEGRADED,
        "says: panic [2J",
    )
    assert quiet_observation("mora-r1", STAMP).state is Health.OK


def session(text, device="mora-r1"):
    """Return what a line of bgpd says, as FRR and the C library write it."""
    line = f"<30>Nov 30 15:00:00 mora-r1 bgpd[7]: [M7Q4P-46WDR] {text}".encode()
    return session_line(parse_message(line), device, network(), STAMP)


FAR = next(far for device, far in network().peers if device == "mora-r1" and "." in far)
DOWN = f"%ADJCHANGE: neighbor {FAR}(kolofata-r1) in vrf default Down BFD down received"
UP = f"%ADJCHANGE: neighbor {FAR}(kolofata-r1) in vrf default Up"


def test_a_line_tells_that_a_session_over_a_circuit_ended_or_stands():
    (down,), (up,) = session(DOWN), session(UP)
    assert (down.subject.name, down.source, down.state) == (
        "mora-kolofata",
        Source.SYSLOG,
        Health.DEGRADED,
    )
    assert down.reason == ("mora-r1 logged that BGP with kolofata-r1 went down (BFD down received)")
    assert (up.state, up.reason) == (
        Health.OK,
        "mora-r1 logged that BGP with kolofata-r1 went up",
    )


def test_ios_says_the_same_in_other_words():
    text = f"%BGP-5-ADJCHANGE: neighbor {FAR} Down Interface flap"
    ((_, reason),) = [(one.state, one.reason) for one in session(text)]
    assert reason.endswith("went down (Interface flap)")


@pytest.mark.parametrize(
    ("text", "device"),
    [
        (DOWN.replace(FAR, "192.0.2.77"), "mora-r1"),
        (DOWN, "kolofata-r1"),
        ("%ADJCHANGE: neighbor 1.2.3.4.5 Down", "mora-r1"),
        ("no session at all", "mora-r1"),
    ],
)
def test_one_of_no_circuit_of_the_device_says_nothing(text, device):
    assert session(text, device) == ()


def test_a_session_that_stands_when_asked_ends_what_a_line_told():
    (down,) = session(DOWN)
    logged = {down.subject.name: down}
    stands = replace(down, source=Source.BGP, state=Health.OK)
    (end,) = settled_sessions(logged, [stands], Stamp("noc", 9, 80.0))
    assert (end.source, end.state, end.sequence) == (Source.SYSLOG, Health.OK, 9)
    fallen = replace(stands, state=Health.DEGRADED)
    assert settled_sessions(logged, [fallen], STAMP) == ()
    assert settled_sessions({"mora-kolofata": end}, [stands], STAMP) == ()
