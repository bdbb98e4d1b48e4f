"""A desk where people are given access, with terms and a clock of its own."""

from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_interface

from controller.access.registrar import Registrar
from controller.store.audit import Actor
from inventory.model import AddressPlan
from tests.simulated_time import TestClock
from vpn.model import Endpoint, Gateway, Group, Person
from vpn.people.roster import Roster, RosterDevice
from vpn.people.terms import AccessTerms, SitePlace, access_terms
from vpn.wireguard import keys

PLAN = AddressPlan(
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/14"),
    IPv4Network("172.20.0.0/14"),
    IPv6Network("fd5a:6e61:6700::/40"),
)
GATEWAY_KEYS = {"yaounde-e1": keys.generate_private(), "douala-e1": keys.generate_private()}
GATEWAYS = tuple(
    Gateway(name, number, Endpoint(f"vpn{number}.example.cm", 51820), keys.public_of(key))
    for number, (name, key) in enumerate(GATEWAY_KEYS.items(), 1)
)
TERMS = AccessTerms(
    "test",
    PLAN,
    {"yaounde": SitePlace(None), "maroua": SitePlace("yaounde"), "mora": SitePlace("maroua")},
    (
        Group("oncologists", "Oncologists", "oncologist", "yaounde"),
        Group("nurses", "Nurses of the Far North", "nurse", "maroua"),
    ),
    GATEWAYS,
)
NGONO = Person("a-ngono", "Dr A. Ngono", "oncologist", "yaounde", until=date(2026, 12, 31))
ACT = Actor("tester", "because of a test")


def opened_to(policy, intent, people, interface="people0"):
    """Return what a gateway is told of people, each with the addresses of their devices."""
    terms = access_terms(intent, policy)
    devices = tuple(
        RosterDevice("", tuple(addresses), tuple(group.name for group in terms.groups_of(person)))
        for person, addresses in people
    )
    return Roster(
        "test",
        "yaounde-e1",
        interface,
        51820,
        1280,
        (ip_interface("172.26.255.254/16"),),
        devices,
        terms.openings,
    )


def make_registrar(folder, terms=TERMS, clock=None):
    """Return a desk in a state folder, whose terms are accepted."""
    registrar = Registrar.open(folder, clock or TestClock())
    if terms:
        registrar.accept(terms, ACT)
    return registrar


def nowhere(_handover):
    """Take a file and put it nowhere."""
