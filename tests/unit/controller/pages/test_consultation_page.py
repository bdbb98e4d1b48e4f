"""The pages of consultations: announcing one, ending it, and how what moved is told."""

import html

import pytest

from accounts.roles import Grant
from controller.pages.consultations import moved_together
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "viewer": (Grant(Role.VIEWER, ""),),
}
ASKED = {
    "site": "Kolofata",
    "other_site": "yaounde",
    "third_site": "",
    "day": "2100-01-01",
    "begins": "09:30",
    "minutes": "20",
    "service": "consultation-video",
    "act": "announce",
}


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        yield made


def send(bench, path="/consultations", who="ngono", **fields):
    return bench.send_form(path, who, **fields)


def today(bench):
    """Return the fields of a consultation that begins now."""
    page = bench.client.request("GET", "/consultations", headers={"who": "ngono"}).text
    day = page.partition('name="day" required value="')[2][:10]
    begins = page.partition('name="begins" required value="')[2][:5]
    return {**ASKED, "day": day, "begins": begins}


def test_what_is_announced_has_its_page_and_is_ended_there(bench):
    answer = send(bench, **today(bench))
    assert answer.status_code == 303, answer.text
    place = answer.headers["location"]
    call = bench.get(place, "ngono")
    assert (call["state"], call["sites"]) == ("running", ["kolofata", "yaounde"])
    page = bench.client.request("GET", place, headers={"who": "ngono"}).text
    assert "End it now" in page
    theirs = bench.client.request("GET", place, headers={"who": "viewer"}).text
    assert "End it now" not in theirs
    assert send(bench, f"{place}/end", who="viewer").status_code == 403
    assert bench.get(place, "ngono")["state"] == "running"
    assert send(bench, f"{place}/end").status_code == 303
    assert bench.get(place, "ngono")["state"] == "cancelled"


def test_asking_what_to_expect_announces_nothing(bench):
    before = bench.get("/consultations", "ngono", state="running")["total"]
    answer = send(bench, **{**today(bench), "act": "check"})
    assert answer.status_code == 200
    expected = answer.text[answer.text.index('id="expected"') :]
    assert "good enough for video" in expected
    assert 'value="Kolofata"' in answer.text
    assert bench.get("/consultations", "ngono", state="running")["total"] == before


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"site": "atlantis"}, "no site 'atlantis'"),
        ({"day": "2100-13-01"}, "the day or the time is none"),
        ({"minutes": "481"}, "minutes: Input should be less than or equal to 480"),
        ({"minutes": "soon", "service": "fax"}, "minutes: Input should be a valid integer"),
        ({"day": "1999-01-01"}, "it must end in the future"),
    ],
)
def test_what_cannot_be_announced_is_told_beside_what_was_typed(bench, wrong, told):
    answer = send(bench, **{**ASKED, **wrong})
    assert answer.status_code in {404, 422}
    page = html.unescape(answer.text)
    assert told.lower() in page.lower()
    assert bench.get("/consultations", "ngono", state="running")["total"] == 0


def move(at, service, circuit="kolofata-leo", reason="fibre is dead"):
    return {"at": at, "service": service, "circuit": circuit, "reason": reason}


def test_what_moved_at_once_for_one_reason_is_one_line():
    found = moved_together(
        [move("09:02", "sound"), move("09:01", "sound"), move("09:02", "picture"),
         move("09:02", "files", "kolofata-lte")]
    )  # fmt: skip
    assert [(one["at"], one["circuit"], one["services"]) for one in found] == [
        ("09:01", "kolofata-leo", ["sound"]),
        ("09:02", "kolofata-leo", ["sound", "picture"]),
        ("09:02", "kolofata-lte", ["files"]),
    ]
    assert moved_together([]) == []
