"""Laws of rosters: they come back as they were, and no text becomes a rule or an address."""

from copy import deepcopy
from datetime import date
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import AccessError
from inventory.model import Ports
from vpn.grants.packet_filter import FilterOpening
from vpn.people import roster
from vpn.people.roster import Roster, RosterDevice
from vpn.wireguard import keys

NAMES = ("oncologists", "nurses")
KEYS = [keys.public_of(keys.generate_private()) for _ in range(4)]

ports = st.builds(Ports, st.sampled_from(["tcp", "udp"]), st.integers(1, 99), st.integers(100, 999))
prefixes = st.sampled_from([ip_network("10.0.3.0/26"), ip_network("fd5a::/64")])
openings = st.builds(
    FilterOpening,
    st.sampled_from(NAMES),
    st.lists(ports, max_size=2).map(tuple),
    st.lists(prefixes, max_size=2).map(tuple),
)
days = st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1))


@st.composite
def rosters(draw):
    chosen = draw(st.lists(st.sampled_from(KEYS), unique=True))
    devices = tuple(
        RosterDevice(
            key,
            (ip_address(f"172.26.0.{n}"), ip_address(f"fd5a::{n}")),
            tuple(draw(st.lists(st.sampled_from(NAMES), unique=True))),
            draw(days),
        )
        for n, key in enumerate(chosen, 2)
    )
    opened = tuple(draw(st.lists(openings, max_size=3)))
    own = (ip_interface("172.26.0.1/18"), ip_interface("fd5a::1/96"))
    return Roster("test", "yaounde-e1", "people0", 51820, 1280, own, devices, opened)


@given(rosters())
def test_a_roster_comes_back_as_it_was(made):
    assert roster.read_roster(roster.roster_plain(made)) == made


@given(rosters(), days.filter(bool))
def test_on_a_day_those_are_let_in_whose_last_day_is_not_over(made, day):
    current = made.on(day)
    assert set(current.devices) == {
        one for one in made.devices if not (one.until and one.until < day)
    }
    assert current.on(day) == current


@given(rosters())
def test_nobody_stands_in_a_filter_but_for_a_group_that_reaches_something(made):
    reaching = {one.group for one in made.openings}
    found = roster.roster_sources(made)
    assert found.keys() == reaching
    for group, addresses in found.items():
        wanted = [a for one in made.devices if group in one.groups for a in one.addresses]
        assert list(addresses) == wanted


BASE: dict[str, Any] = roster.roster_plain(
    Roster(
        "test",
        "yaounde-e1",
        "people0",
        51820,
        1280,
        (ip_interface("172.26.0.1/18"),),
        (RosterDevice(KEYS[0], (ip_address("172.26.0.2"),), ("nurses",), date(2026, 12, 31)),),
        (FilterOpening("nurses", (Ports("tcp", 443, 443),), (ip_network("10.0.3.0/26"),)),),
    )
)
PLACES: list[tuple[Any, ...]] = [
    ("network",),
    ("gateway",),
    ("interface",),
    ("listen_port",),
    ("mtu",),
    ("addresses", 0),
    ("devices", 0, 0),
    ("devices", 0, 1, 0),
    ("devices", 0, 2, 0),
    ("devices", 0, 3),
    ("openings", 0, 0),
    ("openings", 0, 1, 0, 0),
    ("openings", 0, 1, 0, 1),
    ("openings", 0, 2, 0),
]
HOSTILE: tuple[Any, ...] = (
    'x" accept; flush ruleset; #',
    "fe80::1%eth0\n accept",
    "a\nb",
    "../../etc/passwd",
    -1,
    65_536.5,
    None,
    True,
    [],
    {},
    "é",
)


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_nothing_hostile_is_taken_anywhere(place, value):
    if place == ("devices", 0, 3) and value in (None, [], {}):
        return  # nothing: a device without a last day
    written = deepcopy(BASE)
    at = written
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    with pytest.raises((ValueError, AccessError)):
        roster.read_roster(written)


def test_a_roster_of_before_there_were_names_has_none():
    written = {key: value for key, value in BASE.items() if key not in {"names", "key"}}
    assert (roster.read_roster(written).names, roster.read_roster(written).key) == ((), "")


@pytest.mark.parametrize("key", sorted(BASE.keys() - {"names", "key"}))
def test_a_part_that_is_missing_is_told(key):
    with pytest.raises(ValueError, match="missing"):
        roster.read_roster({name: value for name, value in BASE.items() if name != key})


@pytest.mark.parametrize("part", [0, 1])
def test_a_key_or_an_address_stands_there_once(part):
    written = deepcopy(BASE)
    written["devices"].append([*written["devices"][0]])
    written["devices"][1][1 - part] = [KEYS[1], ["172.26.0.3"]][1 - part]
    with pytest.raises(ValueError, match="stands there twice"):
        roster.read_roster(written)
