"""People of the VPN, edges' keys, audit chains and backups over the API, within scopes."""

import json
from contextlib import closing

import pytest

from accounts.roles import Grant
from accounts.signing_in.links import first_administrator_link
from controller.app import change_accounts, note_network_act
from controller.environment import state_dir
from controller.roles import CATALOGUE, Role
from controller.store.database import Database
from inventory.errors import JournalError
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from tests.rigs.service.api_bench import SPUR, api_bench
from vpn.model import Person

NORTH = "yaounde/maroua"
GRANTS = {
    "root": (Grant(Role.ADMINISTRATOR, ""),),
    "vpn": (Grant(Role.VPN_ADMINISTRATOR, ""),),
    "northern": (Grant(Role.VPN_ADMINISTRATOR, NORTH),),
    "analyst": (Grant(Role.SECURITY_ANALYST, ""),),
    "viewer": (Grant(Role.VIEWER, ""),),
}
NURSE = Person("b-oumarou", "B. Oumarou", "nurse", "mora")


@pytest.fixture
def bench(tmp_path, monkeypatch):
    state = tmp_path / "state"
    monkeypatch.setenv("SANAGA_STATE_DIR", str(state))
    monkeypatch.setenv("SANAGA_PASSPHRASE", "not a real one")
    place_fresh_records(state)
    registrar = make_registrar(state)
    for person in (NGONO, NURSE):
        registrar.add(person, "tablet", ACT, nowhere)
    registrar.close()
    with api_bench(GRANTS, SPUR) as made:
        yield made


def send(bench, method, path, who, headers=None, **body):
    given = {"who": who, **(headers or {})}
    return bench.client.request(
        method, f"/api/v1{path}", headers=given, body=body if method != "GET" else None
    )


def names(bench, who, **asked):
    return [one["name"] for one in bench.get("/vpn/people", who, **asked)["items"]]


def finished(bench, answer):
    assert answer.status_code == 202, answer.text
    number = answer.json()["id"]
    assert bench.changes.operations.wait(number, 60)
    ended = bench.get(f"/operations/{number}", "root")
    assert ended["state"] == "done", ended
    return ended["result"]


def test_people_are_listed_within_the_readers_scope_with_counts_of_that_alone(bench):
    assert names(bench, "vpn") == ["a-ngono", "b-oumarou"]
    assert names(bench, "northern") == ["b-oumarou"]
    assert bench.get("/vpn/people", "northern")["total"] == 1
    assert names(bench, "vpn", role="nurse") == ["b-oumarou"]
    assert names(bench, "vpn", ending_within_days=3650) == ["a-ngono"]
    assert send(bench, "GET", "/vpn/people/a-ngono", "northern").status_code == 404
    assert send(bench, "GET", "/vpn/people", "viewer").status_code == 403
    shown = bench.get("/vpn/people/a-ngono", "analyst")
    (device,) = shown["devices"]
    assert set(device["addresses"]) == {"yaounde-e1", "douala-e1"}
    assert (shown["groups"], shown["until"]) == (["oncologists"], "2026-12-31")


def test_nothing_that_is_shown_of_people_is_secret(bench):
    for path in ("/vpn/people", "/vpn/people/a-ngono", "/vpn/gateways", "/audit"):
        text = json.dumps(bench.get(path, "root")).lower()
        assert "private" not in text
        assert "preshared" not in text


def test_access_is_revoked_by_whoever_covers_the_site_and_only_as_it_was_read(bench):
    path = "/vpn/people/b-oumarou/revoke"
    assert send(bench, "POST", path, "analyst", because="lost").status_code == 403
    elsewhere = send(bench, "POST", "/vpn/people/a-ngono/revoke", "northern", because="lost")
    assert elsewhere.status_code == 404
    stale = send(bench, "POST", path, "northern", {"If-Match": '"old"'}, because="lost")
    assert stale.status_code == 412
    tag = send(bench, "GET", "/vpn/people/b-oumarou", "northern").headers["etag"]
    done = send(bench, "POST", path, "northern", {"If-Match": tag}, because="tablet was stolen")
    assert done.status_code == 200, done.text
    body = done.json()
    assert (body["revoked"], body["person"]["state"]) == (["tablet"], "revoked")
    assert [(one["gateway"], one["told"]) for one in body["gateways"]] == [
        ("douala-e1", False),
        ("yaounde-e1", False),
    ]
    assert names(bench, "northern") == []
    trail = bench.get("/audit", "analyst", subject="b-oumarou")["items"]
    by = {one["who"] for one in trail if one["because"] == "tablet was stolen"}
    assert by == {"northern"}
    again = send(bench, "POST", path, "northern", because="again")
    assert again.status_code == 409
    assert "has no access any more" in again.json()["detail"]


def test_gateways_tell_which_roster_they_lack(bench):
    rows = bench.get("/vpn/gateways", "vpn")["items"]
    assert [row["gateway"] for row in rows] == ["douala-e1", "yaounde-e1"]
    assert all(row["told"] is None and row["behind"] > 0 for row in rows)
    assert send(bench, "GET", "/vpn/gateways", "northern").status_code == 403


