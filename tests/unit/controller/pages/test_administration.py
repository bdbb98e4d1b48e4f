"""The pages of accounts, the machine and walls over HTTP: what they show to whom, and what not."""

import html
import re
from urllib.parse import urlencode

import pytest

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.service.api_bench import ORIGIN, api_bench
from tests.rigs.service.browser import Browser, first_administrator, invited

CUT = ("mora-kolofata-fibre", Health.DOWN, "mora-r1", "kolofata-r1")
GRANTS = {"viewer": (Grant(Role.VIEWER, ""),), "operator": (Grant(Role.NOC_OPERATOR, ""),)}
FOR_CHIEF = ("/account", "/account/password", "/account/factor", "/account/tokens", "/step-up",
             "/administration/accounts", "/administration/accounts/a.ngono",
             "/administration/invitation", "/administration/proposals", "/administration/walls",
             "/administration/audit?check=true", "/administration/backups",
             "/administration/machine", "/handover")  # fmt: skip


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        made.hear(*CUT)
        yield made


@pytest.fixture(scope="module")
def head(bench):
    return first_administrator(bench)


@pytest.fixture
def chief(head):
    assert head.step_up().status_code == 204
    return head


def get(browser, path, **headers):
    answer = browser.bench.client.request("GET", path, headers={**browser.headers(), **headers})
    browser.keep(answer)
    return answer


def post(browser, path, **fields):
    headers = {"Content-Type": "application/x-www-form-urlencoded", **browser.headers()}
    content = urlencode(fields).encode()
    answer = browser.bench.client.request("POST", path, headers=headers, content=content)
    browser.keep(answer)
    return answer


def told(answer):
    return html.unescape(answer.text)


def first(pattern, text):
    """Return the first group that a pattern finds."""
    found = re.findall(pattern, text, re.DOTALL)
    assert found, text
    return found[0]


def named(answer, what):
    """Return what stands in an output of a page."""
    return first(rf'<output class="secret{what}">([^<]+)</output>', told(answer))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_is_shown_and_loads_nothing_of_others(chief, language):
    for path in FOR_CHIEF:
        answer = get(chief, path, **{"Accept-Language": language})
        assert answer.status_code == 200, (path, answer.text)
        assert f'<html lang="{language}">' in answer.text
        for forbidden in ("<script>", " style=", "javascript:", "hx-on"):
            assert forbidden not in answer.text, path


def test_a_viewer_finds_no_administration_and_is_refused_each_page(bench, chief):
    viewer, operator = ({"who": name} for name in GRANTS)

    def status(path, who):
        return bench.client.request("GET", path, headers=who).status_code

    page = bench.client.request("GET", "/", headers=viewer).text
    assert "/administration" not in page
    assert "/handover" not in page
    for path in FOR_CHIEF:
        if path.startswith("/administration"):
            assert status(path, viewer) == 403, path
    assert status("/administration", viewer) == 403
    assert "/administration" in get(chief, "/").text
    assert get(chief, "/administration").headers["location"] == "/administration/accounts"
    led = bench.client.request("GET", "/administration", headers=operator)
    assert led.headers["location"] == "/administration/walls"
    assert status("/administration/audit", operator) == 403


def test_an_act_that_needs_the_second_factor_is_done_once_it_was_given(bench, head):
    bench.clock.ahead_s += 600
    invited(bench, head, "late.one", Role.VIEWER)
    bench.clock.ahead_s += 600
    led = get(head, "/administration/invitation")
    assert led.headers["location"] == "/step-up?next=%2Fadministration%2Finvitation"
    path = "/administration/accounts/late.one"
    sent = {"kind": "disable", "because": "left"}
    asked = post(head, path, **sent)
    assert asked.status_code == 307
    form = post(head, asked.headers["location"], **sent)
    assert form.status_code == 200
    kept = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', told(form)))
    assert kept == {"step-up-next": path, **sent}
    wrong = post(head, "/step-up", **kept, **{"step-up-code": "000000"})
    assert wrong.status_code == 403
    assert "was not accepted" in told(wrong)
    done = post(head, "/step-up", **kept, **{"step-up-code": head.code()})
    assert (done.status_code, done.headers["location"]) == (307, path)
    assert get(head, path).text.count("Disable now") == 1
    assert post(head, path, **sent).headers["location"] == path
    assert "disabled since" in told(get(head, path))


