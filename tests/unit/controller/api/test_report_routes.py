"""Reports over the API: listed, in every format, and narrowed to what each reader may see."""

from time import time

import pytest

from accounts.roles import Grant
from controller.incidents.availability import Stay
from controller.incidents.model import Health
from controller.reports.availability import AvailabilityReport, site_figures
from controller.reports.document import State
from controller.reports.findings import Check, Finding
from controller.reports.maintenance import MaintenanceReport
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench
from tests.rigs.waiting import eventually

DAY = 86_400.0
GRANTS = {
    "ngono": (Grant(Role.ADMINISTRATOR, ""),),
    "eyenga": (Grant(Role.VIEWER, ""),),
    "fotso": (Grant(Role.NOC_OPERATOR, "yaounde/douala"),),
    "amina": (Grant(Role.VPN_ADMINISTRATOR, "yaounde/maroua/mayo-sava/mora"),),
    "nobody": (),
}
MONTH, WEEK = "availability-2026-10", "maintenance-2026-11-30"


def site(name, region, down_share):
    down = 30 * DAY * down_share
    stays = (Stay(Health.DOWN, 0.0, down), Stay(Health.OK, down, 30 * DAY))
    return site_figures((name, name.title(), region, 1000), stays)


def finding(check, subject, at, key, **values):
    return Finding(check, subject, at, State.NOTE, key, values)


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        sites = (site("douala", "CM-LT", 0.1), site("kolofata", "CM-EN", 0.5))
        month = AvailabilityReport(
            "2026-10", "Africa/Douala", "spur", 0.0, 30 * DAY, time(), *(True, 0.0), sites
        )
        made.archive.store(month)
        changed = {"added": 2, "removed": 1}
        ends = {"day": "2026-12-01", "person": "a-ngono", "licence": "-"}
        found = (
            finding(Check.CONFIG_BACKUP, "douala-r1", "douala", "config-changed", **changed),
            finding(Check.CONFIG_BACKUP, "mora-r1", "mora", "config-changed", **changed),
            finding(Check.ACCESS, "a-ngono", "mora", "access-ends", **ends),
            finding(Check.SIGN_IN, "eyenga", "", "sign-in-some", passwords=4, factors=0),
            finding(Check.DISK, "edges", "", "disk-edges"),
        )
        made.archive.store(
            MaintenanceReport("2026-11-30", "Africa/Douala", "spur", time(), "1.0", found)
        )
        yield made


def asked(bench, path, who="ngono", method="GET"):
    return bench.client.request(method, f"/api/v1{path}", headers={"who": who})


def test_a_list_names_what_is_kept_for_who_may_look(bench):
    found = bench.get("/reports")
    assert [(one["name"], one["kind"], one["period"]) for one in found["items"]] == [
        (MONTH, "availability", "2026-10"),
        (WEEK, "maintenance", "2026-11-30"),
    ]
    assert asked(bench, "/reports", "nobody").status_code == 403
    assert asked(bench, f"/reports/{MONTH}", "nobody").status_code == 403
    assert bench.client.request("GET", "/api/v1/reports").status_code == 401


def test_a_reader_of_a_region_gets_its_sites_and_sums_alone(bench):
    whole, part = (bench.get(f"/reports/{MONTH}", who) for who in ("eyenga", "fotso"))
    assert (whole["all"]["sites"], whole["all"]["availability"]) == (2, pytest.approx(0.7))
    assert (part["all"]["sites"], part["all"]["availability"]) == (1, pytest.approx(0.9))
    assert list(part["regions"]) == ["CM-LT"]
    assert "kolofata" not in str(part).lower()


@pytest.mark.parametrize("form", ["table", "html", "csv", "json"])
def test_no_format_shows_what_is_out_of_scope(bench, form):
    answer = asked(bench, f"/reports/{MONTH}?format={form}&language=en", "fotso")
    assert answer.status_code == 200
    assert "Douala" in answer.text
    assert "Kolofata" not in answer.text


def test_a_page_may_run_and_load_nothing(bench):
    answer = asked(bench, f"/reports/{MONTH}?format=html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"] == f'inline; filename="{MONTH}.html"'


@pytest.mark.parametrize(
    ("who", "subjects"),
    [
        ("ngono", {"douala-r1", "mora-r1", "a-ngono", "eyenga", "edges"}),
        ("eyenga", {"douala-r1", "mora-r1", "edges"}),
        ("fotso", {"douala-r1"}),
        ("amina", {"mora-r1", "a-ngono"}),
    ],
)
def test_findings_are_for_whom_they_concern(bench, who, subjects):
    found = bench.get(f"/reports/{WEEK}", who)
    assert {one["subject"] for one in found["findings"]} == subjects
    assert {one["subject"] for one in found["sentences"]} == subjects


def test_the_newest_week_has_a_name_of_its_own(bench):
    assert bench.get("/reports/maintenance-newest")["name"] == WEEK


def test_a_month_that_is_not_kept_is_made_now_and_one_to_come_is_not_there(bench):
    found = bench.get("/reports/availability-2026-09", "eyenga")
    assert found["all"]["availability"] is None
    assert asked(bench, "/reports/availability-2999-01").status_code == 404
    assert asked(bench, "/reports/availability-2026-99").status_code == 404
    assert asked(bench, "/reports/..%2Flock").status_code == 404


def test_schedules_say_when_they_are_due(bench):
    items = bench.get("/schedules")["items"]
    assert [one["name"] for one in items] == ["drift", "maintenance", "availability"]
    assert all(one["next_at"] > "2026" for one in items)


@pytest.mark.parametrize(
    ("who", "name", "status"),
    [("eyenga", "availability", 403), ("fotso", "availability", 403), ("ngono", "weekly", 404)],
)
def test_who_may_not_run_a_schedule_is_told_so(bench, who, name, status):
    assert asked(bench, f"/schedules/{name}/runs", who, "POST").status_code == status


def test_a_run_by_hand_ends_with_a_report(bench):
    assert asked(bench, "/schedules/availability/runs", method="POST").status_code == 202
    eventually(lambda: _last(bench)["outcome"] != "", 60, "the run has ended")
    done = _last(bench)
    assert done["outcome"] == "done"
    assert done["report"] in {one["name"] for one in bench.get("/reports")["items"]}


def _last(bench):
    return next(one for one in bench.get("/schedules")["items"] if one["name"] == "availability")
