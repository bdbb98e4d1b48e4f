"""Checks of the controller itself and of devices: what ends soon, fills up, or is not known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accounts.audit import Actor, append
from accounts.directory import create_account, new_handle
from accounts.schema import open_accounts
from controller.load import load
from controller.reports.document import State
from controller.reports.findings import Check
from controller.schedules import controller_checks as checks
from controller.schedules import device_checks as devices
from controller.schedules.config_backups import ConfigBackup, ConfigChange
from controller.store.people_records import PersonRecord, Registered
from inventory.errors import DeviceError
from tests.rigs.service.api_bench import SPUR
from vpn.model import Person, PersonDevice

NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)
TODAY = NOW.date()


def told(findings):
    return [(one.subject, one.state, one.key) for one in findings]


def person(name, until=None, licence_until=None, *, revoked=None):
    made = Person(name, name, "nurse", "mora", "L-1", licence_until, until)
    device = Registered(PersonDevice(name, "tablet", 1, "key"), "2026-01-01", revoked)
    return PersonRecord(made, "2026-01-01", revoked, (device,))


@pytest.mark.parametrize(
    ("days", "state"), [(-1, State.ACT), (7, State.ACT), (8, State.NOTE), (30, State.NOTE)]
)
def test_access_that_ends_soon_is_told_in_time(days, state):
    (found,) = checks.check_access([person("awa", TODAY + timedelta(days=days))], TODAY)
    assert (found.state, found.site) == (state, "mora")
    assert found.key == ("access-ended" if days < 0 else "access-ends")


def test_what_ends_later_or_is_withdrawn_is_quiet():
    people = [
        person("awa", TODAY + timedelta(days=31)),
        person("ben"),
        person("gone", TODAY, revoked="2026-11-01"),
    ]
    assert told(checks.check_access(people, TODAY)) == [("controller", State.GOOD, "access-calm")]


def test_a_licence_counts_too():
    (found,) = checks.check_access([person("awa", None, TODAY + timedelta(days=9))], TODAY)
    assert (found.key, found.values["day"]) == ("licence-ends", "2026-12-09")


def certificate(ends):
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "noc")]),
    )
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - timedelta(days=400), ends)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_the_first_certificate_of_a_file_to_end_decides(tmp_path):
    file, other = tmp_path / "authorities.pem", tmp_path / "broken.pem"
    file.write_bytes(certificate(NOW + timedelta(days=400)) + certificate(NOW + timedelta(days=5)))
    other.write_text("no certificate")
    found = list(checks.check_certificates([file, other], TODAY))
    assert told(found)[:2] == [
        ("authorities.pem", State.ACT, "certificate-ends"),
        ("broken.pem", State.UNKNOWN, "certificate-unread"),
    ]


@pytest.mark.parametrize(
    ("free", "grown", "state", "key"),
    [
        (50e9, 0, State.GOOD, "disk"),
        (15e9, 0, State.NOTE, "disk"),
        (5e9, 0, State.ACT, "disk"),
        (50e9, 7e9, State.GOOD, "disk"),
        (50e9, 20e9, State.NOTE, "disk-fills"),
        (50e9, 70e9, State.ACT, "disk-fills"),
    ],
)
def test_a_disk_is_judged_by_what_is_free_and_how_fast_it_fills(free, grown, state, key):
    use = checks.DiskUse(100e9, free, {"sanaga.sqlite": 10e9 + grown})
    found = next(iter(checks.check_disk(use, {"sanaga.sqlite": 10e9}, 7)))
    assert (found.state, found.key) == (state, key)


def test_failed_sign_ins_of_the_week_are_counted_by_account(database):
    assert told(checks.check_sign_ins(database, NOW))[0][2] == "sign-in-nobody"
    open_accounts(database)
    assert told(checks.check_sign_ins(database, NOW))[0][2] == "sign-in-nobody"
    with database.begin() as connection:
        create_account(connection, ("awa", "Awa", new_handle()), (), NOW.timestamp())
    assert told(checks.check_sign_ins(database, NOW))[0][2] == "sign-in-none"
    actor = Actor("nobody", "sign-in")
    with database.begin() as connection:
        for day, what, who in (
            (20, "sign-in.refused", "old"),
            (29, "sign-in.refused", "awa"),
            (29, "sign-in.factor-refused", "ben"),
            (30, "sign-in", "ben"),
        ):
            append(connection, actor, f"2026-11-{day}T01:00:00+00:00", what, who)
    found = told(checks.check_sign_ins(database, NOW))
    assert found[:2] == [("awa", State.NOTE, "sign-in-some"), ("ben", State.ACT, "sign-in-some")]
    assert len(found) == 3


def test_old_lists_of_packages_are_no_good_news(tmp_path):
    assert told(checks.check_machine_updates(NOW.timestamp(), tmp_path)) == [
        ("controller", State.UNKNOWN, "updates-stale")
    ]


def test_a_check_that_fails_is_unknown_and_stops_nothing():
    def broken():
        raise OSError("no space left\n\x1b[31m")

    (found,) = checks.guarded(Check.ACCESS, broken)
    assert (found.state, found.values["reason"]) == (State.UNKNOWN, "no space left [31m")


@pytest.fixture(scope="module")
def intent():
    return load(SPUR).intent


def test_backups_are_told_device_by_device(intent, tmp_path):
    changes = (
        ConfigChange("mora-r1", 2, 1, first=False),
        ConfigChange("kolofata-r1", 9, 0, first=True),
        ConfigChange("gone-r1", 0, 5, first=False, gone=True),
    )
    done = ConfigBackup(tmp_path, 2, changes, {"garoua-r1": "no route"})
    assert told(devices.config_findings(done, intent)) == [
        ("all", State.GOOD, "config-kept"),
        ("mora-r1", State.NOTE, "config-changed"),
        ("gone-r1", State.NOTE, "config-gone"),
        ("garoua-r1", State.UNKNOWN, "config-unread"),
    ]


def test_an_edge_that_is_not_reached_is_unknown(intent):
    edges = sorted(name for name in intent.devices if name.endswith("-e1"))
    status: dict[str, Any] = {
        edges[0]: {"version": "0.1.0"},
        edges[1]: DeviceError(edges[1], "no route"),
    }
    found = devices.edge_versions(intent, [edges[0]], status)
    assert [(one.device, one.version, one.hub) for one in found] == [(edges[0], "0.1.0", True)]
    assert told(devices.version_findings(found, status, intent, "0.2.0")) == [
        ("controller", State.GOOD, "version-controller"),
        (edges[0], State.NOTE, "version-older"),
        (edges[1], State.UNKNOWN, "version-unread"),
    ]
    silent = devices.edge_versions(intent, [], {edges[0]: {}})
    assert told(devices.version_findings(silent, {}, intent, "0.2.0"))[1] == (
        "edges",
        State.UNKNOWN,
        "version-silent",
    )


def test_the_wheel_of_an_edge_is_of_the_same_version(intent):
    edge = next(name for name in intent.devices if name.endswith("-e1"))
    status: dict[str, Any] = {edge: {"version": "0.2.0+edge"}}
    found = devices.edge_versions(intent, [], status)
    assert told(devices.version_findings(found, status, intent, "0.2.0"))[1:] == [
        ("edges", State.GOOD, "version-same")
    ]


def test_text_from_a_device_is_one_bounded_line(intent):
    edge = next(name for name in intent.devices if name.endswith("-e1"))
    (found,) = devices.edge_versions(intent, [], {edge: {"version": "1\n\x1b[2J" + "9" * 500}})
    assert len(found.version) <= 40
    assert found.version.isprintable()
