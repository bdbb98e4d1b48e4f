"""What would be if things failed, over the API: who is hurt, and which ways are left."""

from datetime import UTC, datetime

import pytest

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

FIBRE, MICROWAVE = "mora-kolofata-fibre", "maroua-kolofata-microwave"
NORTH = "yaounde/maroua"
GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "moussa": (Grant(Role.VIEWER, NORTH),),
    "fotso": (Grant(Role.VIEWER, "yaounde/douala"),),
}


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        yield made


def ask(bench, *failed, who="ngono", **more):
    return bench.get("/what-if", who, failed=",".join(failed), **more)


def effects(found):
    return {one["name"]: one["effect"] for one in found["sites"]}


def way(row, which="then"):
    return [step["name"] for step in row[which]["circuits"]]


def test_nothing_that_fails_hurts_nobody(bench):
    found = ask(bench)
    assert (found["failed"], found["sites"], found["consultations"]) == ([], [], [])


def test_a_second_way_takes_over_and_is_told(bench):
    (kolofata,) = ask(bench, FIBRE)["sites"]
    assert kolofata["name"] == "kolofata"
    assert FIBRE in way(kolofata, "usual")
    assert FIBRE not in way(kolofata)
    assert kolofata["then"]["circuits"][-1]["medium"]


def test_all_ways_of_a_site_together_cut_it_off(bench):
    circuits = [
        one["name"]
        for one in bench.get("/circuits")["items"]
        if "kolofata" in {one["a"]["site"], (one["b"] or {}).get("site")} and one["enabled"]
    ]
    found = ask(bench, *circuits)
    assert effects(found)["kolofata"] == "cut-off"
    assert found["cut_off"] == 1
    assert found["sites"][0]["then"] is None
    assert found["facilities_cut_off"] == 1
    assert ask(bench, "site:kolofata")["people_cut_off"] == found["people_cut_off"] > 0


def test_a_site_fails_by_its_bare_name_with_its_devices(bench):
    (failed,) = ask(bench, "kolofata")["failed"]
    assert failed == {"name": "site:kolofata", "kind": "site", "title": "Kolofata"}
    assert effects(ask(bench, "kolofata-e1"))["kolofata"] == "cut-off"
    assert effects(ask(bench, "kolofata-r1"))["kolofata"] == "other-way"
    (operator,) = [one for one in bench.get("/circuits")["items"] if one["name"] == "kolofata-leo"]
    found = ask(bench, f"provider:{operator['provider']}")
    assert found["failed"][0]["kind"] == "provider"


def test_a_circuit_that_is_not_in_use_cannot_fail(bench):
    (unused,) = [one["name"] for one in bench.get("/circuits")["items"] if not one["enabled"]][:1]
    answer = bench.client.request(
        "GET", f"/api/v1/what-if?failed={unused}", headers={"who": "ngono"}
    )
    assert answer.status_code == 422
    assert "is not in use" in answer.json()["detail"]


def test_what_is_down_now_counts_unless_it_shall_not(bench):
    bench.hear(FIBRE, Health.DOWN, "mora-r1", "kolofata-r1")
    try:
        now = ask(bench, MICROWAVE)
        assert now["down_now"] == [FIBRE]
        assert FIBRE not in way(now["sites"][0], "usual")
        alone = ask(bench, MICROWAVE, present=False)
        assert (alone["down_now"], alone["cut_off"]) == ([], 0)
        assert ask(bench)["sites"] == []
    finally:
        bench.hear(FIBRE, Health.OK, "mora-r1", "kolofata-r1")


def test_consultations_over_what_fails_are_told(bench):
    body = {
        "sites": ["kolofata", "yaounde"],
        "begins_at": datetime.fromtimestamp(bench.clock(), UTC).isoformat(),
        "minutes": 30,
    }
    bench.client.request("POST", "/api/v1/consultations", headers={"who": "ngono"}, body=body)
    (call,) = ask(bench, FIBRE)["consultations"]
    assert call["sites"] == ["kolofata", "yaounde"]
    assert ask(bench, "mayo-sava-tokombere-fibre")["consultations"] == []


def test_a_reader_of_a_part_fails_and_sees_that_part_alone(bench):
    for name in ("site:garoua", "garoua-r1", "garoua", "yaounde-douala-road-fibre", "nothing"):
        answer = bench.client.request(
            "GET", f"/api/v1/what-if?failed={name}", headers={"who": "moussa"}
        )
        assert answer.status_code == 404, name
        assert answer.json()["detail"].replace(name, "X").startswith("no site, device or circuit")
    whole, part = (ask(bench, "garoua-maroua-fibre", who=who) for who in ("ngono", "moussa"))
    assert effects(part) == {
        name: effect for name, effect in effects(whole).items() if name in in_the_north(bench)
    }
    told = {name for row in part["sites"] for name in (*way(row, "usual"), *way(row))}
    assert "" in told
    assert "ngaoundere-garoua-fibre" not in told
    assert {"garoua-maroua-fibre"} <= told


def in_the_north(bench):
    return {one["name"] for one in bench.get("/sites", "moussa")["items"]}


def test_what_happens_elsewhere_is_not_told(bench):
    bench.hear(FIBRE, Health.DOWN, "mora-r1", "kolofata-r1")
    try:
        assert ask(bench, who="fotso")["down_now"] == []
        found = ask(bench, "site:douala", who="fotso")
        assert "kolofata" not in str(found)
        assert effects(found) == {"douala": "cut-off"}
    finally:
        bench.hear(FIBRE, Health.OK, "mora-r1", "kolofata-r1")


def test_too_many_things_are_refused_at_once(bench):
    names = ",".join(f"n{number}" for number in range(101))
    answer = bench.client.request(
        "GET", f"/api/v1/what-if?failed={names}", headers={"who": "ngono"}
    )
    assert answer.status_code == 422
