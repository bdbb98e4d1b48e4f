"""The doors for notifications and syslog: over real sockets, with whatever comes."""

import asyncio
import socket
from collections import Counter
from time import monotonic

import pytest

from controller.clock import SystemClock
from controller.incidents.model import Health, Observation, Source
from controller.polling.collector import ASK_AGAIN_S, Collector, Place
from controller.polling.datagrams import BUFFER_OCTETS, DatagramListener, Received
from controller.polling.listeners import STRANGER, Listeners, ListeningPorts
from controller.polling.network import WiredNetwork
from controller.snmp import oids
from controller.snmp.targets import Target
from inventory.model import SnmpVersion
from tests.rigs.snmp import encoding
from tests.rigs.snmp.encoding import INFORM, RESPONSE, TRAP, notification
from tests.rigs.snmp.readings import network

PORTS = ListeningPorts("127.0.0.1", traps=0, syslog=0, syslog_tcp=0)
WITHIN_S = 30


def from_loopback() -> WiredNetwork:
    """Return the network, in which this machine's address is Mora's router."""
    made = network()
    return WiredNetwork(made.landings, {"127.0.0.1": "mora-r1"}, made.peers)


class Doors:
    """Listeners of a collector whose one agent does not answer."""

    def __init__(self, wired: WiredNetwork) -> None:
        self.said: list[Observation] = []
        dead = Target("mora-r1", "127.0.0.1", 1, SnmpVersion.V2C, community="public")
        place = Place("noc", SystemClock())
        self.collector = Collector(place, [dead], wired, self.said.extend)
        self.listeners = Listeners(self.collector)

    async def __aenter__(self) -> "Doors":
        await self.listeners.start(PORTS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.listeners.stop()

    def send(self, door: str, *datagrams: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            for datagram in datagrams:
                link.sendto(datagram, ("127.0.0.1", self.listeners.ports[door]))


async def until(check) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not check():
            await asyncio.sleep(0.01)


def with_doors(act, wired=None):
    async def run():
        async with Doors(wired or from_loopback()) as doors:
            await act(doors)
            return doors

    return asyncio.run(run())


def test_a_burst_of_traps_is_taken_whole():
    async def act(doors):
        doors.send("traps", *[notification(TRAP, oids.WARM_START)] * 3000)
        await until(lambda: doors.listeners.traps.taken + doors.listeners.traps.dropped >= 3000)

    count = with_doors(act).listeners.traps
    assert (count.taken, count.dropped, count.refused) == (3000, 0, 0)


def test_an_inform_is_answered():
    async def act(doors):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.settimeout(0)
            target = ("127.0.0.1", doors.listeners.ports["traps"])
            link.sendto(notification(INFORM, oids.WARM_START), target)
            loop = asyncio.get_running_loop()
            answer = await asyncio.wait_for(loop.sock_recv(link, 4096), WITHIN_S)
        assert answer == notification(RESPONSE, oids.WARM_START)

    with_doors(act)


def test_what_no_device_sends_and_a_wrong_community_are_counted():
    wrong = notification(TRAP, oids.WARM_START, community=b"guess")

    async def act(doors):
        doors.send("traps", wrong, b"junk", b"\x30\x03\x02\x01\x03")
        await until(lambda: doors.listeners.traps.refused == 2)
        assert doors.said == []

    count = with_doors(act).listeners.traps
    assert count.taken == 0
    assert sum(count.reasons.values()) == 2

    async def strange(doors):
        doors.send("traps", notification(TRAP, oids.WARM_START))
        doors.send("syslog", b"<13>x")
        listeners = doors.listeners
        await until(lambda: listeners.traps.refused and listeners.syslog.refused)

    stranger = with_doors(strange, network()).listeners
    assert set(stranger.traps.reasons) | set(stranger.syslog.reasons) == {STRANGER}


def test_junk_of_version_3_ends_nothing():
    head = b"\x30\x40\x02\x01\x03"
    junk = [head + bytes([n]) * (n % 60) for n in range(200)]

    async def act(doors):
        doors.send("traps", *junk, notification(TRAP, oids.WARM_START))
        await until(lambda: doors.listeners.traps.taken == 1)
        doors.send("traps", *junk, notification(TRAP, oids.WARM_START))
        await until(lambda: doors.listeners.traps.taken == 2)

    with_doors(act)


def test_lines_come_by_datagram_and_by_stream():
    async def act(doors):
        doors.send("syslog", b"<13>Oct 11 22:14:15 mora-r1 zebra: one", b"no line")
        await until(lambda: doors.listeners.syslog.taken == 1)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", doors.listeners.ports["syslog_tcp"]
        )
        writer.write(b"7 <13>two7 <13>thr<14>four\nGET / HTTP/1.1\r\n")
        await until(lambda: doors.listeners.syslog.taken == 4)
        # What is no syslog ends the connection.
        assert await asyncio.wait_for(reader.read(), WITHIN_S) == b""
        writer.close()

    listeners = with_doors(act).listeners
    assert [line.message.text for line in listeners.lines] == ["one", "two", "thr", "four"]
    assert {line.device for line in listeners.lines} == {"mora-r1"}
    assert Counter(listeners.syslog.reasons) == {
        "no priority at the start": 1,
        "neither a length nor a priority": 1,
    }


def test_a_severe_line_is_said_of_its_device():
    async def act(doors):
        doors.send("syslog", b"<2>kernel: power supply 1 failed")
        await until(lambda: any(one.source is Source.SYSLOG for one in doors.said))

    said = [one for one in with_doors(act).said if one.source is Source.SYSLOG]
    assert [(one.subject.name, one.state, one.reason) for one in said] == [
        ("mora-r1", Health.DEGRADED, "says: power supply 1 failed")
    ]


def test_a_line_about_a_link_has_the_device_asked():
    async def act(doors):
        doors.send("syslog", b"<13>zebra: interface eth1 link down")
        await until(lambda: any(one.source is Source.SNMP for one in doors.said))

    assert {one.state for one in with_doors(act).said} == {Health.UNKNOWN}


def test_what_comes_right_after_a_device_was_asked_has_it_asked_once_more():
    """An agent that restarts says first that it goes; when it is back, its answers count."""
    asked = []

    async def act(doors):
        poller = doors.collector.poller
        heard = await poller.poll_one("mora-r1", 0.0)

        async def poll_one(device, _unix_s):
            asked.append(monotonic())
            return heard

        poller.poll_one = poll_one
        doors.send("traps", notification(TRAP, oids.WARM_START))
        await until(lambda: len(asked) == 1)
        doors.send("traps", *[notification(TRAP, oids.WARM_START)] * 20)
        await until(lambda: doors.listeners.traps.taken == 21 and len(asked) == 2)

    with_doors(act)
    assert asked[1] - asked[0] >= ASK_AGAIN_S


def test_datagrams_that_the_kernel_drops_are_counted():
    count = Received()

    async def act():
        listener = DatagramListener(lambda *_: b"", count)
        port = listener.start("127.0.0.1", 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            # Nothing is read while this loop does not turn.
            for _ in range(2 * BUFFER_OCTETS // 30_000 + 200):
                link.sendto(b"x" * 30_000, ("127.0.0.1", port))
            await asyncio.sleep(0.1)
            link.sendto(b"last", ("127.0.0.1", port))
            await until(lambda: count.dropped > 0)
        listener.stop()

    asyncio.run(act())


def test_a_port_that_is_taken_is_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        taken = ListeningPorts("127.0.0.1", traps=link.getsockname()[1], syslog=None)

        async def act(doors):
            with pytest.raises(OSError, match="in use"):
                await doors.listeners.start(taken)

        with_doors(act)


def test_bindings_do_not_become_commands():
    evil = ("1.3.6.1.4.1.1.1", encoding.text(b"$(reboot)\x1b[2J"))

    async def act(doors):
        doors.send("traps", notification(TRAP, oids.LINK_DOWN, evil))
        await until(lambda: doors.listeners.traps.taken == 1)

    assert all("reboot" not in one.reason for one in with_doors(act).said)
