"""People behind a real interface: who is granted gets through, and nobody else does."""

import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import TypeAlias
from uuid import uuid4

import pytest

from inventory.model import Ports, Segment
from tests.factories import hierarchy
from tests.rigs.people.people_rig import opened_to
from tests.rigs.people.people_spaces import Spaces, standing
from vpn.grants import packet_filter
from vpn.model import AccessPolicy, Address, Grant, Group, Person, ServiceHost

pytestmark = pytest.mark.netns
Somebody: TypeAlias = tuple[Person, tuple[Address, ...]]

DOCTOR, NURSE, STRANGER, SERVER = "172.26.0.1", "172.26.0.2", "172.26.0.3", "10.0.3.140"
POLICY = AccessPolicy(
    (Group("doctors", "Doctors", "doctor", "yaounde"), Group("the-nurses", "", "nurse", "yaounde")),
    (
        Grant("doctors", ("records", "portal"), "They treat patients"),
        Grant("the-nurses", ("portal",), "They are with the patient"),
    ),
    (
        ServiceHost("records", "yaounde", (ip_address(SERVER),), (Ports("tcp", 443, 443),)),
        ServiceHost("portal", "yaounde", (ip_address(SERVER),), (Ports("tcp", 8000, 8010),)),
    ),
)
MEMBERS = (
    (Person("a", "A", "doctor", "yaounde"), (ip_address(DOCTOR),)),
    (Person("b", "B", "nurse", "yaounde"), (ip_address(NURSE),)),
)
HOLD = """
import errno, socket, sys
with socket.create_connection((sys.argv[2], int(sys.argv[3])), 4, (sys.argv[1], 0)) as line:
    print("open", flush=True)
    sys.stdin.readline()
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
    line.send(b"x")
    try:
        line.recv(1)
    except TimeoutError as error:
        print("lost" if error.errno == errno.ETIMEDOUT else "heard")
"""
EAR = """
import select, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
    door.bind(("", 9999))
    print("ready", flush=True)
    print("heard" if select.select([door], [], [], 1.5)[0] else "silence")
"""
MOUTH = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
    door.bind((sys.argv[1], 0))
    door.sendto(b"x", (sys.argv[2], 9999))
