"""Lists of the pages as files over HTTP: the same rows, of the reader's scope alone."""

import csv
import html
import json
import re
from io import StringIO

import pytest

from accounts.roles import Grant
from controller.change_routes import audit
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "chief": (Grant(Role.ADMINISTRATOR, ""),),
    "douala": (Grant(Role.VIEWER, "yaounde/douala"),),
}
LISTS = ("sites", "circuits", "incidents", "consultations")


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        made.hear("mora-kolofata-fibre", Health.DOWN, "mora-r1", "kolofata-r1")
        acts = [("acknowledge", ""), ("assign", "=cmd|calc")]
        for kind, text in acts:
            answer = made.client.request(
                "POST", "/api/v1/incidents/1/acts", headers={"who": "ngono"},
                body={"kind": kind, "text": text},
            )  # fmt: skip
            assert answer.status_code == 200
        yield made


def get(bench, path, who="ngono"):
    return bench.client.request("GET", path, headers={"who": who})


def rows(bench, path, who="ngono"):
    answer = get(bench, path, who)
    assert answer.status_code == 200, answer.text
    text = answer.text.encode().decode("utf-8-sig")
    return [*csv.DictReader(StringIO(text, newline=""))]


@pytest.mark.parametrize("name", LISTS)
def test_the_link_of_a_list_page_gives_its_rows_in_both_forms(bench, name):
    page = get(bench, f"/{name}")
    links = [html.unescape(one) for one in re.findall(r'href="(/exports/[^"]+)"', page.text)]
    assert len(links) == 2
    for link in links:
        answer = get(bench, link)
        assert "attachment" in answer.headers["content-disposition"]
    table, listed = rows(bench, links[0]), json.loads(get(bench, links[1]).text)
    assert len(table) == len(listed)
    assert name == "consultations" or table


def test_the_link_keeps_the_filters_of_the_page(bench):
    page = get(bench, "/sites?health=degraded&search=kolo").text
    (link, _) = re.findall(r'href="(/exports/[^"]+)"', page)
    found = rows(bench, html.unescape(link))
    assert [one["name"] for one in found] == ["kolofata"]
    assert len(rows(bench, "/exports/sites.csv")) == 9
    fibres = rows(bench, "/exports/circuits.csv?medium=fibre&search=mora")
    assert {one["medium"] for one in fibres} == {"fibre"}
    assert "mora-kolofata-fibre" in {one["name"] for one in fibres}
    assert rows(bench, "/exports/incidents.csv?state=ended") == []


def test_what_somebody_typed_is_no_formula_and_a_figure_is_a_number(bench):
    (incident,) = rows(bench, "/exports/incidents.csv")
    assert incident["assigned_to"] == "'=cmd|calc"
    assert int(incident["people"]) > 0
    (shown,) = json.loads(get(bench, "/exports/incidents.json").text)
    assert shown["assigned_to"] == "=cmd|calc"


@pytest.mark.parametrize("name", LISTS)
def test_a_file_has_nothing_of_outside_its_reader_s_scope(bench, name):
    for form in ("csv", "json"):
        assert "kolofata" not in get(bench, f"/exports/{name}.{form}", "douala").text.lower()


def test_the_audit_is_for_who_may_see_it(bench):
    assert get(bench, "/exports/audit.csv").status_code == 403
    acts = {one["what"] for one in rows(bench, "/exports/audit.csv", "chief")}
    assert "incident.assign" in acts
    assert rows(bench, "/exports/audit.csv?subject=nobody", "chief") == []


@pytest.mark.parametrize(("filters", "some"), [("who=ngono", True), ("who=nobody", False),
                                               ("since=1999-01-01", True),
                                               ("since=2999-01-01", False)])  # fmt: skip
def test_the_audit_is_exported_as_it_is_filtered(bench, filters, some):
    page = get(bench, f"/administration/audit?{filters}", "chief").text
    link = f"/exports/audit.csv?{filters}"
    assert (link in page) is some
    assert bool(rows(bench, link, "chief")) is some


def test_every_entry_of_the_audit_is_exported(bench, monkeypatch):
    whole = rows(bench, "/exports/audit.csv", "chief")
    monkeypatch.setattr(audit, "_NEWEST", 1)
    assert len(rows(bench, "/exports/audit.csv", "chief")) == len(whole) > 1


def test_a_form_that_is_none_is_refused(bench):
    assert get(bench, "/exports/sites.xls").status_code == 422
    assert get(bench, "/exports/sites.csv", who="").status_code == 303