def test_a_password_is_not_kept_while_the_second_factor_is_given(bench, head):
    bench.clock.ahead_s += 600
    asked = post(head, "/account/password", old="secret words here", new="x", again="x")
    form = post(head, asked.headers["location"], old="secret words here", new="x", again="x")
    assert "secret words here" not in told(form)
    given = post(
        head, "/step-up", **{"step-up-next": "/account/password", "step-up-code": head.code()}
    )
    assert (given.status_code, given.headers["location"]) == (303, "/account/password")


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_second_factor_leads_to_our_own_pages_alone(chief, place):
    for answer in (
        get(chief, f"/step-up?{urlencode({'next': place})}"),
        post(chief, "/step-up", **{"step-up-next": place, "step-up-code": "000000"}),
    ):
        assert "evil" not in answer.text
        assert 'name="step-up-next" value="/"' in answer.text


def test_an_invitation_is_shown_once_and_roles_change_after_they_were_shown(bench, chief):
    wish = {"name": "b.eto", "title": "Eto <i>", "role-0": "viewer", "scope-0": "yaounde/maroua"}
    made = post(chief, "/administration/invitation", **wish)
    link = named(made, "")
    assert link.startswith(f"{ORIGIN}/set-up#")
    assert "Eto &lt;i&gt;" in made.text
    Browser(bench).set_up(link.partition("#")[2])
    refused = post(chief, "/administration/invitation", **wish)
    assert refused.status_code == 422
    assert "there is an account 'b.eto' already" in told(refused).lower()
    assert 'value="yaounde/maroua"' in refused.text
    path = "/administration/accounts/b.eto"
    rows = {"role-0": "noc_operator", "scope-0": "yaounde/maroua"}
    shown = told(post(chief, path, kind="show", **rows))
    assert "gets <strong>NOC operator" in shown
    assert "loses <strong>viewer" in shown
    assert "NOC operator" not in first(r"<dl.*?</dl>", told(get(chief, path)))
    assert post(chief, path, kind="grants", **rows).status_code == 303
    assert "NOC operator" in first(r"<dl.*?</dl>", told(get(chief, path)))
    wrong = post(chief, path, kind="grants", **{"role-0": "viewer", "scope-0": "atlantis"})
    assert "is no place that you see" in told(wrong)
    assert post(chief, path, kind="explode").status_code == 409


def test_a_token_is_shown_once_and_withdrawn(bench, chief):
    wish = {"title": "exports", "days": "30", "role-0": "viewer", "right-look": "on"}
    made = post(chief, "/account/tokens", kind="make", **wish)
    token = named(made, "")
    bearer = {"Authorization": f"Bearer {token}"}
    assert bench.client.request("GET", "/api/v1/summary", headers=bearer).status_code == 200
    page = get(chief, "/account/tokens").text
    assert token not in page
    (number,) = re.findall(r'name="id" value="(\w+)"', page)
    assert post(chief, "/account/tokens", kind="revoke", id=number).status_code == 303
    assert bench.client.request("GET", "/api/v1/summary", headers=bearer).status_code == 401
    wrong = post(chief, "/account/tokens", kind="make", **{**wish, "days": "400"})
    assert (wrong.status_code, "days:" in told(wrong).lower()) == (422, True)


def test_a_second_app_takes_over_and_recovery_codes_are_shown_once(chief):
    page = get(chief, "/account/factor")
    kept = dict(
        re.findall(
            r"name=\"(token|secret|app_address|options)\" value=(?:'|\")([^'\"]*)", page.text
        )
    )
    assert page.text.count("<svg") == 2
    wrong = post(
        chief, "/account/factor", **{k: html.unescape(v) for k, v in kept.items()}, code="000000"
    )
    assert wrong.status_code == 422
    assert kept["secret"] in told(wrong)
    codes = re.findall(r"<li><code>([^<]+)", post(chief, "/account", kind="recovery-codes").text)
    assert len(codes) == 10
    assert codes[0] not in get(chief, "/account").text
    refused = post(chief, "/account", kind="remove-app")
    assert "this is the only second factor" in told(refused).lower()


def test_the_audit_is_filtered_by_its_address_and_checked(bench, chief):
    everything = told(get(chief, "/administration/audit"))
    assert "link.make" in everything
    some = told(get(chief, "/administration/audit?kind=accounts&who=a.ngono&subject=b.eto"))
    assert "account.grants" in some
    assert "link.make" in some
    assert "session.step-up" not in some
    assert "No entry fits" in told(get(chief, "/administration/audit?since=2099-01-01"))
    assert "No entry fits" not in told(get(chief, "/administration/audit?since=2020-01-01"))
    assert get(chief, "/administration/audit?since=soon").status_code == 422
    assert "The chain is whole" in told(get(chief, "/administration/audit?check=true"))


