"""Administration over a real server: invitations, roles, tokens, proposals, each within a scope."""

import pytest

from accounts.audit import read_entries
from controller.roles import Role
from database.engine import reading
from tests.rigs.service.api_bench import api_bench
from tests.rigs.service.browser import Browser, first_administrator, invited

NORTH = "yaounde/maroua"
DAY_S = 86_400.0


def renewed(browser, name):
    """Return a browser that has just given a second factor; a day ends its session."""
    if browser.step_up().status_code != 204:
        assert browser.sign_in(name).status_code == 200
    return browser


@pytest.fixture(scope="module")
def bench():
    with api_bench({}) as made:
        yield made


@pytest.fixture(scope="module")
def head(bench):
    return first_administrator(bench)


@pytest.fixture(scope="module")
def regional(bench, head):
    """Return an administrator of the north alone."""
    return invited(bench, head, "b.north", Role.ADMINISTRATOR, NORTH)


@pytest.fixture
def chief(head):
    return renewed(head, "a.ngono")


@pytest.fixture
def northern(regional):
    return renewed(regional, "b.north")


def refused(answer, status, said):
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]


def names(browser):
    found = browser.send("GET", "/accounts").json()
    assert found["total"] == len(found["items"])
    return [one["name"] for one in found["items"]]


def grant(role, scope=""):
    return {"grants": [{"role": role, "scope": scope}]}


def test_an_administrator_of_a_part_sees_and_counts_that_part_alone(bench, chief, northern):
    invited(bench, chief, "d.south", Role.VIEWER, "yaounde/douala")
    invited(bench, northern, "d.north", Role.VIEWER, f"{NORTH}/mayo-sava")
    assert names(northern) == ["b.north", "d.north"]
    assert {"a.ngono", "d.south", "d.north"} <= set(names(chief))
    for path in ("/accounts/d.south", "/accounts/nobody"):
        refused(northern.send("GET", path), 404, "not found, or your roles do not cover it")
    for kind in ("sessions", "tokens"):
        for name in ("d.south", "nobody"):
            found = northern.send("GET", f"/{kind}?account={name}").json()
            assert found == {"items": [], "total": 0, "next": None}
    (own,) = northern.send("GET", "/sessions?account=d.north").json()["items"]
    assert (own["account"], own["this_one"]) == ("d.north", False)


@pytest.mark.parametrize(
    ("scope", "role", "status", "said"),
    [
        ("", Role.VIEWER, 403, "nobody gives a role or a scope that they lack"),
        ("yaounde/douala", Role.VIEWER, 422, "is no place that you see"),
        ("yaounde/atlantis", Role.VIEWER, 422, "is no place that you see"),
        (f"{NORTH}/mayo-sava/", Role.VIEWER, 422, "is not a scope"),
        (NORTH, "king", 422, "grants"),
    ],
)
def test_nobody_gives_what_they_lack_or_what_is_not_there(northern, scope, role, status, said):
    asked = {"name": "e.new", "title": "E. New", **grant(role, scope)}
    refused(northern.send("POST", "/invitations", asked), status, said)


def test_an_invitation_leads_to_the_page_and_its_code_stands_behind_the_hash(chief):
    asked = {"name": "f.new", "title": "F. New", **grant(Role.VIEWER)}
    made = chief.send("POST", "/invitations", asked).json()
    assert made["link"] == f"https://noc.example.org/set-up#{made['code']}"
    refused(chief.send("POST", "/invitations", {**asked, "name": "a.ngono"}), 409, "already")
    refused(chief.send("POST", "/invitations", {**asked, "name": "F New"}), 422, "lower-case")


def test_roles_change_at_once_and_stand_in_the_audit_chain(bench, chief):
    browser = invited(bench, chief, "g.role", Role.VIEWER)
    assert browser.send("POST", "/incidents/1/acts", {"kind": "comment"}).status_code == 403
    chief.step_up()
    changed = {**grant(Role.NOC_OPERATOR, NORTH), "because": "shift plan"}
    assert chief.send("PUT", "/accounts/G.Role/grants", changed).status_code == 204
    assert browser.send("POST", "/incidents/1/acts", {"kind": "comment"}).status_code == 404
    with reading(bench.realm.engine) as connection:
        last = list(read_entries(connection, subject="g.role"))[-1]
    assert (last.what, last.because) == ("account.grants", "shift plan")
    assert last.details["after"] == [f"noc_operator of {NORTH}"]


def test_a_disabled_person_is_out_at_once_and_with_them_their_tokens(bench, chief):
    browser = invited(bench, chief, "h.off", Role.VIEWER)
    browser.step_up()
    asked = {"title": "wall", "days": 1, **grant(Role.VIEWER)}
    token = browser.send("POST", "/tokens", asked).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    reader = Browser(bench, origin=None)
    assert reader.send("GET", "/summary", **bearer).status_code == 200
    chief.step_up()
    off = {"enabled": False, "because": "left"}
    assert chief.send("PUT", "/accounts/h.off/enabled", off).status_code == 204
    assert browser.send("GET", "/account").status_code == 401
    assert reader.send("GET", "/summary", **bearer).status_code == 401
    assert chief.send("GET", "/accounts/h.off").json()["enabled"] is False


def test_the_last_administrator_stays(chief):
    refused(
        chief.send("PUT", "/accounts/a.ngono/grants", grant(Role.VIEWER)),
        409,
        "this is the last administrator",
    )


