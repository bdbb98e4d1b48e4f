"""The API of the northern spur: lists, incidents, acts and windows, within each reader's scope."""

import json

import pytest

from accounts.roles import Grant
from controller.api.rights import NEEDS, Access
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

CUT = "mora-kolofata-fibre"
ENDS = ("mora-r1", "kolofata-r1")
NORTH = "yaounde/maroua"
GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "moussa": (Grant(Role.NOC_OPERATOR, NORTH),),
    "eyenga": (Grant(Role.VIEWER, ""),),
    "fotso": (Grant(Role.NOC_OPERATOR, "yaounde/douala"),),
}


@pytest.fixture
def bench():
    with api_bench(GRANTS) as made:
        yield made


@pytest.fixture
def cut(bench):
    bench.hear(CUT, Health.DOWN, *ENDS)
    bench.engine.submit()
    return bench


def only(bench, who="ngono"):
    (incident,) = bench.get("/incidents", who)["items"]
    return incident


def post(bench, number, who="ngono", **asked):
    return bench.client.request(
        "POST", f"/api/v1/incidents/{number}/acts", body=asked, headers={"who": who}
    )


def test_a_well_network_says_so(bench):
    summary = bench.get("/summary")
    assert summary["sentence"] == "all 9 sites are well"
    assert bench.get("/incidents") == {"items": [], "total": 0, "next": None}


def test_a_cut_is_one_incident_with_its_cause_and_whom_it_hurts(cut):
    incident = only(cut)
    assert incident["root"] == {"kind": "circuit", "name": CUT}
    assert (incident["cause"], incident["state"]) == ("fibre-cut", "open")
    assert incident["sites"] == ["kolofata"]
    assert incident["title"].startswith(f"Fibre {CUT} is cut near Kolofata")
    assert incident["title_fr"].startswith(f"La fibre {CUT} est coupée")
    assert cut.get("/summary")["sentence"].startswith("1 incident, 0 consultations protected")
    assert cut.get(f"/circuits/{CUT}")["health"] == "down"
    site = cut.get("/sites/kolofata")
    assert site["incidents"] == [incident["number"]]
    assert site["contact"] == "head nurse on duty, +237 600 00 00 00"
    assert [one["name"] for one in cut.get("/circuits", health="down")["items"]] == [CUT]
    timeline = cut.get(f"/incidents/{incident['number']}")["timeline"]
    assert [entry["kind"] for entry in timeline] == ["opened"]


def test_the_end_is_seen_too_and_the_incident_stays_to_be_read(cut):
    number = only(cut)["number"]
    cut.hear(CUT, Health.OK, *ENDS)
    cut.engine.submit()
    assert cut.get("/incidents")["total"] == 0
    (ended,) = cut.get("/incidents", state="ended")["items"]
    assert (ended["number"], ended["state"]) == (number, "ended")
    assert ended["ended_at"]


def test_acts_are_done_and_stand_in_the_timeline(cut):
    number = only(cut)["number"]
    assert post(cut, number, kind="acknowledge", text="crew is under way").status_code == 200
    assert post(cut, number, kind="assign", text="moussa").status_code == 200
    muted = post(cut, number, kind="mute", for_s=600).json()
    assert (muted["state"], muted["acknowledged_by"], muted["assigned_to"]) == (
        "muted",
        "ngono",
        "moussa",
    )
    by = [entry["by"] for entry in muted["timeline"] if entry["kind"] == "act"]
    assert by == ["ngono"] * 3


def test_what_still_fails_cannot_be_resolved_and_the_answer_offers_a_mute(cut):
    answer = post(cut, only(cut)["number"], kind="resolve")
    assert answer.status_code == 409
    assert "mute" in answer.json()["detail"]


def test_a_reader_of_another_region_sees_nothing_of_it_anywhere(cut):
    number = only(cut)["number"]
    assert cut.get("/incidents", "fotso")["total"] == 0
    assert cut.get("/incidents", "fotso", state="all")["total"] == 0
    assert cut.get("/summary", "fotso")["sentence"] == "the site is well"
    assert [one["name"] for one in cut.get("/sites", "fotso")["items"]] == ["douala"]
    hidden_and_absent = (
        (f"/incidents/{number}", "/incidents/999"),
        ("/sites/kolofata", "/sites/atlantis"),
        (f"/circuits/{CUT}", "/circuits/atlantis-fibre"),
    )
    for paths in hidden_and_absent:
        answers = [
            cut.client.request("GET", f"/api/v1{path}", headers={"who": "fotso"}) for path in paths
        ]
        assert [answer.status_code for answer in answers] == [404, 404], paths
    assert post(cut, number, "fotso", kind="acknowledge").status_code == 404
    metrics = cut.client.request("GET", "/metrics", headers={"who": "fotso"}).text
    assert 'sanaga_sites{health="degraded"} 0' in metrics
    assert 'sanaga_incidents_open{severity="warning"} 0' in metrics


