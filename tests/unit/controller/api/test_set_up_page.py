"""The page to which a one-time link leads, as a browser without scripts meets it."""

import base64
import html
import re
from urllib.parse import urlencode

import pytest

from accounts.factors.totp import STEP_S, code_at
from accounts.signing_in.links import first_administrator_link, recover_on_machine
from controller.roles import CATALOGUE
from tests.rigs.accounts.service import PASSWORD
from tests.rigs.service.api_bench import ORIGIN, api_bench
from tests.rigs.service.browser import MACHINE, Browser

FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


@pytest.fixture
def bench():
    with api_bench({}) as made:
        yield made


@pytest.fixture
def link(bench):
    with bench.realm.engine.begin() as connection:
        return first_administrator_link(connection, CATALOGUE, MACHINE, bench.clock()).text


def post(bench, path, origin=ORIGIN, **fields):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
    return bench.client.request("POST", path, headers=headers, content=urlencode(fields).encode())


def begin(bench, link, **changes):
    fields = {"link": link, "name": "a.ngono", "title": "Dr Ngono", "password": PASSWORD}
    return post(bench, "/set-up", **{**fields, "again": PASSWORD, **changes})


def hidden(page):
    return {name: html.unescape(value) for name, value in FIELD.findall(page.text)}


def code_of(bench, fields):
    bench.clock.ahead_s += STEP_S
    return code_at(base64.b32decode(fields["secret"]), int(bench.clock() // STEP_S))


def test_the_link_makes_the_first_administrator_and_signs_in(bench, link):
    assert bench.client.request("GET", "/set-up").status_code == 200
    second = begin(bench, link)
    assert second.status_code == 200
    fields = hidden(second)
    assert fields["app_address"].startswith("otpauth://totp/NOC%3Aa.ngono?secret=")
    assert html.escape(fields["app_address"]) in second.text
    assert "<svg" in second.text
    done = post(bench, "/set-up/factor", **fields, totp=code_of(bench, fields))
    assert done.status_code == 200
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code></li>", done.text)
    assert len(codes) == 10
    browser = Browser(bench)
    browser.keep(done)
    assert browser.send("GET", "/account").json()["name"] == "a.ngono"
    again = begin(bench, link)
    assert again.status_code == 401
    assert "This link does not work (any more); ask for another one." in again.text


def test_a_recovery_link_asks_for_no_name(bench, link):
    browser = Browser(bench)
    browser.set_up(link, "a.ngono", "Dr Ngono")
    with bench.realm.engine.begin() as connection:
        other = recover_on_machine(connection, "a.ngono", MACHINE, bench.clock())
    page = begin(bench, other.text, name="", title="")
    fields = hidden(page)
    assert "a.ngono" in fields["app_address"]
    done = post(bench, "/set-up/factor", **fields, totp=code_of(bench, fields))
    assert "Your account is ready" in done.text


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"again": "another"}, 422, "The two passwords differ; type the same one twice."),
        ({"password": "short", "again": "short"}, 422, "fewer than 12 characters"),
        ({"name": "A. Ngono!"}, 422, "A name is lower-case letters"),
        ({"title": ""}, 422, "A title is one line"),
        ({"link": "sanaga_link_" + "x" * 43}, 401, "This link does not work"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays_but_for_the_password(
    bench, link, changes, status, said
):
    page = begin(bench, changes.pop("link", link), **changes)
    assert page.status_code == status
    assert 'role="alert"' in page.text
    assert said in page.text
    assert PASSWORD not in page.text
    assert hidden(page)["title"] == changes.get("title", "Dr Ngono")


def test_a_wrong_code_can_be_corrected(bench, link):
    fields = hidden(begin(bench, link))
    wrong = post(bench, "/set-up/factor", **fields, totp="000000")
    assert wrong.status_code == 401
    assert "The code or passkey was not accepted; try again." in wrong.text
    right = post(bench, "/set-up/factor", **hidden(wrong), totp=code_of(bench, fields))
    assert right.status_code == 200


def test_what_is_typed_is_text_and_never_a_part_of_the_page(bench, link):
    bad = '"><script>alert(1)</script>'
    page = begin(bench, link, name=bad, title=bad)
    assert bad not in page.text
    assert html.escape(bad, quote=False) in page.text.replace("&#34;", '"')
    forged = post(bench, "/set-up/factor", token=bad, secret=bad, app_address=bad, totp=bad)
    assert bad not in forged.text
    assert "<svg" not in forged.text


def test_only_our_own_style_and_script_run_and_nothing_frames_the_page(bench):
    one, two = (bench.client.request("GET", "/set-up") for _ in range(2))
    policy = one.headers["content-security-policy"]
    (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", policy))
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<(?:style|script)\b[^>]*>", one.text) == [
        f'<style nonce="{nonce}">',
        f'<script nonce="{nonce}">',
    ]
    assert not re.search(r"\s(?:on\w+|style)=", one.text)
    assert nonce not in two.text
    assert one.headers["cache-control"] == "no-store"


def test_a_form_of_another_site_is_refused(bench, link):
    assert post(bench, "/set-up", origin="https://evil.example", link=link).status_code == 403


def test_what_is_no_form_is_refused(bench):
    for content in (b"\xff", b"&".join(b"a%d=1" % n for n in range(50))):
        answer = bench.client.request(
            "POST", "/set-up", headers={"Origin": ORIGIN}, content=content
        )
        assert answer.status_code == 400
