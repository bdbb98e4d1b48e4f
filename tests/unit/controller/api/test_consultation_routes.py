"""Consultations over the API: announced with what to expect, seen within scope, taken back."""

from datetime import UTC, datetime
from time import time

import pytest

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.load import load
from controller.roles import Role
from inventory import addressing
from inventory.model import Segment
from tests.rigs.service.api_bench import SPUR, api_bench

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "eyenga": (Grant(Role.VIEWER, ""),),
    "fotso": (Grant(Role.NOC_OPERATOR, "yaounde/douala"),),
}


@pytest.fixture
def bench():
    with api_bench(GRANTS) as made:
        yield made


def announce(bench, who="ngono", minutes_ahead=0, **changes):
    begins = datetime.fromtimestamp(time() + 60 * minutes_ahead, UTC)
    body = {"sites": ["kolofata", "yaounde"], "begins_at": begins.isoformat(), "minutes": 30}
    return bench.client.request(
        "POST", "/api/v1/consultations", headers={"who": who}, body=body | changes
    )


def test_an_announcement_is_answered_with_what_to_expect_and_runs(bench):
    answer = announce(bench)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["sites"]) == ("running", ["kolofata", "yaounde"])
    assert made["expectation"]["quality"] == "video"
    assert made["expectation"]["protected"]
    assert [one["name"] for one in bench.get("/consultations")["items"]] == [made["name"]]
    assert bench.get(f"/consultations/{made['name']}")["announced_by"] == "ngono"


def test_what_to_expect_follows_the_network(bench):
    bench.hear("mora-kolofata-fibre", Health.DOWN, "mora-r1", "kolofata-r1")
    check = {"sites": ["kolofata", "mora"]}
    answer = bench.client.request(
        "POST", "/api/v1/consultations/check", headers={"who": "ngono"}, body=check
    ).json()
    assert "mora-kolofata-fibre" not in answer["because"]


def test_coming_and_past_ones_are_lists_of_their_own(bench):
    coming = announce(bench, minutes_ahead=90).json()["name"]
    gone = announce(bench).json()["name"]
    bench.client.request("DELETE", f"/api/v1/consultations/{gone}", headers={"who": "ngono"})
    assert [one["name"] for one in bench.get("/consultations", state="coming")["items"]] == [coming]
    past = bench.get("/consultations", state="past")["items"]
    assert [(one["name"], one["state"]) for one in past] == [(gone, "cancelled")]
    assert bench.get("/consultations")["total"] == 0


def test_a_reader_elsewhere_sees_of_it_what_is_in_scope_alone(bench):
    name = announce(bench).json()["name"]
    assert bench.get("/consultations", "fotso")["total"] == 0
    answer = bench.client.request("GET", f"/api/v1/consultations/{name}", headers={"who": "fotso"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("who", "changes", "status", "said"),
    [
        ("eyenga", {}, 403, "do not cover"),
        ("fotso", {}, 404, "kolofata"),
        ("ngono", {"sites": ["atlantis"]}, 404, "atlantis"),
        ("ngono", {"minutes": 0}, 422, "minutes"),
        ("ngono", {"begins_at": "2026-01-01T10:00:00Z"}, 422, "future"),
        ("ngono", {"begins_at": "2026-01-01T10:00:00"}, 422, "begins_at"),
        ("ngono", {"patient": "A. Ngono"}, 422, "patient"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(bench, who, changes, status, said):
    answer = announce(bench, who, **changes)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert bench.get("/consultations")["total"] == 0


def touched(bench, who="ngono", *names):
    body = {"names": list(names)}
    answer = bench.client.request(
        "POST", "/api/v1/consultations/touched", headers={"who": who}, body=body
    )
    assert answer.status_code == 200
    return answer.json()


def test_a_change_on_the_way_of_a_running_consultation_is_told_of_it(bench):
    name = announce(bench).json()["name"]
    found = touched(bench, "ngono", "mora-r1", "kolofata-e1")
    assert [one["name"] for one in found["consultations"]] == [name]
    assert found["sentence"].startswith("1 consultation runs over kolofata-e1 and mora-r1, it ends")
    assert touched(bench, "ngono", "douala-r1")["sentence"] == ""
    assert touched(bench, "fotso", "kolofata-e1")["sentence"] == ""


def test_a_report_comes_when_it_is_over_and_only_to_who_sees_it(bench):
    name = announce(bench).json()["name"]
    path = f"/api/v1/consultations/{name}/report"
    early = bench.client.request("GET", path, headers={"who": "ngono"})
    assert (early.status_code, "not over" in early.text) == (409, True)
    bench.client.request("DELETE", f"/api/v1/consultations/{name}", headers={"who": "ngono"})
    found = bench.get(f"/consultations/{name}/report")
    assert (found["state"], found["complete"], found["ends"]) == ("cancelled", False, [])
    assert "unknown" in found["sentence"]
    assert bench.client.request("GET", path, headers={"who": "fotso"}).status_code == 404


def machine(site):
    """Return the address of a computer in a site's clinical network."""
    intent = load(SPUR).intent
    lan = addressing.segment4(intent.network.plan, intent.sites[site].number, Segment.CLINICAL)
    return str(lan.network_address + 20)


def test_machines_are_announced_by_address_and_their_sites_follow(bench):
    addresses = [machine("kolofata"), machine("yaounde")]
    made = announce(bench, sites=[], addresses=addresses).json()
    assert (made["sites"], made["addresses"]) == (["kolofata", "yaounde"], addresses)
    (found,) = bench.get("/consultations")["items"]
    assert found["addresses"] == addresses


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (["10.0.3"], "'10.0.3' is no address"),
        (["192.0.2.1"], "192.0.2.1 is in the network of no site"),
        (["fe80::1%eth0"], "has a zone"),
        ([], "name a site or an address"),
    ],
)
def test_an_address_that_is_none_or_at_no_site_is_refused(bench, addresses, words):
    answer = announce(bench, sites=[], addresses=addresses)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_an_address_at_a_site_out_of_scope_is_as_one_at_none(bench):
    address = machine("kolofata")
    answer = announce(bench, who="fotso", sites=[], addresses=[address])
    assert answer.status_code == 422
    assert "is in the network of no site" in answer.json()["detail"]
    assert "kolofata" not in answer.text
