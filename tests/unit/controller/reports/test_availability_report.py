"""The availability of a month: what counts, how sites add up, and what each format shows."""

import csv
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import pytest

from controller.incidents.availability import Stay, hidden_by, stays
from controller.incidents.model import Health, HealthChange
from controller.incidents.sentences import Language
from controller.report_formats.csv_table import neutral, render_csv
from controller.report_formats.html import render_html
from controller.report_formats.plain import render_text
from controller.reports.availability import (
    AvailabilityReport,
    Outage,
    availability_document,
    by_region,
    narrowed,
    outages_in,
    site_figures,
    together,
)
from controller.reports.words import CATALOGUE, duration_text, number_text, share_text
from tests.rigs.incidents.story import site

HOUR = 3600.0
END = 100 * HOUR
ENGLISH, FRENCH = CATALOGUE[Language.ENGLISH], CATALOGUE[Language.FRENCH]


def spent(*parts):
    """Return stays one after the other, from pairs of a health and hours."""
    found, at = [], 0.0
    for health, hours in parts:
        found.append(Stay(health, at, at + hours * HOUR))
        at += hours * HOUR
    return tuple(found)


MORA = site_figures(
    ("mora", "Mora", "CM-EN", 1000),
    spent(
        (Health.OK, 60),
        (Health.DEGRADED, 10),
        (Health.DOWN, 6),
        (Health.UNREACHABLE, 4),
        (Health.UNKNOWN, 15),
        (Health.MAINTENANCE, 5),
    ),
)
DOUALA = site_figures(("douala", "Douala <Littoral>", "CM-LT", 500), spent((Health.OK, 100)))


def report(*sites, **changes):
    made = AvailabilityReport(
        "2026-11", "Africa/Douala", "spur", 0.0, END, END, *(True, 0.0), sites
    )
    return replace(made, **changes)


def test_unknown_and_maintenance_do_not_count_for_or_against():
    found = together([MORA])
    assert found.share == pytest.approx(70 / 80)
    assert found.share_of(Health.UNKNOWN) == pytest.approx(0.15)
    assert found.share_of(Health.MAINTENANCE) == pytest.approx(0.05)


def test_down_and_unreachable_in_a_row_are_one_outage_and_hurt_people_for_hours():
    assert (MORA.outages, MORA.longest) == (1, (Outage(70 * HOUR, 80 * HOUR),))
    assert together([MORA, DOUALA]).people_hours == pytest.approx(10_000)


def test_a_time_in_which_nobody_knows_ends_an_outage():
    found = outages_in(spent((Health.DOWN, 1), (Health.UNKNOWN, 1), (Health.DOWN, 1)))
    assert [one.seconds for one in found] == [HOUR, HOUR]


def test_a_month_of_which_nothing_is_known_has_no_availability():
    nothing = site_figures(("waza", "", "CM-EN", 1), spent((Health.UNKNOWN, 100)))
    assert together([nothing]).share is None
    document = availability_document(report(nothing), Language.ENGLISH)
    assert document.headline.startswith("Nothing is known")


def test_sites_count_the_same_whatever_their_people():
    assert together([MORA, DOUALA]).share == pytest.approx(170 / 180)
    assert {name: one.sites for name, one in by_region([MORA, DOUALA]).items()} == {
        "CM-EN": 1,
        "CM-LT": 1,
    }


def test_a_reader_of_one_region_gets_its_sums_alone():
    seen = narrowed(report(MORA, DOUALA), {"mora"})
    text = render_text(availability_document(seen, Language.ENGLISH))
    assert "Mora" in text
    assert "Douala" not in text.replace("Africa/Douala", "")
    assert "1 sites were available for 87.50 %" in text


