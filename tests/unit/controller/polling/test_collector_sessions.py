"""A collector that asks routers for their sessions: BFD is told before BGP is asked."""

import asyncio
import json

from controller.clock import SystemClock
from controller.incidents.model import Health, Observation, Source
from controller.polling import bgp
from controller.polling.collector import Collector, Place
from controller.polling.messages import session_line
from controller.polling.observing import Stamp
from controller.polling.syslog import parse_message
from inventory.addressing import link4
from tests.rigs.snmp.readings import intent, network

FAR = str(link4(intent().network.plan, 1)[1].ip)


def heard_when_bgp_is_asked(bfd_state):
    said, known = list[Observation](), list[Health]()
    collector = Collector(Place("noc", SystemClock()), (), network(), said.extend)

    def show(device, command):
        if command == bgp.SHOW_BFD:
            return json.dumps([{"peer": FAR, "status": bfd_state}])
        known.extend(one.state for one in said)
        return json.dumps({"ipv4Unicast": {"peers": {FAR: {"state": "Established"}}}})

    fallen = asyncio.run(collector.read_sessions(show, ["mora-r1"]))
    return known, [one.state for one in said], fallen


def test_a_cut_that_bfd_names_is_told_before_bgp_answers():
    known, said, fallen = heard_when_bgp_is_asked("down")
    assert known == [Health.DOWN]
    assert said == [Health.DOWN, Health.DOWN]
    assert fallen == {"mora-r1"}


def test_standing_sessions_are_told_once_after_both():
    assert heard_when_bgp_is_asked("up") == ([], [Health.OK], frozenset())


def test_a_collector_that_is_started_again_ends_what_a_line_told_before():
    told = list[Observation]()
    collector = Collector(Place("noc", SystemClock()), (), network(), told.extend)
    line = parse_message(f"<28>bgpd: %ADJCHANGE: neighbor {FAR} in vrf default Down".encode())
    collector.remember(session_line(line, "mora-r1", network(), Stamp("noc", 8, 70.0)))

    def show(device, command):
        if command == bgp.SHOW_BFD:
            return json.dumps([{"peer": FAR, "status": "up"}])
        return json.dumps({"ipv4Unicast": {"peers": {FAR: {"state": "Established"}}}})

    asyncio.run(collector.read_sessions(show, ["mora-r1"]))
    assert (Source.SYSLOG, Health.OK) in [(one.source, one.state) for one in told]
