"""A report as PDF: whole, with its fonts, the same each time; no text of it is taken for markup."""

import re
import zlib
from base64 import a85decode

import pytest

from controller.incidents.availability import Stay
from controller.incidents.model import Health
from controller.incidents.sentences import Language
from controller.report_formats.pdf import render_pdf
from controller.reports.availability import (
    AvailabilityReport,
    availability_document,
    site_figures,
)

END = 360_000.0
STAYS = (
    Stay(Health.OK, 0.0, 300_000.0),
    Stay(Health.DOWN, 300_000.0, 350_000.0),
    Stay(Health.UNKNOWN, 350_000.0, END),
)


def document(*titles, language=Language.ENGLISH):
    sites = tuple(site_figures((title, title, "CM-EN", 1000), STAYS) for title in titles)
    made = AvailabilityReport(
        "2026-11", "Africa/Douala", "spur", 0.0, END, END, *(True, 0.0), sites
    )
    return availability_document(made, language)


def streams(pdf):
    """Return the contents of a PDF's streams, as far as they are packed in the usual way."""
    found = []
    for body in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(a85decode(body.strip().removesuffix(b"~>"))))
        except (ValueError, zlib.error):
            continue
    return b"\n".join(found)


def test_it_is_whole_names_its_sites_and_is_the_same_each_time():
    pdf = render_pdf(document("Mora", "Douala"))
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert b"Mora" in streams(pdf)
    assert b"Kolofata" not in streams(pdf)
    assert render_pdf(document("Mora", "Douala")) == pdf


def test_it_takes_no_text_for_markup_and_reads_no_file():
    pdf = render_pdf(document('<img src="/etc/hostname"/>', "<b>bold"))
    assert b"hostname" in streams(pdf)
    assert b"/Subtype /Image" not in pdf


def test_letters_of_cameroon_are_in_its_font():
    assert b"/FontFile2" in render_pdf(document("Mɓɔ̀ŋ, Ngaoundéré"))


@pytest.mark.parametrize("language", Language)
def test_a_long_one_repeats_its_headings_and_counts_its_pages(language):
    pdf = render_pdf(document(*(f"Site {n}" for n in range(120)), language=language))
    pages = len(re.findall(rb"/Type /Page\b", pdf))
    assert pages >= 4
    assert f"{pages}".encode() in streams(pdf)
    heading = {Language.ENGLISH: b"unreachable", Language.FRENCH: b"injoignable"}[language]
    assert streams(pdf).count(heading) >= pages - 2
