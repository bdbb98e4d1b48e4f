"""Sign-in over a real server: two steps, cookies, pages of others, waits, and the audit chain."""

import json

import pytest

from accounts.audit import read_entries, verify
from database.engine import reading
from tests.rigs.accounts.authenticator import Authenticator
from tests.rigs.accounts.service import PASSWORD
from tests.rigs.service.api_bench import api_bench
from tests.rigs.service.browser import Browser, first_administrator, invited

SESSION = "__Host-sanaga-session"


@pytest.fixture(scope="module")
def bench():
    with api_bench({}) as made:
        yield made


@pytest.fixture(scope="module")
def chief(bench):
    return first_administrator(bench)


@pytest.fixture
def stranger(bench):
    """Return a browser that nobody signed in with, an hour after whatever was before."""
    bench.clock.ahead_s += 3700
    return Browser(bench)


def twin(browser):
    """Return another browser of the same person, which knows no cookie."""
    return Browser(browser.bench, secret=browser.secret)


def signed_in(browser, name="a.ngono"):
    made = twin(browser)
    assert made.sign_in(name).status_code == 200
    return made


def refused(answer, status, said):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_password_and_code_open_a_session_that_says_who_one_is(chief):
    browser = twin(chief)
    begun = browser.password("a.ngono")
    assert begun.json() == {"factors": ["totp"], "passkey": None}
    assert browser.send("GET", "/account").status_code == 401
    assert browser.send("POST", "/sign-in/factor", {"totp": browser.code()}).status_code == 200
    found = browser.send("GET", "/account").json()
    assert (found["name"], found["known_by"]) == ("a.ngono", "session")
    assert found["rights"]["accounts.manage"] == [""]
    assert found["factors"] == {"totp": True, "passkeys": []}
    assert browser.send("GET", "/summary").status_code == 200


def test_cookies_are_out_of_reach_of_scripts_and_of_other_hosts(chief):
    browser = twin(chief)
    browser.password("a.ngono")
    answer = browser.send("POST", "/sign-in/factor", {"totp": browser.code()})
    given = [line for line in answer.cookies if "Max-Age=0" not in line]
    assert len(given) == 2
    for line in given:
        assert line.startswith("__Host-sanaga-")
        for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert attribute in line
        assert "Domain" not in line
    assert SESSION not in json.dumps(answer.json())
    assert browser.jar[SESSION] not in answer.text


@pytest.mark.parametrize("name", ["a.ngono", "nobody", "A B", "", "x" * 200])
def test_a_refusal_is_the_same_for_every_name(chief, stranger, name):
    answer = stranger.password(name, "not the password")
    refused(answer, 401, "name or password is wrong")
    assert not stranger.jar


def test_too_many_attempts_wait_whether_the_name_exists_or_not(chief, stranger):
    told = {}
    for name in ("a.ngono", "nobody"):
        answers = [stranger.password(name, "not the password") for _ in range(6)]
        last = stranger.password(name, "not the password")
        assert [one.status_code for one in answers] == [401] * 6
        refused(last, 429, "too many attempts; try again in")
        assert int(last.headers["retry-after"]) == last.json()["wait_s"] > 0
        told[name] = (last.json()["detail"], last.headers["retry-after"])
    assert told["a.ngono"] == told["nobody"]


def test_a_wrong_code_opens_nothing_and_the_next_one_does(chief, stranger):
    browser = Browser(chief.bench, secret=chief.secret)
    browser.password("a.ngono")
    wrong = browser.send("POST", "/sign-in/factor", {"totp": "000000"})
    refused(wrong, 401, "a code works only once")
    assert browser.send("GET", "/account").status_code == 401
    browser.password("a.ngono")
    assert browser.send("POST", "/sign-in/factor", {"totp": browser.code()}).status_code == 200


def test_a_code_works_once(chief):
    browser, other = twin(chief), twin(chief)
    code = browser.code()
    for one, status in ((browser, 200), (other, 401)):
        one.password("a.ngono")
        assert one.send("POST", "/sign-in/factor", {"totp": code}).status_code == status


def test_a_recovery_code_signs_in_and_opens_no_dangerous_act(chief):
    browser = twin(chief)
    browser.password("a.ngono")
    answer = browser.send("POST", "/sign-in/factor", {"recovery_code": chief.codes.pop()})
    assert answer.json()["recovery_codes_left"] == len(chief.codes)
    refused(browser.send("POST", "/account/recovery-codes"), 403, "second factor again")


def test_a_half_made_sign_in_is_nobody_and_needs_its_cookie(chief, stranger):
    refused(stranger.send("POST", "/sign-in/factor", {"totp": "123456"}), 401, "begin with your")
    stranger.password("a.ngono")
    stranger.jar[SESSION] = stranger.jar["__Host-sanaga-pending"]
    assert stranger.send("GET", "/account").status_code == 401


def test_signing_out_ends_the_session_and_takes_the_cookie_back(chief):
    browser = signed_in(chief)
    kept = dict(browser.jar)
    assert browser.send("POST", "/sign-out").status_code == 204
    assert SESSION not in browser.jar
    browser.jar = kept
    refused(browser.send("GET", "/account"), 401, "sign in")


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://noc.example.org"])
def test_a_page_of_another_site_changes_nothing(chief, origin):
    browser = signed_in(chief)
    browser.origin = origin
    refused(browser.send("POST", "/sign-out"), 403, "https://noc.example.org")
    assert browser.send("GET", "/account").status_code == 200
    browser.origin = "https://noc.example.org"
    assert browser.send("POST", "/sign-out").status_code == 204


