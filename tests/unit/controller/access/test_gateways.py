"""Telling gateways whom to let in, by drivers that keep what they are told."""

import base64
from dataclasses import replace
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.access.gateways import Gateways, RosterPushed
from controller.cli_vpn import gateways as cli_vpn_gateways
from controller.keys.signing import signing_key
from controller.store.roster_loads import RosterStatus
from edge.signed import roster_envelope
from inventory.errors import PolicyRefusedError, RejectedError, UnreachableError
from tests.rigs.people.people_rig import ACT, GATEWAY_KEYS, NGONO, PLAN, make_registrar, nowhere
from tests.simulated_time import TestClock
from vpn.people import device_config

NURSE = replace(NGONO, name="b-oumarou", title="B. Oumarou", role="nurse", site="mora", until=None)
NAMES = tuple(GATEWAY_KEYS)


class Driver:
    """A gateway that takes rosters as a real one does; serial is that of its newest."""

    def __init__(self, name, trust, fault=None):
        self.name, self.trust, self.fault = name, trust, fault
        self.serial, self.taken, self.open, self.before = 0, [], True, lambda: None
        self.calling = []

    def people(self, *, there=False):
        if self.fault:
            raise self.fault
        return {"serial": self.serial, **({"calling": self.calling} if there else {})}

    def admit(self, envelope):
        self.before()
        key = GATEWAY_KEYS[self.name].octets
        signed = roster_envelope.verify_roster(envelope, "the roster", self.trust, (key,))
        if signed.serial <= self.serial:
            raise RejectedError(self.name, f"roster {signed.serial} is not newer")
        self.serial = signed.serial
        self.taken.append(signed)
        return self.people()

    def close(self):
        self.open = False


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def drivers(tmp_path):
    trust = signing_key(tmp_path).public_key()
    return {name: Driver(name, trust) for name in NAMES}


@pytest.fixture
def gateways(registrar, drivers, tmp_path):
    return Gateways(registrar, tmp_path, drivers.__getitem__)


def test_every_gateway_gets_its_own_roster_with_the_keys_that_files_hold(
    registrar, drivers, gateways
):
    files = registrar.add(NGONO, "tablet", ACT, nowhere).files
    assert dict(gateways.load(NAMES)) == dict.fromkeys(NAMES, RosterPushed(3, 1))
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
    outcome = dict(gateways.load(NAMES))
    assert outcome["yaounde-e1"] == RosterPushed(1, 0)
    assert str(outcome["douala-e1"]) == "douala-e1: no connection"
    assert registrar.store.loads.all()["douala-e1"] == RosterStatus(
        fault="douala-e1: no connection"
    )
    drivers["douala-e1"].fault = None
    assert dict(gateways.load(["douala-e1"])) == {"douala-e1": RosterPushed(1, 0)}
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "again")
    list(gateways.load(["douala-e1"]))
    known = registrar.store.loads.all()["douala-e1"]
    assert (known.state, known.fault) == (1, "douala-e1: again")


def test_who_is_overtaken_by_another_administrator_tells_what_both_did(
    registrar, drivers, gateways
):
    driver = drivers["yaounde-e1"]

    def overtaken():
        driver.before = lambda: None
        registrar.add(NURSE, "tablet", ACT, nowhere)
        assert dict(gateways.load(["yaounde-e1"])) == {"yaounde-e1": RosterPushed(5, 2)}

    registrar.add(NGONO, "tablet", ACT, nowhere)
    driver.before = overtaken
    assert dict(gateways.load(["yaounde-e1"])) == {"yaounde-e1": RosterPushed(5, 2)}
    assert [len(signed.roster.devices) for signed in driver.taken] == [2, 2]
    assert [signed.serial for signed in driver.taken] == [1, 2]


def test_a_gateway_that_refuses_for_another_reason_is_asked_once(registrar, drivers, gateways):
    asked = []

    def refuse():
        asked.append(1)
        raise RejectedError("yaounde-e1", "sealed to another key")

    drivers["yaounde-e1"].before = refuse
    ((_, outcome),) = gateways.load(["yaounde-e1"])
    assert "sealed to another key" in str(outcome)
    assert len(asked) == 1


def test_a_gateway_that_is_dismissed_lets_nobody_in(registrar, drivers, gateways):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    list(gateways.load(NAMES))
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "no connection")
    outcome = dict(gateways.dismiss(NAMES))
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
    assert all(isinstance(outcome, RosterPushed) for _, outcome in gateways.load(NAMES))


# What a gateway refuses


@pytest.fixture
def envelope(registrar, drivers, gateways):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    told: list[str] = []
    drivers["yaounde-e1"].admit = told.append
    list(gateways.load(["yaounde-e1"]))
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
        str(device_config.addresses(PLAN, device, one)[0]) for one in registrar.terms().gateways
    )
    drivers["yaounde-e1"].calling = [first, "172.26.9.9"]
    assert {outcome.calling for _, outcome in gateways.load(NAMES)} == {()}
    calling = {n: outcome.calling for n, outcome in gateways.load(NAMES, there=True)}
    assert calling == {"yaounde-e1": (first, "172.26.9.9"), "douala-e1": ()}
    both = [device, other]
    assert cli_vpn_gateways.in_consultation(registrar, both, calling) == [device]
    assert cli_vpn_gateways.in_consultation(registrar, both, {"douala-e1": (second,)}) == [device]
    # An address belongs to the gateway that it is behind.
    assert cli_vpn_gateways.in_consultation(registrar, both, {"douala-e1": (first,)}) == []
    assert cli_vpn_gateways.in_consultation(registrar, both, {}) == []
