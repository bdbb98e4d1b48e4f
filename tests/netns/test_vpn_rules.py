"""People behind a real interface: who is granted gets through, and nobody else does."""

import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from uuid import uuid4

import pytest

from inventory.model import Segment
from simulations.lab import namespaces
from tests.factories import hierarchy
from vpn import rules
from vpn.model import AccessPolicy, Grant, Group, Person, Ports, ServiceHost
from vpn.rules import Member

pytestmark = pytest.mark.netns

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
    Member(Person("a", "A", "doctor", "yaounde"), (ip_address(DOCTOR),)),
    Member(Person("b", "B", "nurse", "yaounde"), (ip_address(NURSE),)),
)
SERVE = """
import socket, sys
ports = [int(word) for word in sys.argv[1:]]
doors = [socket.create_server(("0.0.0.0", port)) for port in ports]
print("ready", flush=True)
sys.stdin.read()
"""
CALL = """
import socket, sys
try:
    with socket.create_connection((sys.argv[2], int(sys.argv[3])), 1.5, (sys.argv[1], 0)):
        print("reached")
except OSError as error:
    print("refused", error)
"""


class People:
    """People's namespace, a hub that filters, and a server behind it."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def space(self, role: str) -> str:
        return f"sgt-{self.mark}-{role}"

    def run(self, role: str, *argv: str, text: str = "") -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.space(role), *argv],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout

    def reaches(self, source: str, port: int, target: str = SERVER) -> bool:
        words = (sys.executable, "-c", CALL, source, target, str(port))
        return self.run("people", *words).startswith("reached")

    def load(self, text: str) -> str:
        return self.run("hub", "nft", "-f", "-", text=text)


@pytest.fixture
def people() -> Iterator[People]:
    made = People(f"p{uuid4().hex[:4]}")
    spaces = [made.space(role) for role in ("people", "hub", "server")]
    try:
        namespaces.batch(f"netns add {space}" for space in spaces)
        namespaces.batch(
            [
                f"link add sgp0 netns {spaces[1]} type veth peer name p0 netns {spaces[0]}",
                f"link add lan0 netns {spaces[1]} type veth peer name s0 netns {spaces[2]}",
            ]
        )
        for space, lines in zip(spaces, _addressing(), strict=True):
            namespaces.batch(["link set lo up", *lines], space)
        namespaces.set_sysctls(spaces[1], [("net/ipv4/conf/all/forwarding", "1")])
        argv = ["ip", "netns", "exec", spaces[2], sys.executable, "-c", SERVE]
        with subprocess.Popen(
            [*argv, "443", "8005", "22"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout
            assert server.stdout.readline() == "ready\n"
            yield made
            server.kill()
    finally:
        for space in spaces:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


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


def table(members: tuple[Member, ...] = MEMBERS) -> str:
    intent = hierarchy(regions=1, departments=1, arrondissements=1)
    sources = rules.members(POLICY, intent, members)
    return rules.render("sgp0", rules.openings(POLICY, intent), sources)


def test_without_rules_everybody_reaches_everything(people):
    """The control: the same packets pass where nothing filters."""
    assert all(people.reaches(who, 443) for who in (DOCTOR, NURSE, STRANGER))


def test_people_reach_what_they_are_granted_and_nothing_else(people):
    assert people.load(table()) == ""
    found = {
        (who, port): people.reaches(who, port)
        for who in (DOCTOR, NURSE, STRANGER)
        for port in (443, 8005, 22)
    }
    assert {pair for pair, reached in found.items() if reached} == {
        (DOCTOR, 443),
        (DOCTOR, 8005),
        (NURSE, 8005),
    }
    assert not people.reaches(DOCTOR, 22, "172.26.255.254")


def test_nobody_opens_a_connection_to_people(people):
    ask = ("ping", "-n", "-c1", "-W1", DOCTOR)
    back = ("ping", "-n", "-c1", "-W1", "-I", NURSE, SERVER)
    assert " 1 received" in people.run("server", *ask)
    assert " 1 received" in people.run("people", *back)
    people.load(table())
    assert " 0 received" in people.run("server", *ask)
    assert " 0 received" in people.run("people", *back)


def test_a_table_takes_the_place_of_the_last_and_leaves_others_alone(people):
    people.run("hub", "nft", "add", "table", "inet", "of_others")
    people.load(table())
    assert people.load(table(MEMBERS[:1])) == ""
    assert people.reaches(DOCTOR, 443)
    assert not people.reaches(NURSE, 8005)
    listed = people.run("hub", "nft", "list", "tables")
    assert listed.split("\n")[:2] == ["table inet of_others", f"table inet {rules.TABLE}"]


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
        sources = rules.members(wide, intent, members)
        assert people.load(rules.render("sgp0", rules.openings(wide, intent), sources)) == ""
    assert str(ip_network("10.0.3.192/27")) in people.run("hub", "nft", "list", "ruleset")
