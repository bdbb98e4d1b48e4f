"""The page of the topology over HTTP: the same as the API says, for each reader's scope alone."""

import csv
import gzip
import html
import json
import re
from http.client import HTTPConnection
from io import StringIO
from xml.etree import ElementTree

import pytest

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.roles import Role
from controller.web.assets import assets
from inventory.country.intent_folder import write_national
from tests.rigs.service.api_bench import api_bench

FIBRE = "mora-kolofata-fibre"
GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "moussa": (Grant(Role.VIEWER, "yaounde/maroua"),),
}


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        yield made


def get(bench, path, who="ngono", **headers):
    return bench.client.request("GET", path, headers={"who": who, **headers})


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_and_its_part_say_what_the_api_says(bench, language):
    query = f"failed={FIBRE},site:mora"
    page = get(bench, f"/topology?{query}", **{"Accept-Language": language})
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    for forbidden in ("<script>", " style=", "javascript:", "hx-on", "http://", "https://"):
        assert forbidden not in page.text
    (part,) = map(html.unescape, re.findall(r'hx-get="([^"]+)"', page.text))
    answer = get(bench, part)
    assert answer.text.startswith('<section id="effect"')
    told = bench.get("/what-if", failed=f"{FIBRE},site:mora")
    for row in told["sites"]:
        assert f'href="/sites/{row["name"]}"' in answer.text
    (written,) = re.findall(r"data-signs='([^']+)'", answer.text)
    signs = json.loads(html.unescape(written))
    assert {name: sign[0] for name, sign in signs.items()} == {
        FIBRE: "failed", "site:mora": "failed", "site:kolofata": "other-way"
    }  # fmt: skip


def test_both_ways_to_write_what_fails_are_the_same(bench):
    one, other = (
        get(bench, f"/topology?part=effect&{query}").text
        for query in (f"failed={FIBRE},mora-r1", f"failed={FIBRE}&failed=mora-r1")
    )
    assert one == other


def test_what_fails_outside_the_part_that_is_shown_stays(bench):
    page = get(bench, "/topology?within=maroua&failed=site:douala,site:mora").text
    kept = re.findall(r'data-kept name="failed" value="([^"]+)"', page)
    assert kept == ["site:douala"]
    assert 'value="site:mora" checked' in page
    assert 'value="site:garoua"' not in page


def test_a_name_that_is_not_there_is_said_and_nothing_fails(bench):
    page = get(bench, "/topology?failed=nothing").text
    assert "No site, device or circuit" in page
    assert "Nothing fails." in page
    assert get(bench, "/topology?within=nowhere").status_code == 404


def test_a_question_that_is_refused_says_why_in_the_part_and_is_not_asked_again(bench):
    names = ",".join(f"n{number}" for number in range(101))
    part = get(bench, f"/topology?part=effect&failed={names}").text
    assert "101 things are named; name 100 at most" in part
    assert f'data-asked="{names}" data-failed=""' in part


def test_the_sites_that_would_be_hurt_are_a_file_with_their_ways(bench):
    page = html.unescape(get(bench, f"/topology?failed={FIBRE}").text)
    (link, _) = re.findall(r'href="(/exports/[^"]+)"', page)
    text = get(bench, link).text.encode().decode("utf-8-sig")
    (row,) = csv.DictReader(StringIO(text, newline=""))
    assert (row["name"], row["effect"], row["people"]) == ("kolofata", "other-way", "77857")
    assert row["usual.way"].endswith(f" > {FIBRE}")
    assert row["then.way"].endswith(" > maroua-kolofata-microwave")


def test_a_reader_of_a_part_sees_nothing_else_on_the_page_or_the_picture(bench):
    for path in ("/topology", f"/topology?failed={FIBRE}", "/topology.svg"):
        text = get(bench, path, who="moussa").text
        assert "olofata" in text
        for name in ("garoua-r1", "site:douala", "Garoua", "Yaound", "ngaoundere"):
            assert name not in text, (path, name)
    assert get(bench, "/topology.svg?failed=garoua-r1", who="moussa").status_code == 404


def test_the_picture_is_a_file_without_scripts_that_shows_what_would_be(bench):
    answer = get(bench, f"/topology.svg?failed={FIBRE}")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "attachment" in answer.headers["content-disposition"]
    drawn = ElementTree.fromstring(answer.text)  # noqa: S314 - our own
    tags = {element.tag.partition("}")[2] for element in drawn.iter()}
    assert "script" not in tags
    failed = [
        one for one in drawn.iter() if "is-failed" in one.get("class", "") and one.get("data-fail")
    ]
    assert [one.get("data-fail") for one in failed] == [FIBRE]
    assert "1 site would take another way." in answer.text


def test_what_is_down_now_is_said_unless_it_shall_not_count(bench):
    bench.hear(FIBRE, Health.DOWN, "mora-r1", "kolofata-r1")
    try:
        assert "Down already" in get(bench, "/topology").text
        assert "Down already" not in get(bench, "/topology?alone=true").text
    finally:
        bench.hear(FIBRE, Health.OK, "mora-r1", "kolofata-r1")


def test_the_page_of_the_whole_country_is_small_enough_for_a_slow_line(tmp_path):
    write_national(tmp_path / "cameroon")
    with api_bench(GRANTS, tmp_path / "cameroon") as country:
        connection = HTTPConnection("127.0.0.1", country.client.port, timeout=60)
        headers = {"who": "ngono", "Accept-Encoding": "gzip"}
        connection.request("GET", "/topology?failed=site:yaounde", headers=headers)
        page = connection.getresponse().read()
        connection.close()
    text = gzip.decompress(page).decode()
    assert text.count('data-fail="site:') == 429
    loaded = [one for name, one in assets().items() if f"/{name}" in text]
    imported = assets()["stream.js"]
    assert len(page) + len(imported.zipped) + sum(len(one.zipped) for one in loaded) < 260_000
