"""Whom a gateway lets in: the newest roster that was signed, day by day, through restarts."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_interface

import pytest

from edge.clock import Moment
from edge.remote_access.roster import FILE, HOSTS, NAMES, ActiveRoster
from inventory.errors import EdgeError, PolicyRefusedError
from vpn.people.roster import Roster, RosterDevice, SignedRoster
from vpn.wireguard import keys

KEYS = [keys.public_of(keys.generate_private()) for _ in range(2)]
ISSUED = datetime(2026, 11, 20, 8, tzinfo=UTC)


def signed(serial, *devices, gateway="yaounde-e1"):
    own = (ip_interface("172.26.0.1/18"),)
    roster = Roster("test", gateway, "people0", 51820, 1280, own, devices, ())
    return SignedRoster(serial, ISSUED, 7, roster, tuple(bytes(32) for _ in devices))


def device(number, until=None):
    return RosterDevice(KEYS[number], (ip_address(f"172.26.0.{number + 2}"),), (), until)


class Rig:
    """A roster with a clock and a check that knows envelopes by name."""

    def __init__(self, folder):
        self.folder = folder
        self.known = {}
        self.now = ISSUED
        self.let_in = None
        self.fault = None
        self.installed = 0
        self.own = ()
        self.house = self.anew()

    def anew(self):
        made = ActiveRoster(self.folder, "yaounde-e1", self.check, self.install, self.clock)
        made.own_keys = lambda: self.own
        return made

    def clock(self):
        return Moment("boot", 0.0, 0.0, self.now.timestamp())

    def check(self, envelope, file):
        if envelope not in self.known:
            raise PolicyRefusedError(f"{file}: not signed")
        return self.known[envelope]

    async def install(self, people):
        if self.fault:
            raise self.fault
        self.installed += 1
        self.let_in = [peer.public_key for peer in people.tunnel.peers]

    def take(self, name, roster):
        self.known[name] = roster
        asyncio.run(self.house.replace(name))


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_a_newer_roster_takes_the_place_of_the_one_before(rig):
    rig.take("one", signed(1, device(0)))
    assert rig.let_in == [KEYS[0]]
    rig.take("two", signed(2, device(1)))
    assert rig.let_in == [KEYS[1]]
    assert (rig.folder / FILE).read_text() == "two"
    assert rig.house.status()["serial"] == 2


@pytest.mark.parametrize("serial", [1, 2])
def test_a_roster_that_is_not_newer_is_refused_and_the_newer_one_stays(rig, serial):
    rig.take("two", signed(2, device(0)))
    with pytest.raises(PolicyRefusedError, match=f"roster {serial} is not newer than 2"):
        rig.take("old", signed(serial, device(1)))
    assert rig.let_in == [KEYS[0]]
    assert (rig.folder / FILE).read_text() == "two"


def test_the_same_roster_may_be_handed_over_again(rig):
    rig.take("one", signed(1, device(0)))
    rig.take("one", signed(1, device(0)))
    assert rig.installed == 2


def test_a_roster_of_another_gateway_is_refused(rig):
    with pytest.raises(PolicyRefusedError, match="is for 'douala-e1' and not for this device"):
        rig.take("one", signed(1, gateway="douala-e1"))
    assert not (rig.folder / FILE).exists()


def test_a_roster_holds_after_a_restart_without_any_controller(rig):
    rig.take("one", signed(1, device(0)))
    rig.let_in = None
    rig.house = rig.anew()
    asyncio.run(rig.house.open())
    assert rig.let_in == [KEYS[0]]
    with pytest.raises(PolicyRefusedError, match="is not newer"):
        rig.take("older", signed(1, device(1)))


def test_without_a_roster_nobody_is_let_in(rig):
    asyncio.run(rig.house.open())
    assert rig.installed == 0
    assert rig.house.status()["devices"] == 0


def test_a_damaged_file_lets_nobody_in_and_is_told_until_a_roster_comes(rig):
    (rig.folder / FILE).write_text("torn")
    asyncio.run(rig.house.open())
    assert rig.installed == 0
    assert "not signed" in rig.house.refused
    rig.take("one", signed(1, device(0)))
    assert rig.house.refused == ""
    assert rig.let_in == [KEYS[0]]


def test_whoever_s_last_day_is_over_is_put_out_by_the_gateway_itself(rig):
    rig.take("one", signed(1, device(0, date(2026, 11, 21)), device(1)))
    for days, expected in ((0, KEYS), (1, KEYS), (2, KEYS[1:])):
        rig.now = ISSUED + timedelta(days=days)
        asyncio.run(rig.house.refresh())
        assert rig.let_in == expected
    assert rig.house.status()["devices"] == 1
    installed = rig.installed
    asyncio.run(rig.house.refresh())
    assert rig.installed == installed


def test_a_clock_that_is_set_back_brings_nobody_back(rig):
    rig.take("one", signed(1, device(0, date(2026, 11, 21))))
    rig.now = ISSUED + timedelta(days=2)
    asyncio.run(rig.house.refresh())
    assert rig.let_in == []
    rig.now = ISSUED
    asyncio.run(rig.house.refresh())
    assert rig.let_in == []
    rig.house = rig.anew()
    asyncio.run(rig.house.open())
    assert rig.let_in == []


def test_a_roster_counts_from_the_day_on_which_it_was_made_whatever_the_clock_says(rig):
    rig.now = ISSUED - timedelta(days=400)
    rig.take("one", signed(1, device(1, date(2026, 11, 19))))
    assert rig.let_in == []


def test_a_clock_that_was_wrong_for_a_while_locks_nobody_out_after_the_next_roster(rig):
    rig.take("one", signed(1, device(0, date(2026, 12, 31))))
    rig.now = ISSUED + timedelta(days=4000)
    asyncio.run(rig.house.refresh())
    assert rig.let_in == []
    rig.now = ISSUED
    rig.take("two", signed(2, device(0, date(2026, 12, 31))))
    assert rig.let_in == [KEYS[0]]


def test_what_could_not_take_effect_is_tried_again(rig):
    rig.fault = EdgeError("no interface")
    with pytest.raises(EdgeError, match="no interface"):
        rig.take("one", signed(1, device(0)))
    rig.fault = None
    asyncio.run(rig.house.refresh())
    assert rig.let_in == [KEYS[0]]


def test_a_roster_that_did_not_take_effect_is_not_said_to(rig):
    rig.take("one", signed(1, device(0)))
    rig.fault = EdgeError("no interface")
    with pytest.raises(EdgeError, match="no interface"):
        rig.take("two", replace(signed(2, device(1)), state=8))
    said = rig.house.status()
    assert (said["serial"], said["state"]) == (2, 7)
    assert said["refused"] == "roster 2 is not in effect: no interface"
    rig.fault = None
    asyncio.run(rig.house.refresh())
    assert (rig.house.status()["state"], rig.house.status()["refused"]) == (8, "")


@pytest.mark.parametrize("bad", [KEYS[0], "=" * 44], ids=["own key", "no key"])
def test_one_entry_by_which_nobody_can_dial_keeps_no_other_out(rig, bad):
    rig.own = (KEYS[0],)
    wrong = replace(device(0), public_key=bad)
    rig.take("one", signed(1, wrong, device(1)))
    assert rig.let_in == [KEYS[1]]
    said = rig.house.status()
    assert said["devices"] == 1
    assert said["refused"].startswith("left out of the roster: 1 with a key of this edge's own")


def test_a_disk_that_takes_nothing_leaves_the_roster_before_in_effect(rig, monkeypatch):
    rig.take("one", signed(1, device(0)))

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.storage.atomic.replace", full)
    with pytest.raises(OSError, match="No space left"):
        rig.take("two", signed(2))
    assert rig.let_in == [KEYS[0]]
    assert rig.house.status()["serial"] == 1


def test_the_order_of_preshared_keys_is_that_of_devices(rig):
    told = signed(1, device(0), device(1))
    secrets = (b"a" * 32, b"b" * 32)
    rig.take("one", replace(told, preshared=secrets))
    assert rig.house.signed.preshared == secrets
    assert "aaaa" not in repr(rig.house.signed)


def test_whoever_has_a_revoked_key_is_put_out_and_comes_back_with_no_roster(rig):
    asyncio.run(rig.house.exclude_keys(frozenset({KEYS[1]})))
    assert rig.installed == 0
    rig.take("one", signed(1, device(0), device(1)))
    assert rig.let_in == [KEYS[0]]
    assert rig.house.status()["devices"] == 1
    asyncio.run(rig.house.exclude_keys(frozenset(KEYS)))
    assert rig.let_in == []
    rig.take("two", signed(2, device(0), device(1)))
    assert rig.let_in == []


def test_who_could_not_be_put_out_is_at_the_next_look(rig):
    rig.take("one", signed(1, device(0), device(1)))
    rig.fault = EdgeError("the kernel is busy")
    with pytest.raises(EdgeError):
        asyncio.run(rig.house.exclude_keys(frozenset({KEYS[0]})))
    rig.fault = None
    asyncio.run(rig.house.refresh())
    assert rig.let_in == [KEYS[1]]
    before = rig.installed
    asyncio.run(rig.house.refresh())
    assert rig.installed == before


def named(serial, *names):
    one = signed(serial, device(0))
    return replace(one, roster=replace(one.roster, names=names))


RECORDS = ("records.yaounde", (ip_address("10.0.3.140"),))


def test_names_are_written_for_a_resolver_where_there_is_one(rig):
    rig.take("one", named(1, RECORDS))
    assert not (rig.folder / NAMES).exists()
    (rig.folder / NAMES).mkdir()
    rig.house = rig.anew()
    asyncio.run(rig.house.open())
    file = rig.folder / NAMES / HOSTS
    assert file.read_text() == "10.0.3.140 records.yaounde.test.internal\n"
    # The resolver is no root.
    assert file.stat().st_mode & 0o777 == 0o644
    rig.take("two", named(2))
    assert file.read_text() == ""


def test_a_roster_that_brings_no_other_names_leaves_the_file_alone(rig):
    (rig.folder / NAMES).mkdir()
    rig.take("one", named(1, RECORDS))
    file = rig.folder / NAMES / HOSTS
    before = file.stat()
    rig.take("two", named(2, RECORDS))
    after = file.stat()
    # Reading a file changes when it was last read.
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