"""


class People(Spaces):
    """People behind a hub that filters."""

    def reached(self, source: str, port: int, target: str = SERVER) -> bool:
        return self.reaches(source, port, target)

    def load(self, text: str) -> str:
        return self.run("hub", "nft", "-f", "-", text=text).stdout


@pytest.fixture
def people() -> Iterator[People]:
    made = People(f"p{uuid4().hex[:4]}")
    with standing(made, "sgp0", _addressing(), (443, 8005, 22)):
        yield made


def _addressing() -> tuple[list[str], list[str], list[str]]:
    people = [f"addr add {address}/32 dev p0" for address in (DOCTOR, NURSE, STRANGER)]
    return (
        [*people, "link set p0 up", "route add 172.26.255.254 dev p0", _default("172.26.255.254")],
        [
            "addr add 172.26.255.254/16 dev sgp0",
            "link set sgp0 up",
            "addr add 10.0.3.129/26 dev lan0",
            "link set lan0 up",
        ],
        [f"addr add {SERVER}/26 dev s0", "link set s0 up", _default("10.0.3.129")],
    )


def _default(gateway: str) -> str:
    return f"route add default via {gateway}"


def table(members: tuple[Somebody, ...] = MEMBERS) -> str:
    intent = hierarchy(regions=1, departments=1, arrondissements=1)
    return str(opened_to(POLICY, intent, members, "sgp0").table())


def test_without_rules_everybody_reaches_everything(people):
    """The control: the same packets pass where nothing filters."""
    assert all(people.reached(who, 443) for who in (DOCTOR, NURSE, STRANGER))


def test_people_reach_what_they_are_granted_and_nothing_else(people):
    assert people.load(table()) == ""
    found = {
        (who, port): people.reached(who, port)
        for who in (DOCTOR, NURSE, STRANGER)
        for port in (443, 8005, 22)
    }
    assert {pair for pair, reached in found.items() if reached} == {
        (DOCTOR, 443),
        (DOCTOR, 8005),
        (NURSE, 8005),
    }
    assert not people.reached(DOCTOR, 22, "172.26.255.254")


def test_nobody_opens_a_connection_to_people(people):
    ask = ("ping", "-n", "-c1", "-W1", DOCTOR)
    back = ("ping", "-n", "-c1", "-W1", "-I", NURSE, SERVER)
    assert " 1 received" in people.run("server", *ask).stdout
    assert " 1 received" in people.run("people", *back).stdout
    people.load(table())
    assert " 0 received" in people.run("server", *ask).stdout
    assert " 0 received" in people.run("people", *back).stdout


def test_nobody_else_passes_for_one_of_the_people(people):
    """A host on the gateway's own LAN takes a doctor's address."""
    people.run("server", "ip", "addr", "add", f"{DOCTOR}/32", "dev", "s0")
    assert heard_at_the_hub(people), "the control: without the table it would be heard"
    people.load(table())
    assert not heard_at_the_hub(people)
    people.run("server", "ping", "-n", "-c1", "-W1", "-I", DOCTOR, NURSE)
    forged = [
        line
        for line in people.run(
            "hub", "nft", "list", "chain", "inet", packet_filter.TABLE, "forward"
        ).stdout.splitlines()
        if "iifname !=" in line and "ip saddr 172.26.0.0/16" in line
    ]
    assert ["packets 1 " in line for line in forged] == [True]


def heard_at_the_hub(people: People) -> bool:
    """Return whether the hub hears a datagram that the server sends with a doctor's address."""
    listening = ["ip", "netns", "exec", people.space("hub"), sys.executable, "-c", EAR]
    with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as ear:
        assert ear.stdout is not None
        assert ear.stdout.readline() == "ready\n"
        people.run("server", sys.executable, "-c", MOUTH, DOCTOR, "10.0.3.129")
        return ear.stdout.readline() == "heard\n"


def test_a_table_takes_the_place_of_the_last_and_leaves_others_alone(people):
    people.run("hub", "nft", "add", "table", "inet", "of_others")
    people.load(table())
    assert people.load(table(MEMBERS[:1])) == ""
    assert people.reached(DOCTOR, 443)
    assert not people.reached(NURSE, 8005)
    listed = people.run("hub", "nft", "list", "tables").stdout
    assert listed.split("\n")[:2] == ["table inet of_others", f"table inet {packet_filter.TABLE}"]


@pytest.mark.parametrize(("members", "fate"), [(MEMBERS, "heard"), (MEMBERS[1:], "lost")])
def test_an_open_connection_ends_with_what_it_was_opened_by(people, members, fate):
    people.load(table())
    argv = ["ip", "netns", "exec", people.space("people"), sys.executable, "-c", HOLD]
    with subprocess.Popen(
        [*argv, DOCTOR, SERVER, "443"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as line:
        assert line.stdout
        assert line.stdout.readline() == "open\n"
        people.load(table(members))
        said, _ = line.communicate("go on\n", timeout=120)
    assert said == f"{fate}\n"


def test_nft_takes_tables_of_every_shape(people):
    wide = AccessPolicy(
        POLICY.groups,
        (Grant("doctors", ("records",), "x"), Grant("the-nurses", (Segment.MANAGEMENT,), "y")),
        (
            ServiceHost(
                "records",
                "yaounde",
                (ip_address(SERVER), ip_address("fd5a:6e61:6700:10::8c")),
                (Ports("tcp", 443, 443), Ports("udp", 3478, 3478), Ports("udp", 49152, 65535)),
            ),
        ),
    )
    intent = hierarchy(regions=2, departments=2, arrondissements=2)
    for members in ((), MEMBERS):
        assert people.load(opened_to(wide, intent, members, "sgp0").table()) == ""
    assert str(ip_network("10.0.3.192/27")) in people.run("hub", "nft", "list", "ruleset").stdout
