"""Telling gateways whom to let in, by drivers that keep what they are told."""

import base64
from dataclasses import replace
from ipaddress import IPv4Address
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.access.gateways import (
    Gateways,
    InterruptedCalls,
    RosterLag,
    RosterPushed,
    gateway_status,
    in_consultation,
    interrupted_calls,
    reachable,
    roster_lag,
)
from controller.keys.signing import signing_key
from controller.store.roster_loads import RosterStatus
from edge.signed import roster_envelope
from inventory.errors import PolicyRefusedError, RejectedError, UnreachableError
from inventory.model import Management
from tests.rigs.people.people_rig import (
    ACT,
    GATEWAY_KEYS,
    NGONO,
    PLAN,
    TERMS,
    make_registrar,
    nowhere,
)
from tests.rigs.people.roster_drivers import RosterDriver
from tests.simulated_time import TestClock
from vpn.people import device_config

NURSE = replace(NGONO, name="b-oumarou", title="B. Oumarou", role="nurse", site="mora", until=None)
NAMES = tuple(GATEWAY_KEYS)


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def drivers(tmp_path):
    trust = signing_key(tmp_path).public_key()
    return {name: RosterDriver(name, trust) for name in NAMES}


@pytest.fixture
def gateways(registrar, drivers, tmp_path):
    return Gateways(registrar, tmp_path, drivers.__getitem__)


def test_every_gateway_gets_its_own_roster_with_the_keys_that_files_hold(
    registrar, drivers, gateways
):
    files = registrar.add(NGONO, "tablet", ACT, nowhere).files
    assert dict(gateways.push_rosters(NAMES)) == dict.fromkeys(NAMES, RosterPushed(3, 1))
    for name, driver in drivers.items():
        (signed,) = driver.taken
        assert signed.roster == registrar.roster(name).roster
        assert signed.preshared == (files[name].peers[0].preshared_key.octets,)
        assert not driver.open
    at = TestClock().instant().isoformat(timespec="seconds")
    assert registrar.store.loads.all() == dict.fromkeys(NAMES, RosterStatus(3, at, 1))


def test_a_gateway_that_is_not_reached_is_noted_and_keeps_none_of_the_others(
    registrar, drivers, gateways
):
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "no connection")
    outcome = dict(gateways.push_rosters(NAMES))
    assert outcome["yaounde-e1"] == RosterPushed(1, 0)
    assert str(outcome["douala-e1"]) == "douala-e1: no connection"
    assert registrar.store.loads.all()["douala-e1"] == RosterStatus(
        fault="douala-e1: no connection"
    )
    drivers["douala-e1"].fault = None
    assert dict(gateways.push_rosters(["douala-e1"])) == {"douala-e1": RosterPushed(1, 0)}
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "again")
    list(gateways.push_rosters(["douala-e1"]))
    known = registrar.store.loads.all()["douala-e1"]
    assert (known.state, known.fault) == (1, "douala-e1: again")


def test_who_is_overtaken_by_another_administrator_tells_what_both_did(
    registrar, drivers, gateways
):
    driver = drivers["yaounde-e1"]

    def overtaken():
        driver.before = lambda: None
        registrar.add(NURSE, "tablet", ACT, nowhere)
        assert dict(gateways.push_rosters(["yaounde-e1"])) == {"yaounde-e1": RosterPushed(5, 2)}

    registrar.add(NGONO, "tablet", ACT, nowhere)
    driver.before = overtaken
    assert dict(gateways.push_rosters(["yaounde-e1"])) == {"yaounde-e1": RosterPushed(5, 2)}
    assert [len(signed.roster.devices) for signed in driver.taken] == [2, 2]
    assert [signed.serial for signed in driver.taken] == [1, 2]


def test_a_gateway_that_refuses_for_another_reason_is_asked_once(registrar, drivers, gateways):
    asked = []

    def refuse():
        asked.append(1)
        raise RejectedError("yaounde-e1", "sealed to another key")

    drivers["yaounde-e1"].before = refuse
    ((_, outcome),) = gateways.push_rosters(["yaounde-e1"])
    assert "sealed to another key" in str(outcome)
    assert len(asked) == 1


def test_a_gateway_that_is_dismissed_lets_nobody_in(registrar, drivers, gateways):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    list(gateways.push_rosters(NAMES))
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "no connection")
    outcome = dict(gateways.clear(NAMES))
    assert outcome["yaounde-e1"] == RosterPushed(registrar.store.last(), 0)
    assert str(outcome["douala-e1"]) == "douala-e1: no connection"
    signed = drivers["yaounde-e1"].taken[-1]
    assert (signed.serial, signed.roster.devices, signed.roster.openings) == (2, (), ())


def test_older_news_of_a_gateway_takes_no_newer_news_place(registrar):
    registrar.store.loads.loaded("yaounde-e1", 7, 3)
    registrar.store.loads.loaded("yaounde-e1", 5, 2)
    assert registrar.store.loads.all()["yaounde-e1"].state == 7


def test_gateways_are_told_side_by_side(registrar, drivers, gateways):
    meeting = Barrier(len(NAMES))
    for driver in drivers.values():
        driver.before = lambda: meeting.wait(10)
    assert all(isinstance(outcome, RosterPushed) for _, outcome in gateways.push_rosters(NAMES))


# What a gateway refuses


@pytest.fixture
def envelope(registrar, drivers, gateways):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    told: list[str] = []
    drivers["yaounde-e1"].admit = told.append
    list(gateways.push_rosters(["yaounde-e1"]))
    return told[0]


