"""The pages of changes and the VPN over HTTP: what they show to whom, and what they refuse."""

import html
import re

import pytest

from accounts.roles import Grant
from controller.drivers.memory import MemoryNetwork
from controller.roles import Role
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from tests.rigs.service.api_bench import api_bench
from tests.sanaga_process import SMALL

GRANTS = {
    "root": (Grant(Role.ADMINISTRATOR, ""),),
    "operator": (Grant(Role.NOC_OPERATOR, ""),),
    "analyst": (Grant(Role.SECURITY_ANALYST, ""),),
}
PAGES = ("/changes", "/changes/plans/1", "/changes/applies/1", "/changes/applies/1/rollback",
         "/vpn", "/vpn?state=ending", "/vpn/people/a-ngono", "/vpn/people/a-ngono/revoke",
         "/vpn/give", "/vpn/terms", "/vpn/edges", "/vpn/edges?state=waiting")  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    state, routers = tmp_path_factory.mktemp("pages") / "state", MemoryNetwork()
    place_fresh_records(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANAGA_STATE_DIR", str(state))
        patch.setenv("SANAGA_PACE", "0.1")
        for module in ("controller.drivers.connect", "controller.planning.from_folder"):
            patch.setattr(f"{module}.connector", lambda *_, **__: routers.connect)
        registrar = make_registrar(state)
        registrar.add(NGONO, "tablet", ACT, nowhere)
        registrar.close()
        with api_bench(GRANTS, SMALL) as made:
            yield made


@pytest.fixture(scope="module")
def pages(bench):
    """Return the addresses of all pages, when a plan was made and applied from them."""
    planned = ended(bench, post(bench, "/changes"))
    (digest,) = re.findall(r'name="digest" value="(\w+)"', get(bench, "/changes/plans/1").text)
    applied = ended(bench, post(bench, "/changes/plans/1", act="apply", digest=digest))
    return (*PAGES, planned, applied)


def get(bench, path, who="root", **headers):
    return bench.client.request("GET", path, headers={"who": who, **headers})


def post(bench, path, who="root", **fields):
    return bench.send_form(path, who, **fields)


def ended(bench, answer):
    """Return the page of the operation that a form began, once it is over."""
    assert answer.status_code == 303, answer.text
    place = answer.headers["location"]
    assert place.startswith("/changes/operations/")
    assert bench.changes.operations.wait(place.rpartition("/")[2], 60)
    return place


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_is_shown_and_loads_nothing_of_others(bench, pages, language):
    for path in pages:
        answer = get(bench, path, **{"Accept-Language": language})
        assert answer.status_code == 200, (path, answer.text)
        assert f'<html lang="{language}">' in answer.text
        for forbidden in ("<script>", " style=", "javascript:", "hx-on", "http://", "None"):
            assert forbidden not in answer.text, (path, forbidden)


def test_every_part_that_a_page_fetches_anew_is_there(bench, pages):
    found = {part for path in pages
             for part in re.findall(r'hx-get="([^"]+)"', get(bench, path).text)}  # fmt: skip
    assert len(found) >= 6
    for part in map(html.unescape, found):
        answer = get(bench, part)
        assert answer.status_code == 200, (part, answer.text)
        assert "<html" not in answer.text
        assert f'hx-get="{html.escape(part)}"' in answer.text


def test_who_is_not_signed_in_is_led_to_the_sign_in(bench, pages):
    for path in pages:
        assert get(bench, path, who="").status_code == 303
    answer = post(bench, "/vpn/people/a-ngono/revoke", who="", device="tablet", kind="stolen")
    assert answer.headers["location"].startswith("/sign-in")


def test_who_lacks_a_right_is_refused_and_offered_nothing(bench, pages):
    assert pages
    for path in ("/changes/plans/1", "/vpn"):
        assert get(bench, path, who="operator").status_code == 403, path
    for path in ("/vpn/people/a-ngono/revoke", "/vpn/give"):
        assert get(bench, path, who="analyst").status_code == 403, path
    assert "/revoke" not in get(bench, "/vpn/people/a-ngono", who="analyst").text
    for path in ("/changes", "/changes/plans/1", "/changes/applies/1"):
        assert post(bench, path, who="operator").status_code == 403, path
    assert "Plan what the intent" not in get(bench, "/changes", who="operator").text


def test_what_cannot_be_done_is_said_on_its_page_with_the_status_of_the_refusal(bench, pages):
    assert pages
    for path, fields, status, said in (
        (
            "/changes/plans/1",
            {"act": "apply", "digest": "0" * 64},
            409,
            "is not the plan that you saw",
        ),
        ("/changes/plans/1", {"act": "apply"}, 422, "digest"),
        ("/changes/plans/1", {"act": "explode"}, 422, "use a button"),
        ("/changes/plans/1", {"act": "ask"}, 409, "needs no second person"),
        ("/changes/applies/1", {"kind": "explode"}, 422, "kind"),
        ("/changes/applies/1", {"kind": "rollback", "tag": '"old"'}, 412, "changed since you read"),
        ("/vpn/people/a-ngono/revoke", {"device": "none", "kind": "x"}, 409, "tablet"),
        ("/vpn/people/a-ngono/revoke", {"device": "tablet"}, 422, "because"),
        ("/vpn/terms", {"digest": "0" * 64}, 422, "because"),
    ):
        answer = post(bench, path, **fields)
        faults = re.findall(r'role="alert">([^<]*)', answer.text.partition("<main")[2])
        assert answer.status_code == status, (path, fields, answer.text)
        assert said in html.unescape(" ".join(faults)).lower(), (path, fields)
    assert post(bench, "/changes/plans/99", act="apply", digest="0" * 64).status_code == 404
    assert post(bench, "/vpn/people/nobody/revoke", kind="lost").status_code == 404


def test_gateways_are_updated_and_asked_from_the_page(bench):
    asked = ended(bench, post(bench, "/vpn/readings", what="status"))
    assert "no management address" in get(bench, asked).text
    pushed = ended(bench, post(bench, "/vpn/rosters", gateways="yaounde-e1"))
    page = html.unescape(get(bench, pushed).text)
    assert "yaounde-e1" in page
    assert "not told" in page