def test_a_fellow_administrator_is_demoted_by_two_or_after_a_day(bench, chief):
    peer = invited(bench, chief, "i.peer", Role.ADMINISTRATOR)
    third = invited(bench, chief, "i.third", Role.ADMINISTRATOR)
    chief.step_up()
    refused(chief.send("PUT", "/accounts/i.peer/grants", {"grants": []}), 409, "propose this")
    asked = {"account": "i.peer", "kind": "demote", "because": "changed posts"}
    number = chief.send("POST", "/proposals", asked).json()["id"]
    (seen,) = peer.send("GET", "/proposals").json()["items"]
    assert (seen["id"], seen["proposed_by"], seen["seconded_by"]) == (number, "a.ngono", None)
    assert "demote" in peer.send("GET", "/announcements").json()["items"][-1]["text"]
    refused(chief.send("POST", f"/proposals/{number}/outcome"), 409, "a second person must agree")
    refused(chief.send("POST", f"/proposals/{number}/second"), 409, "somebody else must agree")
    third.step_up()
    assert third.send("POST", f"/proposals/{number}/second").status_code == 204
    assert chief.send("POST", f"/proposals/{number}/outcome").json() == {"link": None}
    assert peer.send("GET", "/accounts").status_code == 403


def test_a_reset_waits_for_two_people_and_a_day_and_its_subject_can_object(bench, chief):
    lost = invited(bench, chief, "j.lost", Role.VIEWER)
    third = invited(bench, chief, "j.third", Role.ADMINISTRATOR)
    asked = {"account": "j.lost", "kind": "reset factors", "because": "telephone is broken"}
    chief.step_up()
    first = chief.send("POST", "/proposals", asked).json()["id"]
    assert lost.send("POST", f"/proposals/{first}/objection").status_code == 204
    refused(chief.send("POST", f"/proposals/{first}/outcome"), 404, "no such proposal")
    number = chief.send("POST", "/proposals", asked).json()["id"]
    third.step_up()
    assert third.send("POST", f"/proposals/{number}/second").status_code == 204
    refused(chief.send("POST", f"/proposals/{number}/outcome"), 409, "24 hours must pass")
    bench.clock.ahead_s += DAY_S
    renewed(chief, "a.ngono")
    link = chief.send("POST", f"/proposals/{number}/outcome").json()["link"]
    again = Browser(bench)
    again.set_up(link.partition("#")[2])
    assert again.send("GET", "/account").json()["name"] == "j.lost"


def test_a_token_is_shown_once_listed_and_revoked(bench, chief):
    asked = {"title": "reports", "days": 30, "rights": ["look"], **grant(Role.NOC_OPERATOR, NORTH)}
    made = chief.send("POST", "/tokens", asked).json()
    listed = chief.send("GET", "/tokens")
    (one,) = [row for row in listed.json()["items"] if row["id"] == made["id"]]
    assert (one["title"], one["rights"], one["used_at"]) == ("reports", ["look"], None)
    assert made["token"] not in listed.text
    program = Browser(bench, origin=None)
    bearer = {"Authorization": f"Bearer {made['token']}"}
    found = program.send("GET", "/account", **bearer).json()
    assert (found["known_by"], found["rights"]) == ("token", {"look": [NORTH]})
    assert "factors" not in found
    assert program.send("GET", "/sites", **bearer).json()["total"] < 9
    window = {"subjects": [], "first_day": "2026-12-01", "begins": "22:00", "ends": "02:00"}
    refused(program.send("PUT", "/maintenance/w", window, **bearer), 403, "your roles do not cover")
    refused(program.send("POST", "/tokens", asked, **bearer), 403, "a token cannot do it")
    assert chief.send("DELETE", f"/tokens/{made['id']}").status_code == 204
    refused(program.send("GET", "/account", **bearer), 401, "sign in")


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"days": 400}, 422, "days"),
        ({"days": "NaN"}, 422, "days"),
        ({"title": "two\nlines"}, 422, "one line"),
        ({"rights": ["everything"]}, 422, "rights"),
        ({"grants": []}, 422, "at least one role"),
        (grant(Role.ADMINISTRATOR), 403, "that its maker lacks"),
    ],
)
def test_a_token_that_makes_no_sense_or_holds_too_much_is_refused(northern, changes, status, said):
    asked = {"title": "t", "days": 1, **grant(Role.VIEWER, NORTH), **changes}
    refused(northern.send("POST", "/tokens", asked), status, said)


def test_a_token_in_a_cookie_or_a_session_as_a_token_is_nobody(bench, chief):
    session = chief.jar["__Host-sanaga-session"]
    program = Browser(bench, origin=None)
    assert program.send("GET", "/account", Authorization=f"Bearer {session}").status_code == 401
    asked = {"title": "t", "days": 1, **grant(Role.VIEWER)}
    token = chief.send("POST", "/tokens", asked).json()["token"]
    program.jar["__Host-sanaga-session"] = token
    assert program.send("GET", "/account").status_code == 401


def test_a_wrong_token_is_not_made_good_by_a_cookie(chief):
    assert chief.send("GET", "/account", Authorization="Bearer wrong").status_code == 401


def test_the_roles_are_listed_with_their_rights(chief):
    roles = {one["role"]: one["rights"] for one in chief.send("GET", "/roles").json()["items"]}
    assert set(roles) == set(Role)
    assert roles["viewer"] == ["look"]
