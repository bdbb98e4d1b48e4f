"""Giving people access and withdrawing it, with the store and the sealing key on disk."""

import threading
from dataclasses import replace
from datetime import date
from ipaddress import IPv4Network, ip_address

import pytest
from sqlalchemy import select, text

from controller.access.devices import DeviceSecrets
from controller.access.registrar import Registrar
from controller.keys.psk_sealing import PskVault
from controller.store.audit import broken
from controller.store.schema import METADATA
from inventory.errors import AccessError, CredentialError
from tests.rigs.people.people_rig import ACT, GATEWAYS, NGONO, TERMS, make_registrar, nowhere
from tests.simulated_time import TestClock
from vpn.people.roster import RosterDevice
from vpn.people.terms import SitePlace, diff_terms
from vpn.wireguard import keys, parser
from vpn.wireguard.config import render_config

NURSE = replace(NGONO, name="b-oumarou", title="B. Oumarou", role="nurse", site="mora", until=None)
DROP_TRIGGERS = {
    "postgresql": ["DROP TRIGGER audit_chain_changed ON audit_chain"],
    "sqlite": ["DROP TRIGGER audit_chain_update", "DROP TRIGGER audit_chain_delete"],
}


@pytest.fixture
def registrar(records, tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


def test_a_file_holds_all_that_a_device_needs_to_dial_a_gateway(registrar):
    made = registrar.add(NGONO, "tablet", ACT, nowhere)
    config = made.files["yaounde-e1"]
    assert keys.public_of(config.private_key) == made.device.public_key
    assert [str(address) for address in config.addresses] == [
        "172.26.0.2/32",
        "fd5a:6e61:67ff:fffd:0:1:0:2/128",
    ]
    (far,) = config.peers
    assert far.public_key == GATEWAYS[0].public_key
    assert str(far.endpoint) == "vpn1.example.cm:51820"
    assert [str(prefix) for prefix in far.allowed] == [
        "10.0.0.0/8",
        "fd5a:6e61:6700::/40",
        "172.26.0.1/32",
        "fd5a:6e61:67ff:fffd:0:1:0:1/128",
    ]
    assert parser.parse_config(render_config(config), "x.conf") == config


def test_every_pair_of_device_and_gateway_has_a_preshared_key_of_its_own(registrar):
    files = [registrar.add(NGONO, name, ACT, nowhere).files for name in ("tablet", "laptop")]
    shared = [config.peers[0].preshared_key for one in files for config in one.values()]
    assert len(set(shared)) == len(shared) == 4


def test_a_device_that_brings_its_key_keeps_the_private_one_to_itself(registrar):
    private = keys.generate_private()
    made = registrar.add(NGONO, "tablet", ACT, nowhere, keys.public_of(private))
    assert made.files["yaounde-e1"].private_key is None
    assert made.device.public_key == keys.public_of(private)


def test_nothing_is_kept_when_the_file_cannot_be_handed_over(registrar):
    def full(_handover):
        raise OSError(28, "No space left on device")

    before = registrar.store.trail()
    with pytest.raises(OSError, match="No space left"):
        registrar.add(NGONO, "tablet", ACT, full)
    assert registrar.store.entries() == ()
    assert registrar.store.trail() == before


def test_export_gives_the_same_file_but_for_the_private_key(registrar):
    made = registrar.add(NGONO, "tablet", ACT, nowhere)
    again = registrar.export("a-ngono", None, ACT)
    assert again.files == {
        name: replace(config, private_key=None) for name, config in made.files.items()
    }


def test_rotation_keeps_the_addresses_and_changes_every_key(registrar):
    made = registrar.add(NGONO, "tablet", ACT, nowhere)
    other = registrar.rotate("a-ngono", None, ACT, nowhere)
    assert other.device.number == made.device.number
    assert other.device.public_key != made.device.public_key
    for name, config in other.files.items():
        assert config.addresses == made.files[name].addresses
        assert config.peers[0].preshared_key != made.files[name].peers[0].preshared_key
    assert registrar.store.box(made.device.public_key, "yaounde-e1") is None


def test_a_revoked_key_never_comes_back(registrar):
    public = keys.public_of(keys.generate_private())
    registrar.add(NGONO, "tablet", ACT, nowhere, public)
    registrar.revoke("a-ngono", None, ACT)
    with pytest.raises(AccessError, match="this key of a-ngono's tablet was revoked on 2026-03-02"):
        registrar.add(NGONO, "tablet", ACT, nowhere, public)
    assert registrar.store.entry("a-ngono").revoked


def test_a_key_is_that_of_one_device(registrar):
    public = keys.public_of(keys.generate_private())
    registrar.add(NGONO, "tablet", ACT, nowhere, public)
    with pytest.raises(AccessError, match="this key is that of a-ngono's tablet"):
        registrar.add(NURSE, "tablet", ACT, nowhere, public)


def test_who_was_revoked_may_return_with_other_addresses(registrar):
    first = registrar.add(NGONO, "tablet", ACT, nowhere)
    registrar.revoke("a-ngono", None, ACT)
    again = registrar.add(NGONO, "tablet", ACT, nowhere)
    assert again.device.number != first.device.number
    assert registrar.store.entry("a-ngono").revoked is None


def test_revoking_one_device_leaves_the_others(registrar):
    for name in ("tablet", "laptop"):
        registrar.add(NGONO, name, ACT, nowhere)
    gone = registrar.revoke("a-ngono", "tablet", ACT)
    assert [device.name for device in gone] == ["tablet"]
    entry = registrar.store.entry("a-ngono")
    assert entry.revoked is None
    assert [device.name for device in entry.in_use] == ["laptop"]


@pytest.mark.parametrize("device", [None, "phone"])
def test_a_device_must_be_told_from_the_others(registrar, device):
    for name in ("tablet", "laptop"):
        registrar.add(NGONO, name, ACT, nowhere)
    with pytest.raises(AccessError, match="tablet, laptop"):
        registrar.rotate("a-ngono", device, ACT, nowhere)


def test_everything_that_speaks_against_access_is_said_at_once(registrar):
    wrong = replace(NGONO, role="oncolgist", site="yaunde", until=date(2026, 1, 1))
    with pytest.raises(AccessError) as caught:
        registrar.add(wrong, "tablet", ACT, nowhere)
    assert str(caught.value).splitlines() == [
        "a-ngono: no site is called 'yaunde'; did you mean yaounde?",
        "no role is called 'oncolgist'; did you mean oncologist?",
        "access would have ended on 2026-01-01; name a later day with --until",
    ]


def test_access_never_outlasts_the_licence(registrar):
    wrong = replace(NGONO, licence="ONMC 1234", licence_until=date(2026, 6, 30))
    with pytest.raises(AccessError, match="would outlast the licence, which ends on 2026-06-30"):
        registrar.add(wrong, "tablet", ACT, nowhere)


def test_who_belongs_to_no_group_gets_no_access(registrar):
    with pytest.raises(AccessError, match="no group takes in nurse at yaounde"):
        registrar.add(replace(NURSE, site="yaounde"), "tablet", ACT, nowhere)


def test_a_name_stands_for_one_person(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    with pytest.raises(AccessError, match="a-ngono has access already, with site yaounde"):
        registrar.add(replace(NGONO, site="maroua"), "laptop", ACT, nowhere)


def test_changes_are_checked_like_additions_and_told(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    registrar.change(replace(NGONO, until=date(2027, 3, 31)), ACT)
    assert registrar.store.entry("a-ngono").person.until == date(2027, 3, 31)
    assert registrar.store.trail()[-1].details == {"until": "2027-03-31"}
    with pytest.raises(AccessError, match="no role is called"):
        registrar.change(replace(NGONO, role="surgeon"), ACT)


def test_without_terms_nobody_gets_access(tmp_path):
    registrar = make_registrar(tmp_path, None)
    with pytest.raises(AccessError, match="no access policy was accepted yet"):
        registrar.add(NGONO, "tablet", ACT, nowhere)
    registrar.close()


def test_another_gateway_gets_preshared_keys_with_all_devices(tmp_path):
    registrar = make_registrar(tmp_path, replace(TERMS, gateways=GATEWAYS[:1]))
    made = registrar.add(NGONO, "tablet", ACT, nowhere)
    assert [*made.files] == ["yaounde-e1"]
    assert registrar.accept(TERMS, ACT) == 1
    exported = registrar.export("a-ngono", None, ACT)
    assert [*exported.files] == ["yaounde-e1", "douala-e1"]
    assert registrar.accept(TERMS, ACT) == 0
    registrar.close()


def test_addresses_end_with_an_error(tmp_path):
    small = replace(TERMS.plan, ipv4_people=IPv4Network("172.26.0.0/27"))
    registrar = make_registrar(tmp_path, replace(TERMS, plan=small))
    registrar.add(NGONO, "tablet", ACT, nowhere)
    with pytest.raises(AccessError, match="all 1 addresses of people's devices were given"):
        registrar.add(NGONO, "laptop", ACT, nowhere)
    assert [device.name for device in registrar.store.entry("a-ngono").in_use] == ["tablet"]
    registrar.close()


# The record


def test_the_trail_tells_who_did_what_when_and_why(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    registrar.revoke("a-ngono", None, ACT)
    trail = registrar.store.trail("a-ngono")
    assert [trace.what for trace in trail] == [
        "person.add",
        "device.add",
        "device.revoke",
        "person.revoke",
    ]
    assert {(trace.who, trace.because) for trace in trail} == {("tester", "because of a test")}
    assert broken(registrar.store.trail()) is None


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE audit_chain SET who = 'nobody' WHERE serial = 2",
        "UPDATE audit_chain SET details = '{}' WHERE serial = 2",
        "DELETE FROM audit_chain WHERE serial = 2",
    ],
)
def test_a_changed_trail_is_found_out(registrar, records, damage):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    with (
        pytest.raises(AccessError, match="only added"),
        registrar.store._database.write() as db,
    ):
        db.execute(text(damage))
    assert broken(registrar.store.trail()) is None
    with registrar.store._database.write() as db:
        for statement in DROP_TRIGGERS[records]:
            db.execute(text(statement))
        db.execute(text(damage))
    assert broken(registrar.store.trail()) == 2


def test_two_administrators_at_once_give_one_name_once(tmp_path):
    registrar = make_registrar(tmp_path)
    other = Registrar.open(tmp_path, TestClock())
    begun, results = threading.Barrier(2), []

    def add(at):
        begun.wait()
        try:
            results.append(at.add(NGONO, "tablet", ACT, nowhere))
        except AccessError as error:
            results.append(error)

    threads = [threading.Thread(target=add, args=(at,)) for at in (registrar, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, AccessError) for result in results) == 1
    assert len(registrar.store.entry("a-ngono").devices) == 1
    registrar.close()
    other.close()


def test_a_rotation_that_another_overtook_changes_nothing(registrar, tmp_path):
    made = registrar.add(NGONO, "tablet", ACT, nowhere)
    stale = registrar.store.entry("a-ngono").in_use[0]
    registrar.rotate("a-ngono", None, ACT, nowhere)
    secrets = DeviceSecrets(PskVault(tmp_path), keys.generate_pair)
    keying = secrets.make_keys(TERMS, None).kept
    with pytest.raises(AccessError, match="was changed by somebody else meanwhile"):
        registrar.store.rotate(stale, keying, ACT, lambda _device: None)
    assert made.device == stale


@pytest.mark.parametrize("devices", [None, "tablet"])
def test_who_is_revoked_by_two_is_revoked_once(registrar, devices):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    stale = registrar.store.entry("a-ngono").in_use
    registrar.revoke("a-ngono", devices, ACT)
    before = registrar.store.trail()
    with pytest.raises(AccessError, match="was changed by somebody else meanwhile"):
        registrar.store.revoke("a-ngono", stale, ACT)
    assert registrar.store.trail() == before


def test_a_change_gives_nobody_their_access_back(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    registrar.revoke("a-ngono", None, ACT)
    with pytest.raises(AccessError, match="has no access any more; give it again"):
        registrar.change(replace(NGONO, title="Dr Anne Ngono"), ACT)
    assert registrar.store.entry("a-ngono").revoked


def test_revoking_a_device_that_was_rotated_meanwhile_revokes_its_new_key(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    stale = registrar.store.entry("a-ngono").in_use
    renewed = registrar.rotate("a-ngono", None, ACT, nowhere).device
    registrar.store.revoke("a-ngono", stale, ACT)
    owner = registrar.store.owner(renewed.public_key)
    assert owner.revoked
    assert registrar.store.box(renewed.public_key, "yaounde-e1") is None


def test_a_gateway_is_told_of_those_who_have_access_today(tmp_path):
    clock = TestClock()
    registrar = make_registrar(tmp_path, clock=clock)
    stays = registrar.add(replace(NURSE, until=date(2026, 4, 1)), "tablet", ACT, nowhere).device
    leaves = registrar.add(replace(NGONO, until=date(2026, 3, 2)), "tablet", ACT, nowhere).device
    told = registrar.roster("douala-e1").roster
    assert [device.public_key for device in told.devices] == [stays.public_key, leaves.public_key]
    clock.pause(86_400)
    (device,) = registrar.roster("douala-e1").roster.devices
    assert device == RosterDevice(
        stays.public_key,
        (ip_address("172.26.64.2"), ip_address("fd5a:6e61:67ff:fffd:0:2:0:2")),
        ("nurses",),
        date(2026, 4, 1),
    )
    registrar.close()


def test_a_gateway_gets_the_preshared_keys_that_files_hold(registrar):
    made = [registrar.add(person, "tablet", ACT, nowhere) for person in (NGONO, NURSE)]
    gateway_roster = registrar.roster("yaounde-e1")
    (one, other) = (handover.files["yaounde-e1"].peers[0].preshared_key for handover in made)
    assert gateway_roster.preshared == (one, other)
    assert gateway_roster.state == registrar.store.last() == 5
    assert gateway_roster.roster.listen_port == 51820
    assert [str(address) for address in gateway_roster.roster.addresses] == [
        "172.26.0.1/18",
        "fd5a:6e61:67ff:fffd:0:1:0:1/96",
    ]


# Terms


def test_terms_that_differ_only_in_sites_are_different():
    more = replace(TERMS, sites={**TERMS.sites, "kolofata": SitePlace("maroua")})
    moved = replace(TERMS, sites={**TERMS.sites, "mora": SitePlace("yaounde")})
    assert list(diff_terms(TERMS, TERMS)) == []
    assert list(diff_terms(TERMS, more)) == ["~ sites: 1 more"]
    assert list(diff_terms(more, TERMS)) == ["~ sites: 1 fewer"]
    assert list(diff_terms(TERMS, moved)) == ["~ sites: 1 elsewhere"]


def test_terms_come_back_as_they_were_kept(registrar):
    assert registrar.terms() == TERMS


# Secrets


def rows_of(registrar, table):
    return [tuple(row) for row in registrar.store._database.read(select(table))]


def test_no_file_of_the_state_holds_a_key_that_opens_anything(tmp_path, registrar):
    handed = [
        registrar.add(NGONO, "tablet", ACT, nowhere),
        registrar.rotate("a-ngono", None, ACT, nowhere),
    ]
    registrar.export("a-ngono", None, ACT)
    configs = [config for one in handed for config in one.files.values()]
    secrets = [one.private_key for one in configs] + [c.peers[0].preshared_key for c in configs]
    files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    files += [repr(rows_of(registrar, table)).encode() for table in METADATA.sorted_tables]
    assert len(files) > len(METADATA.sorted_tables)
    for secret in secrets:
        for form in (secret.octets, secret.reveal().encode(), secret.octets.hex().encode()):
            assert not any(form in content for content in files)
    # The same search finds what is there.
    assert any(handed[1].device.public_key.encode() in content for content in files)


def test_a_lost_sealing_key_is_told(tmp_path, registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    (tmp_path / "sealing_key").unlink()
    other = Registrar.open(tmp_path, TestClock())
    with pytest.raises(CredentialError, match="does not open the preshared key"):
        other.export("a-ngono", None, ACT)
    other.close()


def test_a_box_of_one_gateway_does_not_open_for_another(registrar, tmp_path):
    secrets = DeviceSecrets(PskVault(tmp_path), keys.generate_pair)
    made = registrar.add(NGONO, "tablet", ACT, nowhere)
    box = registrar.store.box(made.device.public_key, "yaounde-e1")
    assert secrets.open_sealed(made.device, "yaounde-e1", box)
    with pytest.raises(CredentialError):
        secrets.open_sealed(made.device, "douala-e1", box)
    with pytest.raises(AccessError, match="has no preshared key with douala-e1"):
        secrets.open_sealed(made.device, "douala-e1", None)