def test_no_answer_to_a_scoped_reader_names_a_site_outside_of_its_scope(cut):
    hidden = {site for site in cut.engine._network.sites if site != "douala"}
    devices = {device for site in hidden for device in cut.engine._network.sites[site].devices}
    for path in (
        "/summary",
        "/sites",
        "/devices",
        "/circuits",
        "/incidents?state=all",
        "/maintenance",
    ):
        text = cut.client.request("GET", f"/api/v1{path}", headers={"who": "fotso"}).text
        words = set(json.dumps(json.loads(text)).replace('"', " ").replace(",", " ").split())
        assert words & devices == set(), path


def test_history_keeps_its_gaps_and_is_that_of_an_edge_in_scope(bench):
    path = "/circuits/kolofata-fibre/history"
    (series,) = bench.get(path, device="kolofata-e1")["series"]
    assert series["peer"] == "yaounde-e1"
    assert [point is None for point in series["points"]] == [False, True, False]
    (scoped,) = bench.get(path, "moussa", device="kolofata-e1")["series"]
    assert scoped["peer"] == ""
    for who, device in (
        ("moussa", "yaounde-e1"),
        ("ngono", "atlantis-e1"),
        ("fotso", "kolofata-e1"),
    ):
        url = f"/api/v1{path}?device={device}"
        assert bench.client.request("GET", url, headers={"who": who}).status_code == 404


def test_a_viewer_reads_and_may_not_act(cut):
    number = only(cut, "eyenga")["number"]
    answer = post(cut, number, "eyenga", kind="acknowledge")
    assert answer.status_code == 403
    assert "your roles do not cover" in answer.json()["detail"]


def test_an_operator_acts_within_the_own_region(cut):
    assert post(cut, only(cut, "moussa")["number"], "moussa", kind="acknowledge").status_code == 200


WINDOW = {
    "subjects": [{"kind": "circuit", "name": CUT}],
    "first_day": "2026-12-01",
    "begins": "22:00",
    "ends": "02:00",
    "reason": "splice",
}


def put(bench, who="ngono", **changes):
    return bench.client.request(
        "PUT", "/api/v1/maintenance/splice", body=WINDOW | changes, headers={"who": who}
    )


def test_a_window_is_announced_listed_and_removed(bench):
    assert put(bench).status_code == 200
    (window,) = bench.get("/maintenance")["items"]
    assert (window["name"], window["zone"], window["by"]) == ("splice", "Africa/Douala", "ngono")
    gone = bench.client.request("DELETE", "/api/v1/maintenance/splice", headers={"who": "ngono"})
    assert gone.status_code == 204
    assert bench.get("/maintenance")["total"] == 0


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"subjects": []}, 422, "subjects"),
        ({"subjects": [{"kind": "circuit", "name": "no-such"}]}, 404, "no-such"),
        ({"begins": "25:00"}, 422, "begins"),
        ({"zone": "Mars/Olympus"}, 422, "no such time zone"),
        ({"zone": "Europe/Paris", "first_day": "2027-03-28", "begins": "02:30"}, 422, "skip"),
        ({"unknown": 1}, 422, "unknown"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_with_the_reason(bench, changes, status, said):
    answer = put(bench, **changes)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_a_window_over_another_region_is_not_there(bench):
    assert put(bench, "fotso").status_code == 404
    assert put(bench, "eyenga").status_code == 403


def test_who_is_not_signed_in_gets_one_answer_everywhere(bench):
    paths = bench.client.request("GET", "/api/v1/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            if operation[NEEDS] == Access.ANYBODY:
                continue
            url = path.replace("{number}", "1").replace("{name}", "mora").replace("{id}", "1")
            answer = bench.client.request(method.upper(), url)
            assert answer.status_code == 401, (method, path)


def test_a_large_body_is_refused_before_it_is_read(bench):
    answer = bench.client.request("PUT", "/api/v1/maintenance/x", content=b"x" * (2 << 20))
    assert answer.status_code == 413