def test_edges_wait_for_a_key_or_have_one_within_the_readers_scope(bench):
    everywhere = bench.get("/vpn/edges", "viewer")["items"]
    assert {row["edge"] for row in everywhere} == {"kolofata-e1", "yaounde-e1"}
    assert {row["state"] for row in everywhere} <= {"waiting", "pinned"}
    north = bench.get("/vpn/edges", "northern")["items"]
    assert [row["edge"] for row in north] == ["kolofata-e1"]
    state = north[0]["state"]
    assert bench.get("/vpn/edges", "northern", state=state)["total"] == 1
    assert bench.get("/vpn/edges", "northern", state="moving")["total"] == 0


def test_every_act_by_whatever_door_is_in_one_chain_in_order(bench):
    with change_accounts() as connection:
        first_administrator_link(connection, CATALOGUE, ACT, bench.clock())
    revoked = send(bench, "POST", "/vpn/people/b-oumarou/revoke", "root", because="lost")
    assert revoked.status_code == 200, revoked.text
    note_network_act("apply.resume", "the last apply")
    whole = bench.get("/audit", "analyst")["items"]
    assert [one["serial"] for one in whole] == list(range(1, len(whole) + 1))
    did = [(one["kind"], one["what"]) for one in whole]
    assert did[:2] == [("vpn", "terms.accept"), ("vpn", "person.add")]
    assert did[-4:] == [
        ("accounts", "link.make"),
        ("vpn", "device.revoke"),
        ("vpn", "person.revoke"),
        ("network", "apply.resume"),
    ]
    for kind in ("vpn", "accounts", "network"):
        listed = bench.get("/audit", "analyst", kind=kind)
        assert listed["items"] == [one for one in whole if one["kind"] == kind]
        assert listed["total"] == len(listed["items"])


def test_the_chain_is_read_in_pages_and_verified_by_whoever_may(bench):
    first = bench.get("/audit", "analyst", limit=2)
    assert (len(first["items"]), first["total"]) == (2, 5)
    rest = bench.get("/audit", "analyst", limit=2, cursor=first["next"])
    assert [one["serial"] for one in rest["items"]] == [3, 4]
    last = bench.get("/audit", "analyst", limit=2, cursor=rest["next"])
    assert ([one["serial"] for one in last["items"]], last["next"]) == ([5], None)
    foreign = send(bench, "GET", "/audit?cursor=ImEi", "analyst")
    assert foreign.status_code == 400
    assert bench.get("/audit/verification", "analyst") == {
        "whole": True,
        "broken_at": None,
        "entries": 5,
        "kinds": {"vpn": 5},
        "last_hash": last["items"][0]["hash"],
        "noted_is_there": None,
    }
    for who in ("vpn", "viewer"):
        assert send(bench, "GET", "/audit", who).status_code == 403
        assert send(bench, "GET", "/audit/verification", who).status_code == 403


def tampered(statement):
    """Change the chain as somebody does who may write the file, past its triggers."""
    with closing(Database.open(state_dir(), JournalError)) as database, database.write() as db:
        for trigger in db.exec_driver_sql(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_chain'"
        ).all():
            db.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
        db.exec_driver_sql(statement)


def test_a_chain_that_was_tampered_with_is_named_at_the_entry(bench):
    tampered("UPDATE audit_chain SET who = 'nobody' WHERE serial = 2")
    verdict = bench.get("/audit/verification", "analyst")
    assert (verdict["whole"], verdict["broken_at"]) == (False, 2)


def test_a_chain_that_was_cut_lacks_the_hash_that_was_noted(bench):
    noted = bench.get("/audit/verification", "analyst")["last_hash"]
    assert bench.get("/audit/verification", "analyst", noted=noted)["noted_is_there"]
    tampered("DELETE FROM audit_chain WHERE serial = 5")
    verdict = bench.get("/audit/verification", "analyst", noted=noted)
    assert (verdict["whole"], verdict["noted_is_there"]) == (True, False)


def test_a_backup_is_made_listed_and_rehearsed(bench):
    made = finished(bench, send(bench, "POST", "/backups", "root"))
    (listed,) = bench.get("/backups", "root")["items"]
    assert listed["name"] == made["backup"]["name"]
    assert made["backup"]["rows"]["people"] == 2
    name = listed["name"]
    rehearsed = finished(bench, send(bench, "POST", f"/backups/{name}/verification", "root"))
    assert rehearsed["backup"]["rows"] == made["backup"]["rows"]
    absent = f"/backups/sanaga-20200101T000000Z.{name.rpartition('.')[2]}/verification"
    assert send(bench, "POST", absent, "root").status_code == 404
    for path in ("/backups/..%2Fsanaga.sqlite/verification", "/backups/lock/verification"):
        assert send(bench, "POST", path, "root").status_code in {404, 422}
    assert send(bench, "GET", "/backups", "analyst").status_code == 403
    assert send(bench, "POST", "/backups", "vpn").status_code == 403


def test_a_backup_without_a_passphrase_says_how_to_give_one(bench, monkeypatch):
    monkeypatch.delenv("SANAGA_PASSPHRASE")
    refused = send(bench, "POST", "/backups", "root")
    assert refused.status_code == 409
    assert "start the service with it" in refused.json()["detail"]