def test_a_page_of_another_site_signs_nobody_in(chief, stranger):
    stranger.origin = "https://evil.example"
    refused(stranger.password("a.ngono"), 403, "our own page")


def test_an_older_session_of_the_browser_ends_with_a_new_sign_in(chief):
    browser = signed_in(chief)
    old = dict(browser.jar)
    assert browser.sign_in("a.ngono").status_code == 200
    browser.jar = old
    assert browser.send("GET", "/account").status_code == 401


def test_a_session_ends_by_itself(chief):
    browser = signed_in(chief)
    browser.bench.clock.ahead_s += browser.bench.realm.times.session_idle_s + 1
    refused(browser.send("GET", "/account"), 401, "sign in")


def test_a_passkey_is_added_signs_in_and_steps_up(bench, chief):
    browser = invited(bench, signed_in(chief), "b.fouda", "viewer")
    key = Authenticator()
    browser.step_up()
    begun = browser.send("POST", "/account/factors").json()
    made = json.loads(key.make(json.dumps(begun["passkey"])))
    finish = {"token": begun["token"], "passkey": made}
    assert browser.send("POST", "/account/factors/finish", finish).status_code == 204
    (listed,) = browser.send("GET", "/account").json()["factors"]["passkeys"]
    other = Browser(bench)
    asked = other.password("b.fouda").json()
    assert asked["factors"] == ["passkey", "totp"]
    answer = json.loads(key.answer(json.dumps(asked["passkey"])))
    assert other.send("POST", "/sign-in/factor", {"passkey": answer}).status_code == 200
    options = other.send("POST", "/account/step-up/options").json()["passkey"]
    again = json.loads(key.answer(json.dumps(options)))
    assert other.send("POST", "/account/step-up", {"passkey": again}).status_code == 204
    assert other.send("DELETE", "/account/factors/totp").status_code == 204
    only = other.send("DELETE", f"/account/factors/passkeys/{listed['id']}")
    refused(only, 409, "this is the only second factor")


def test_another_password_ends_the_other_sessions(bench, chief):
    browser = invited(bench, signed_in(chief), "c.manga", "viewer")
    other = signed_in(browser, "c.manga")
    browser.step_up()
    change = {"old": PASSWORD, "new": "quite another four words"}
    refused(browser.send("PUT", "/account/password", {**change, "old": "x"}), 403, "old password")
    refused(browser.send("PUT", "/account/password", {**change, "new": "x"}), 422, "fewer than 12")
    assert browser.send("PUT", "/account/password", change).status_code == 204
    assert other.send("GET", "/account").status_code == 401
    assert browser.send("GET", "/account").status_code == 200
    refused(twin(browser).password("c.manga"), 401, "wrong")
    assert twin(browser).password("c.manga", change["new"]).status_code == 200


def test_sessions_are_listed_and_revoked(chief):
    browser, other = signed_in(chief), signed_in(chief)
    listed = browser.send("GET", "/sessions").json()["items"]
    (own,) = [one for one in listed if one["this_one"]]
    (theirs,) = [one for one in other.send("GET", "/sessions").json()["items"] if one["this_one"]]
    assert own["address"] == "127.0.0.1"
    path = f"/sessions/{theirs['id']}?because=left"
    assert browser.send("DELETE", path).status_code == 204
    refused(other.send("GET", "/account"), 401, "sign in")
    refused(browser.send("DELETE", path), 404, "there is no such session")


def test_a_dangerous_act_asks_for_the_second_factor_and_says_where(chief):
    browser = signed_in(chief)
    browser.bench.clock.ahead_s += 301
    answer = browser.send("POST", "/account/recovery-codes")
    refused(answer, 403, "confirm it and repeat the request")
    assert answer.json()["step_up"] == "/api/v1/account/step-up"
    before = browser.jar[SESSION]
    assert browser.step_up().status_code == 204
    assert browser.jar[SESSION] != before
    codes = browser.send("POST", "/account/recovery-codes").json()["recovery_codes"]
    assert len(codes) == len(set(codes)) == 10
    chief.codes = codes


def test_everything_stands_in_the_audit_chain_and_no_secret_does(bench, chief):
    browser = signed_in(chief)
    browser.step_up()
    browser.send("POST", "/sign-in/factor", {"totp": "000000"})
    browser.send("POST", "/sign-out")
    with reading(bench.realm.engine) as connection:
        assert verify(connection) is None
        entries = list(read_entries(connection))
    said = {one.what for one in entries}
    assert said >= {"link.make", "account.create", "sign-in", "session.step-up", "session.end"}
    text = "".join(f"{one.who}{one.subject}{one.because}{one.details}" for one in entries)
    assert PASSWORD not in text
    assert "sanaga_" not in text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sign-in", {"name": "a", "password": "\ud800"}),
        ("/sign-in", {"name": "\x00", "password": "x"}),
        ("/sign-in", {"name": ["a"], "password": 1}),
        ("/sign-in", {}),
        ("/sign-in", []),
        ("/sign-in/factor", {"totp": "1", "recovery_code": "1"}),
        ("/sign-in/factor", {"passkey": {"id": "\ud800", "response": 1}}),
        ("/set-up", {"link": "x" * 300, "password": "p"}),
        ("/set-up/factor", {"token": "x", "totp": "٣٣٣٣٣٣"}),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_repeated(chief, stranger, path, body):
    answer = stranger.send("POST", path, body)
    assert answer.status_code in {401, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_unknown_length_is_not_read(bench):
    answer = bench.client.request(
        "POST", "/api/v1/sign-in", headers={"Transfer-Encoding": "chunked"}, content=b"0\r\n\r\n"
    )
    assert answer.status_code == 411