def opened(envelope, trust, name="yaounde-e1"):
    return roster_envelope.verify_roster(
        envelope, "people.json", trust, (GATEWAY_KEYS[name].octets,)
    )


def test_preshared_keys_are_for_the_gateway_alone(registrar, drivers, envelope):
    trust = drivers["yaounde-e1"].trust
    (secret,) = opened(envelope, trust).preshared
    assert base64.b64encode(secret).decode() not in envelope
    assert secret.hex() not in envelope
    with pytest.raises(PolicyRefusedError, match="sealed to another device's key"):
        opened(envelope, trust, "douala-e1")


def test_a_roster_of_another_controller_is_refused(envelope):
    with pytest.raises(PolicyRefusedError, match=r"people\.json: the controller that this edge"):
        opened(envelope, Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("at", range(0, 400, 13))
def test_a_roster_that_was_changed_anywhere_is_refused(drivers, envelope, at):
    other = "x" if envelope[at] != "x" else "y"
    changed = envelope[:at] + other + envelope[at + 1 :]
    with pytest.raises(PolicyRefusedError):
        opened(changed, drivers["yaounde-e1"].trust)


def test_who_is_in_a_consultation_just_before_is_told(registrar, drivers, gateways):
    device = registrar.add(NGONO, "tablet", ACT, nowhere).device
    other = registrar.add(NURSE, "tablet", ACT, nowhere).device
    first, second = (
        str(device_config.device_addresses(PLAN, device, one)[0])
        for one in registrar.terms().gateways
    )
    drivers["yaounde-e1"].calling = [first, "172.26.9.9"]
    assert {outcome.calling for _, outcome in gateways.push_rosters(NAMES)} == {()}
    calling = {n: outcome.calling for n, outcome in gateways.push_rosters(NAMES, there=True)}
    assert calling == {"yaounde-e1": (first, "172.26.9.9"), "douala-e1": ()}
    both = [device, other]
    assert in_consultation(registrar, both, calling) == [device]
    assert in_consultation(registrar, both, {"douala-e1": (second,)}) == [device]
    # An address belongs to the gateway that it is behind.
    assert in_consultation(registrar, both, {"douala-e1": (first,)}) == []
    assert in_consultation(registrar, both, {}) == []


# As a verb or a request asks for it


@pytest.fixture
def managed(registrar, drivers, tmp_path):
    """Return the gateways, of which the first has a management address."""
    door = Management(IPv4Address("127.0.0.1"), 22, "sanaga", "env:NONE")
    registrar.accept(replace(TERMS, doors={"yaounde-e1": door}), ACT)
    return Gateways(registrar, tmp_path, drivers.__getitem__)


def test_rosters_are_pushed_again_until_a_gateway_is_reached_or_time_is_up(
    registrar, drivers, gateways
):
    clock, reported = TestClock(), []
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "no connection")

    def report(name, outcome):
        reported.append((name, isinstance(outcome, RosterPushed)))
        if len(reported) == 3:
            drivers["douala-e1"].fault = None

    assert gateways.push_until(NAMES, report, within_s=60, clock=clock) == ()
    assert sorted(reported[:2]) == [("douala-e1", False), ("yaounde-e1", True)]
    assert reported[2:] == [("douala-e1", False), ("douala-e1", True)]
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "again")
    left = gateways.push_until(NAMES, lambda *_: None, within_s=0, clock=clock)
    assert left == ("douala-e1",)


def test_how_far_a_gateway_is_behind_is_a_value(registrar, drivers, gateways):
    assert roster_lag(registrar, "yaounde-e1") == RosterLag(None, registrar.store.last())
    list(gateways.push_rosters(["yaounde-e1"]))
    registrar.add(NGONO, "tablet", ACT, nowhere)
    at = TestClock().instant().isoformat(timespec="seconds")
    assert roster_lag(registrar, "yaounde-e1") == RosterLag(at, 2)


def test_the_status_of_gateways_is_what_they_say_or_what_is_known(registrar, drivers, managed):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    list(managed.push_rosters(NAMES))
    assert reachable(registrar.terms()) == (("yaounde-e1",), ("douala-e1",))
    said, known = gateway_status(registrar, managed)
    assert (said.gateway, said.reached, said.behind, said.fault) == ("yaounde-e1", True, 0, None)
    assert (known.gateway, known.reached, known.devices) == ("douala-e1", False, 1)
    assert known.fault == "no management address"
    drivers["yaounde-e1"].fault = UnreachableError("yaounde-e1", "no connection")
    (said, _) = gateway_status(registrar, managed)
    assert (said.reached, said.fault) == (False, "yaounde-e1: no connection")


def test_consultations_that_would_be_interrupted_are_known_before(registrar, drivers, managed):
    device = registrar.add(NGONO, "tablet", ACT, nowhere).device
    address = device_config.device_addresses(PLAN, device, registrar.gateway("yaounde-e1"))[0]
    assert interrupted_calls(registrar, managed, [device]) == InterruptedCalls()
    drivers["yaounde-e1"].calling = [str(address)]
    assert interrupted_calls(registrar, managed, [device]) == InterruptedCalls((device,))
    drivers["yaounde-e1"].fault = UnreachableError("yaounde-e1", "no connection")
    silent = InterruptedCalls(silent=("yaounde-e1",))
    assert interrupted_calls(registrar, managed, [device]) == silent
    assert interrupted_calls(registrar, managed, []) == InterruptedCalls()
