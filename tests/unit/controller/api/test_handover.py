"""Handing a shift over: what is open, whose it is, what is muted, what ends, and what comes."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.roles import Role
from controller.routes.handover import FORGOTTEN_S
from tests.rigs.service.api_bench import api_bench

CUT = "mora-kolofata-fibre"
ENDS = ("mora-r1", "kolofata-r1")
GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
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


def sent(bench, method, path, body=None):
    answer = bench.client.request(method, f"/api/v1{path}", headers={"who": "ngono"}, body=body)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.text else None


def act(bench, **asked):
    (one,) = bench.get("/incidents")["items"]
    return sent(bench, "POST", f"/incidents/{one['number']}/acts", asked)


def window(bench, begins, hours=1, **more):
    """Announce work that begins at an instant."""
    wall = [f"{at:%H:%M}" for at in (begins, begins + timedelta(hours=hours))]
    body = {
        "subjects": [{"kind": "circuit", "name": CUT}],
        "first_day": f"{begins:%Y-%m-%d}",
        "begins": wall[0],
        "ends": wall[1],
        "zone": "UTC",
        "reason": "new splice",
    }
    return sent(bench, "PUT", f"/maintenance/{more.pop('name', 'splice')}", body | more)


def announce(bench, begins, minutes=30):
    body = {"sites": ["kolofata", "mora"], "begins_at": begins.isoformat(), "minutes": minutes}
    return sent(bench, "POST", "/consultations", body)["name"]


def now(bench):
    return datetime.fromtimestamp(bench.clock(), UTC)


def test_a_quiet_shift_is_handed_over_in_a_sentence(bench):
    found = bench.get("/handover")
    assert found["sentence"] == (
        "no incident is open, within 12 h: 0 maintenance windows, 0 consultations"
    )
    assert (found["open"], found["ended"], found["windows"]) == ([], [], [])


def test_an_incident_that_nobody_took_on_is_said_to_be_so_until_somebody_does(cut):
    (one,) = cut.get("/handover")["open"]
    assert (one["lacks"], one["last_act"]) == ("nobody has taken it on", None)
    assert cut.get("/handover")["sentence"].startswith(
        "1 incident is open, 1 of them needs somebody"
    )
    act(cut, kind="acknowledge", text="crew is under way")
    (one,) = cut.get("/handover")["open"]
    assert (one["acknowledged_by"], one["lacks"]) == ("ngono", "")
    assert "crew is under way" in one["last_act"]["sentence"]
    act(cut, kind="mute", for_s=3600)
    found = cut.get("/handover")
    assert "1 is muted" in found["sentence"]
    assert found["open"][0]["muted_until"]


def test_what_was_taken_on_and_forgotten_is_asked_about(cut):
    act(cut, kind="acknowledge")
    cut.clock.ahead_s = FORGOTTEN_S - 60
    assert cut.get("/handover")["open"][0]["lacks"] == ""
    cut.clock.ahead_s = FORGOTTEN_S + 60
    assert cut.get("/handover")["open"][0]["lacks"] == (
        "ngono took it on; nothing was written for 8 h"
    )
    act(cut, kind="comment", text="the splice is done")
    assert cut.get("/handover")["open"][0]["lacks"] == ""


def test_what_ended_in_the_shift_is_listed_and_what_ended_before_is_not(cut):
    cut.hear(CUT, Health.OK, *ENDS)
    cut.engine.submit()
    (one,) = cut.get("/handover")["ended"]
    assert one["ended_at"]
    cut.clock.ahead_s = 9 * 3600
    assert cut.get("/handover", hours=8)["ended"] == []
    assert len(cut.get("/handover", hours=10)["ended"]) == 1


def test_windows_and_consultations_of_the_next_hours_are_listed_in_their_order(bench):
    here = now(bench)
    window(bench, here + timedelta(hours=3), name="later")
    window(bench, here + timedelta(hours=1), name="sooner")
    window(bench, here + timedelta(hours=20), name="tomorrow")
    window(bench, here - timedelta(hours=1), hours=2, name="open")
    calls = [announce(bench, here + timedelta(hours=h)) for h in (2, 1)]
    announce(bench, here + timedelta(hours=30))
    found = bench.get("/handover", hours=8)
    assert [one["name"] for one in found["windows"]] == ["open", "sooner", "later"]
    assert [one["open"] for one in found["windows"]] == [True, False, False]
    assert [one["name"] for one in found["consultations"]] == calls[::-1]
    assert found["sentence"].endswith("within 8 h: 3 maintenance windows, 2 consultations")


def test_a_weekly_window_is_listed_in_each_week(bench):
    begins = now(bench) + timedelta(hours=2)
    window(bench, begins - timedelta(weeks=5), recurrence="weekly")
    (found,) = bench.get("/handover")["windows"]
    assert found["opens_at"] == f"{begins:%Y-%m-%dT%H:%M}:00Z"
    bench.clock.ahead_s = 5 * 86_400
    assert bench.get("/handover")["windows"] == []


def test_a_reader_elsewhere_hears_of_nothing_here(cut):
    window(cut, now(cut) + timedelta(hours=1))
    announce(cut, now(cut) + timedelta(hours=1))
    found = cut.get("/handover", "fotso")
    assert found["sentence"].startswith("no incident is open, within 12 h: 0 maintenance windows")
    assert (found["open"], found["windows"], found["consultations"]) == ([], [], [])


@pytest.mark.parametrize("hours", [0, 73])
def test_a_shift_has_some_hours(bench, hours):
    answer = bench.client.request(
        "GET", f"/api/v1/handover?hours={hours}", headers={"who": "ngono"}
    )
    assert answer.status_code == 422