def test_a_wall_opens_its_view_and_nothing_else_until_it_is_ended(bench, chief):
    made = post(
        chief,
        "/administration/walls",
        kind="make",
        title="NOC",
        scope="yaounde/maroua",
        language="fr",
    )
    code = named(made, " big")
    assert code not in get(chief, "/administration/walls").text
    screen = Browser(bench)
    assert get(screen, "/wall/pair").status_code == 200
    assert post(screen, "/wall/pair", code="AAAA-AAAA").status_code == 401
    paired = post(screen, "/wall/pair", code=code.lower())
    assert (paired.status_code, paired.headers["location"]) == (303, "/wall")
    cookie = next(one for one in paired.cookies if "session=" in one)
    assert all(word in cookie for word in ("HttpOnly", "Max-Age=31536000", "SameSite=lax"))
    shown = get(screen, "/wall")
    assert '<html lang="fr">' in shown.text
    assert "Kolofata" in shown.text
    assert "Douala" not in shown.text
    for part in map(html.unescape, re.findall(r'hx-get="([^"]+)"', shown.text)):
        assert get(screen, part).status_code == 200, part
    for path in ("/api/v1/sites", "/api/v1/circuits"):
        assert get(screen, path).status_code == 200
    forbidden = ("/", "/incidents", "/sites", "/sites/kolofata", "/consultations", "/handover",
                 "/account", "/administration", "/step-up", "/api/v1/incidents",
                 "/api/v1/account", "/api/v1/walls", "/api/v1/sessions", "/api/v1/summary",
                 "/api/v1/reports", "/metrics")  # fmt: skip
    answers = {path: get(screen, path).status_code for path in forbidden}
    assert set(answers.values()) == {403}, answers
    assert post(screen, "/incidents/1", kind="acknowledge").status_code == 403
    # Control: a person with the same right to look opens them all.
    assert get(chief, "/api/v1/summary").status_code == 200
    number = first(r'name="id" value="(\w+)"', get(chief, "/administration/walls").text)
    assert post(chief, "/administration/walls", kind="end", id=number).status_code == 303
    led = get(screen, "/wall")
    assert led.headers["location"] == "/sign-in?next=%2Fwall"
    assert "/wall/pair" in get(screen, led.headers["location"]).text
    audit = told(get(chief, f"/administration/audit?{urlencode({'subject': f'wall {number}'})}"))
    assert all(what in audit for what in ("wall.make", "wall.pair", "wall.end"))


def test_a_wall_is_made_within_the_scope_of_who_handles_incidents_there(bench, chief):
    narrow = invited(bench, chief, "c.north", Role.NOC_OPERATOR, "yaounde/maroua")
    assert narrow.step_up().status_code == 204
    for scope, status in (("", 403), ("yaounde/douala", 422), ("yaounde/maroua", 201)):
        asked = {"title": "NOC", "scope": scope}
        answer = narrow.send("POST", "/walls", asked)
        assert answer.status_code == status, (scope, answer.text)
    # Control: looking alone makes no wall, wherever somebody may look.
    looker = invited(bench, chief, "c.looker", Role.VIEWER)
    assert looker.step_up().status_code == 204
    assert looker.send("POST", "/walls", {"title": "NOC"}).status_code == 403
    assert "yaounde/maroua" in get(narrow, "/administration/walls").text
    assert "yaounde/douala" not in get(narrow, "/administration/walls").text


def test_the_handover_says_what_is_open_and_prints(bench, chief):
    page = told(get(chief, "/handover?hours=24"))
    assert "1 incident is open; 1 needs somebody" in page
    assert "nobody yet" in page
    assert "Handed over by" in page
    assert get(chief, "/handover?hours=100").status_code == 422


def test_a_backup_without_a_passphrase_says_what_to_do(chief):
    answer = post(chief, "/administration/backups", kind="make")
    assert answer.status_code == 409
    assert "start the service with it" in told(answer)


def test_the_machine_says_what_waits_and_runs_a_schedule(chief):
    page = told(get(chief, "/administration/machine"))
    assert "kolofata-e1" in page
    assert "GB are free" in page
    assert post(chief, "/administration/machine", name="none").status_code == 409
