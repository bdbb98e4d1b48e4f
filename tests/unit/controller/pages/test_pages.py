"""The pages over HTTP: what they show to whom, and what they refuse."""

import gzip
import html
import re
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.roles import Role
from controller.web.assets import assets, assets_version
from controller.web.visitor import own_page
from tests.rigs.service.api_bench import api_bench

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "viewer": (Grant(Role.VIEWER, ""),),
    "douala": (Grant(Role.VIEWER, "yaounde/douala"),),
    "kolofata": (Grant(Role.VIEWER, "yaounde/maroua/mayo-sava/kolofata"),),
}
CUT = ("mora-kolofata-fibre", Health.DOWN, "mora-r1", "kolofata-r1")
PAGES = ("/", "/wall", "/incidents", "/incidents?state=all", "/incidents/1", "/sites",
         "/sites?health=degraded", "/sites/kolofata", "/circuits/mora-kolofata-fibre",
         "/consultations", "/maintenance")  # fmt: skip
# What stands there changes by what is done on the page itself.
STILL = ("/maintenance",)


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        made.hear(*CUT)
        yield made


def get(bench, path, who="ngono", **headers):
    return bench.client.request("GET", path, headers={"who": who, **headers})


def post(bench, path, who="ngono", **fields):
    return bench.send_form(path, who, **fields)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_shown_and_loads_nothing_of_others(bench, path, language):
    answer = get(bench, path, **{"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    assert f'<html lang="{language}">' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for forbidden in ("<script>", " style=", "javascript:", "hx-on", "http://", "https://"):
        assert forbidden not in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_who_is_not_signed_in_comes_back_to_the_page_after_the_sign_in(bench, path):
    answer = get(bench, path, who="")
    assert answer.status_code == 303
    form = get(bench, answer.headers["location"], who="")
    assert f'name="next" value="{html.escape(path)}"' in form.text


def test_an_incident_says_what_to_do_and_whom_to_call_as_far_as_a_reader_sees(bench):
    page = get(bench, "/incidents/1").text
    advice = page[page.index("What to do") : page.index("Why we think so")]
    assert "Send the fibre crew to the circuit." in advice
    assert "head nurse on duty, +237 600 00 00 00" in advice
    assert "Mora</a>: <em>no contact is written" in advice
    theirs = get(bench, "/incidents/1", who="kolofata").text
    assert "head nurse on duty" in theirs
    assert "Mora" not in theirs[theirs.index("What to do") :]


def test_a_part_of_a_page_is_refused_to_who_is_no_longer_signed_in(bench):
    assert get(bench, "/?part=headline", who="").status_code == 401


@pytest.mark.parametrize("path", PAGES)
def test_every_part_that_a_page_fetches_anew_is_there(bench, path):
    parts = re.findall(r'hx-get="([^"]+)"', get(bench, path).text)
    for part in map(html.unescape, parts):
        answer = get(bench, part)
        assert answer.status_code == 200, (part, answer.text)
        assert f'hx-get="{html.escape(part)}"' in answer.text
        assert "<html" not in answer.text
    assert bool(parts) is (path not in STILL)


def test_a_part_is_the_part_alone(bench):
    answer = get(bench, "/?part=headline")
    assert answer.text.lstrip().startswith('<section id="headline"')
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\\b", "", "/\r\nx"]
)
def test_a_sign_in_leads_to_our_own_pages_alone(bench, place):
    assert own_page(place) == "/"
    assert own_page("/sites?health=down") == "/sites?health=down"
    assert "evil" not in get(bench, f"/sign-in?{urlencode({'next': place})}", who="").text


def test_a_reader_of_one_region_finds_nothing_of_another(bench):
    whole, narrow = (get(bench, "/", who=who).text for who in ("viewer", "douala"))
    assert "Kolofata" in whole
    for path in ("/", "/wall", "/incidents?state=all", "/sites", "/consultations"):
        text = get(bench, path, who="douala").text
        assert "kolofata" not in text.lower(), path
    assert "The site is well." in narrow
    for path in ("/incidents/1", "/sites/kolofata", "/circuits/mora-kolofata-fibre"):
        assert get(bench, path, who="douala").status_code == 404


def test_what_a_form_asks_for_is_done_and_shown(bench):
    answer = post(bench, "/incidents/1", kind="acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/1")
    text = "<script>alert(1)</script>"
    post(bench, "/incidents/1", kind="comment", text=text)
    page = get(bench, "/incidents/1").text
    assert html.escape(text) in page
    assert text not in page
    assert "acknowledged" in page


def test_a_viewer_is_offered_no_act_and_refused_one(bench):
    assert "I am on it" not in get(bench, "/incidents/1", who="viewer").text
    answer = post(bench, "/incidents/1", who="viewer", kind="acknowledge")
    assert answer.status_code == 403
    assert "your roles do not cover this" in html.unescape(answer.text).lower()


def test_what_cannot_be_done_is_said_on_the_page(bench):
    answer = post(bench, "/incidents/1", kind="explode")
    assert "use a button of the page" in answer.text
    assert get(bench, "/incidents/99").status_code == 404
    assert get(bench, "/incidents/none").status_code == 422


def test_another_site_s_page_changes_nothing(bench):
    headers = {"Origin": "https://evil.example", "who": "ngono",
               "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
    answer = bench.client.request("POST", "/incidents/1", headers=headers, content=b"kind=mute")
    assert answer.status_code == 403


def test_the_language_that_was_chosen_is_kept(bench):
    answer = get(bench, "/language/fr?next=/sites", who="")
    assert answer.headers["location"] == "/sites"
    cookie = answer.cookies[0].split(";")[0]
    assert '<html lang="fr">' in get(bench, "/sites", Cookie=cookie).text


def test_files_are_kept_for_ever_under_the_name_of_their_octets(bench):
    for name, asset in assets().items():
        answer = get(bench, f"/assets/{assets_version()}/{name}", who="")
        assert "immutable" in answer.headers["cache-control"]
        assert answer.text.encode() == asset.octets
    former = get(bench, "/assets/former/sanaga.css", who="")
    assert former.headers["cache-control"] == "no-cache"
    assert get(bench, f"/assets/{assets_version()}/..%2Fpages.py", who="").status_code == 404


def test_the_overview_is_small_enough_for_a_slow_line(bench):
    """120 kB compressed for the first look, without the sites of the whole country."""
    connection = HTTPConnection("127.0.0.1", bench.client.port, timeout=60)
    connection.request("GET", "/", headers={"who": "ngono", "Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    page = answer.read()
    connection.close()
    assert answer.headers["Content-Encoding"] == "gzip"
    text = gzip.decompress(page).decode()
    loaded = [asset for name, asset in assets().items() if f"/{name}" in text]
    assert len(loaded) >= 8
    imported = [assets()[name] for name in ("stream.js", "outline.json")]
    assert len(page) + sum(len(one.zipped) for one in [*loaded, *imported]) < 105_000


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"subject": "circuit nowhere"}, "nowhere"),
        ({"subject": "cable mora-kolofata-fibre"}, "write what it is and its name"),
        ({"ends": "25:00"}, "Ends: "),
        ({"first_day": "tomorrow"}, "First day"),
        ({"name": "known"}, "already"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_with_what_was_typed(bench, changed, words):
    typed = {"subject": "circuit mora-kolofata-fibre", "first_day": "2030-01-07",
             "begins": "01:00", "ends": "02:00", "reason": "a splice"}  # fmt: skip
    post(bench, "/maintenance", **typed, name="known")
    answer = post(bench, "/maintenance", **(typed | changed))
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="a splice"' in answer.text
    assert answer.text.count("<tr>") == 2


def test_who_only_looks_announces_no_window(bench):
    assert "Announce a window" not in get(bench, "/maintenance", "viewer").text
    assert post(bench, "/maintenance", "viewer", subject="site kolofata").status_code == 403
    assert post(bench, "/maintenance/remove", "viewer", name="known").status_code == 403
