"""Acts over the API stand in the audit chain; what was refused, and what only looks, does not."""

import pytest

from accounts.roles import Grant
from controller.api.instants import rfc3339
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

GRANTS = {
    "ngono": (Grant(Role.ADMINISTRATOR, ""),),
    "fotso": (Grant(Role.NOC_OPERATOR, "yaounde/douala"),),
}
WINDOW = {
    "subjects": [{"kind": "site", "name": "mora"}],
    "first_day": "2099-12-01",
    "begins": "22:00",
    "ends": "23:00",
    "reason": "splice",
}


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        made.hear("mora-kolofata-fibre", Health.DOWN, "mora-r1", "kolofata-r1")
        made.engine.submit()
        yield made


def send(bench, method, path, who="ngono", **body):
    return bench.client.request(
        method, f"/api/v1{path}", headers={"who": who}, body=body if method != "GET" else None
    )


def noted(bench, before):
    entries = bench.get("/audit")["items"][before:]
    return [(one["who"], one["what"], one["because"]) for one in entries]


def test_acts_on_incidents_windows_and_consultations_are_noted_with_who_and_why(bench):
    before = bench.get("/audit")["total"]
    (incident,) = bench.get("/incidents")["items"]
    acts = f"/incidents/{incident['number']}/acts"
    assert send(bench, "POST", acts, kind="mute", for_s=600, text="crew").status_code == 200
    assert send(bench, "PUT", "/maintenance/splice", **WINDOW).status_code == 200
    assert send(bench, "DELETE", "/maintenance/splice").status_code == 204
    call = {"sites": ["mora", "kolofata"], "begins_at": rfc3339(bench.clock()), "minutes": 30}
    name = send(bench, "POST", "/consultations", **call).json()["name"]
    assert send(bench, "DELETE", f"/consultations/{name}").status_code == 204
    assert noted(bench, before) == [
        ("ngono", "incident.mute", "crew"),
        ("ngono", "window.set", "splice"),
        ("ngono", "window.remove", ""),
        ("ngono", "consultation.announce", ""),
        ("ngono", "consultation.end", ""),
    ]
    assert bench.get("/audit/verification")["whole"]


def test_what_is_refused_and_what_only_looks_makes_no_entry(bench):
    before = bench.get("/audit")["total"]
    number = bench.get("/incidents")["items"][0]["number"]
    acts = f"/incidents/{number}/acts"
    assert send(bench, "POST", acts, "fotso", kind="acknowledge").status_code == 404
    assert send(bench, "PUT", "/maintenance/x", "fotso", **WINDOW).status_code == 404
    assert send(bench, "DELETE", "/maintenance/absent").status_code == 404
    assert send(bench, "POST", "/schedules/absent/runs").status_code == 404
    assert send(bench, "GET", "/sites").status_code == 200
    assert noted(bench, before) == []