def test_stays_under_a_gap_are_unknown_and_nothing_is_lost():
    turns = [HealthChange(site("mora"), 50.0, Health.OK, Health.DOWN)]
    known = stays(turns, Health.OK, 0.0, 100.0)
    assert hidden_by(known, [(40.0, 60.0), (90.0, 200.0)]) == (
        Stay(Health.OK, 0.0, 40.0),
        Stay(Health.UNKNOWN, 40.0, 60.0),
        Stay(Health.DOWN, 60.0, 90.0),
        Stay(Health.UNKNOWN, 90.0, 100.0),
    )
    assert hidden_by(known, []) == known


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100.00 %"),
        (0.99999999, "99.999 %"),
        (0.99951, "99.951 %"),
        (0.5, "50.00 %"),
        (0.000001, "0.001 %"),
        (0.0, "0.00 %"),
        (None, "–"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share, text):
    assert share_text(share, ENGLISH) == text


def test_numbers_are_written_as_the_language_does():
    assert share_text(0.125, FRENCH) == "12,50 %"
    assert number_text(1234567, ENGLISH) == "1,234,567"
    assert number_text(1234567, FRENCH) == "1\u202f234\u202f567"
    assert duration_text(2 * 86_400 + 3 * 3600 + 59, FRENCH) == "2 j 3 h"
    assert duration_text(0, ENGLISH) == "0 s"


def test_both_catalogues_have_the_same_words():
    assert set(ENGLISH) == set(FRENCH)


def rows_of(text):
    return list(csv.DictReader(StringIO(text)))


def test_csv_has_a_row_for_each_level_and_plain_numbers():
    text = render_csv(availability_document(report(MORA, DOUALA), Language.FRENCH))
    rows = rows_of(text)
    assert [(row["level"], row["name"]) for row in rows] == [
        ("network", "spur"),
        ("region", "CM-EN"),
        ("region", "CM-LT"),
        ("site", "douala"),
        ("site", "mora"),
    ]
    assert (rows[4]["availability"], rows[4]["unknown_s"]) == ("0.875", "54000")
    assert "states" not in rows[0]


@pytest.mark.parametrize("bad", ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\t=1", " =1", "a\tb"])
def test_what_a_spreadsheet_would_run_is_made_text(bad):
    assert neutral(bad) == bad if "\t" in bad[1:] else neutral(bad) == f"'{bad}"


@pytest.mark.parametrize("good", ["-5", "+5.25", "-1e3", "Mora", "", "12"])
def test_numbers_and_words_stay_as_they_are(good):
    assert neutral(good) == good


def test_a_title_that_is_a_formula_does_not_run_from_the_csv():
    evil = replace(MORA, title='=HYPERLINK("http://x")')
    row = rows_of(render_csv(availability_document(report(evil), Language.ENGLISH)))[2]
    assert row["title"] == '\'=HYPERLINK("http://x")'


class Page(HTMLParser):
    """Collects what a page holds."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.attributes = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data.strip())


@pytest.mark.parametrize("language", Language)
def test_html_escapes_texts_runs_nothing_and_loads_nothing(language):
    evil = replace(MORA, title="<script>alert(1)</script>", region='"><img src=x>')
    page = Page(render_html(availability_document(report(evil, DOUALA), language)))
    assert {"script", "img", "link", "iframe"}.isdisjoint(page.tags)
    assert "<script>alert(1)</script>" in page.texts
    assert ("lang", language.value) in page.attributes
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on") or name in {"src", "href"}}


def test_html_says_in_words_what_its_bars_show():
    page = Page(render_html(availability_document(report(MORA), Language.FRENCH)))
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert any("dégradé 10,00 %" in label and "inconnu 15,00 %" in label for label in labels)


def test_an_outage_that_goes_on_has_no_end():
    open_still = site_figures(
        ("mora", "Mora", "CM-EN", 1), spent((Health.OK, 90), (Health.DOWN, 10))
    )
    text = render_text(availability_document(report(open_still, whole=False), Language.ENGLISH))
    assert "goes on" in text
    assert "so far until" in text
