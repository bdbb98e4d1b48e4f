"""Changes only of what was seen (If-Match), and requests that are repeated (Idempotency-Key)."""

import pytest

from accounts.roles import Grant
from controller.api.instants import rfc3339
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

CUT = "mora-kolofata-fibre"
GRANTS = {"ngono": (Grant(Role.NOC_OPERATOR, ""),)}
WINDOW = {
    "subjects": [{"kind": "site", "name": "mora"}],
    "first_day": "2026-12-01",
    "begins": "22:00",
    "ends": "23:00",
}


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        yield made


def send(bench, method, path, headers=None, body=None):
    given = {"who": "ngono", **(headers or {})}
    return bench.client.request(method, f"/api/v1{path}", headers=given, body=body)


def test_a_window_is_changed_and_removed_only_as_it_was_read(bench):
    made = send(bench, "PUT", "/maintenance/splice", body=WINDOW)
    tag = {"If-Match": made.headers["etag"]}
    assert send(bench, "GET", "/maintenance/splice").headers["etag"] == tag["If-Match"]
    changed = send(bench, "PUT", "/maintenance/splice", tag, WINDOW | {"ends": "23:30"})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag["If-Match"]
    for method, body in (("PUT", WINDOW), ("DELETE", None)):
        late = send(bench, method, "/maintenance/splice", tag, body)
        assert late.status_code == 412, method
        assert "read it again" in late.json()["detail"]
    assert send(bench, "GET", "/maintenance/splice").json()["ends"] == "23:30"
    new = {"If-Match": changed.headers["etag"]}
    assert send(bench, "DELETE", "/maintenance/splice", new).status_code == 204
    gone = send(bench, "PUT", "/maintenance/splice", new, WINDOW)
    assert gone.status_code == 412
    assert send(bench, "GET", "/maintenance/splice").status_code == 404


def test_a_consultation_is_ended_only_as_it_was_read(bench):
    begins = rfc3339(bench.clock() + 3_600)
    asked = {"sites": ["kolofata", "yaounde"], "begins_at": begins, "minutes": 30}
    made = send(bench, "POST", "/consultations", body=asked)
    path, tag = f"/consultations/{made.json()['name']}", {"If-Match": made.headers["etag"]}
    assert send(bench, "GET", path).headers["etag"] == tag["If-Match"]
    stale = send(bench, "DELETE", path, {"If-Match": '"another"'})
    assert stale.status_code == 412
    assert send(bench, "GET", path).json()["state"] == "announced"
    bench.clock.ahead_s += 3_700
    # It runs by now, which is not what was read.
    late = send(bench, "DELETE", path, tag)
    assert (late.status_code, "read it again" in late.json()["detail"]) == (412, True)
    new = {"If-Match": send(bench, "GET", path).headers["etag"]}
    assert send(bench, "DELETE", path, new).status_code == 204
    bench.clock.ahead_s = 0.0


def test_an_act_that_is_sent_twice_with_a_key_stands_once_in_the_timeline(bench):
    bench.hear(CUT, Health.DOWN, "mora-r1", "kolofata-r1")
    bench.engine.submit()
    (incident,) = bench.get("/incidents")["items"]
    path, key = f"/incidents/{incident['number']}/acts", {"Idempotency-Key": "k 1"}
    asked = {"kind": "comment", "text": "crew is under way"}
    first, again = (send(bench, "POST", path, key, asked) for _ in range(2))
    assert (first.status_code, first.text) == (again.status_code, again.text)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    timeline = bench.get(f"/incidents/{incident['number']}")["timeline"]
    assert sum(entry["kind"] == "act" for entry in timeline) == 1
    other = send(bench, "POST", path, key, asked | {"text": "another"})
    assert other.status_code == 422
    seen = {"If-Match": first.headers["etag"]}
    assert send(bench, "POST", path, seen, {"kind": "acknowledge"}).status_code == 200
    assert send(bench, "POST", path, seen, {"kind": "unacknowledge"}).status_code == 412


@pytest.mark.parametrize("key", ["", "k" * 201, "a\x85b"])
def test_a_key_that_makes_no_sense_is_refused(bench, key):
    answer = send(
        bench, "POST", "/consultations/check", {"Idempotency-Key": key}, {"sites": ["mora"]}
    )
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]
