"""What would be if things failed, and figures of sites, circuits and devices, in a real browser."""

import pytest
from playwright.sync_api import expect

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.service.measured_past import REASON, MeasuredPast, give_past
from tests.rigs.service.noc_browser import AXE, noc_browser

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "moussa": (Grant(Role.VIEWER, "yaounde/maroua"),),
}
FIBRE, ENDS = "mora-kolofata-fibre", ("mora-r1", "kolofata-r1")
HARMLESS = "mayo-sava-mora-microwave"
PAGES = (f"/topology?failed={FIBRE},site:garoua", "/devices/kolofata-e1", "/circuits")
EDGE, WAYS = "kolofata-e1", ("kolofata-fibre", "kolofata-leo")
WITHIN_MS = 20_000


@pytest.fixture(scope="module")
def noc():
    with noc_browser(GRANTS) as made:
        give_past(made.bench, MeasuredPast("yaounde-e1", WAYS))
        yield made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_keeps_nobody_from_using_it_and_fits_its_screen(quiet, path, scheme):
    with quiet.page(path, color_scheme=scheme, reduced_motion="reduce") as page:
        page.wait_for_load_state()
        page.evaluate(AXE.read_text())
        found = page.evaluate("async () => (await axe.run()).violations")
        told = [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found]
        assert told == []
        for width in (360, 820, 3840):
            page.set_viewport_size({"width": width, "height": 800})
            beyond = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert beyond <= 0, width


def test_a_circuit_that_fails_by_keyboard_is_in_the_address_and_on_the_picture(quiet):
    with quiet.page("/topology") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        sentence, picture = page.locator("#effect .sentence"), page.locator("#picture")
        expect(sentence).to_contain_text("Nothing fails")
        page.keyboard.press("/")
        page.keyboard.type(FIBRE)
        box = page.get_by_role("checkbox", name=FIBRE)
        expect(box).to_be_visible()
        box.focus()
        page.keyboard.press("Space")
        expect(sentence).to_have_text("No site would be cut off. 1 site would take another way.")
        expect(box).to_be_focused()
        assert page.url.endswith(f"/topology?failed={FIBRE}")
        expect(picture.locator(f"[data-fail={FIBRE}]")).to_have_class("fibre is-failed")
        assert picture.locator(".signs text").all_text_contents() == ["✕", "↷"]
        picture.locator("[data-fail='site:kolofata']").click(position={"x": 6, "y": 12})
        expect(sentence).to_contain_text("1 site would be cut off (77,857 people, 1 facility)")
        expect(page.get_by_role("checkbox", name="Kolofata", exact=True)).to_be_checked()
        with quiet.page(page.url.removeprefix(quiet.origin)) as colleague:
            expect(colleague.locator("#effect .sentence")).to_contain_text("1 site would be cut")
            assert colleague.locator(".chips li").count() == 2
        page.locator("[data-mend='site:kolofata']").click()
        expect(sentence).to_contain_text("No site would be cut off")
        assert page.url.endswith(f"/topology?failed={FIBRE}")


def test_a_circuit_that_does_not_matter_hurts_nobody_until_another_is_cut(quiet):
    with quiet.page(f"/topology?failed={HARMLESS}") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        sentence = page.locator("#effect .sentence")
        expect(sentence).to_contain_text("Nobody would be hurt")
        assert page.locator("#effect tbody tr").count() == 0
        quiet.bench.hear("mayo-sava-mora-fibre", Health.DOWN, "mayo-sava-r1", "mora-r1")
        expect(sentence).not_to_contain_text("Nobody would be hurt", timeout=WITHIN_MS)
        expect(page.locator("#effect")).to_contain_text("Down already")
        expect(page.locator("#picture .is-down-now").first).to_be_attached()
        page.get_by_label("as if nothing were down now").check()
        expect(sentence).to_contain_text("Nobody would be hurt")
        quiet.bench.hear("mayo-sava-mora-fibre", Health.OK, "mayo-sava-r1", "mora-r1")


def test_a_reader_of_a_part_fails_and_sees_that_part_alone(quiet):
    with quiet.page("/topology", who="moussa") as page:
        assert "garoua-r1" not in page.content()
        assert page.locator("#picture circle.site").count() == 5
        assert page.get_by_role("checkbox", name="Garoua").count() == 0


def test_figures_are_charts_with_marks_and_a_table_on_paper_and_on_demand(quiet):
    with quiet.page(f"/devices/{EDGE}?figure=jitter_ms&period=86400") as page:
        charts = page.locator(".chart canvas")
        expect(charts).to_have_count(2, timeout=WITHIN_MS)
        expect(page.get_by_label("Figure")).to_have_value("jitter_ms")
        moves = page.locator("ol.moves li")
        assert moves.count() == 3
        expect(moves.nth(1)).to_contain_text(f"kolofata-leo: {REASON}")
        table = page.locator("table.figures").first
        expect(table).to_be_hidden()
        page.get_by_label("as a table").check()
        expect(table).to_be_visible()
        expect(charts.first).to_be_hidden()
        gap = table.locator("tbody tr", has_text="0 %").filter(has_text="–")
        assert gap.count() >= 1
        page.get_by_label("as a table").uncheck()
        page.get_by_label("Figure").select_option("throughput_mbps")
        expect(page.locator(".u-legend").first).to_contain_text("out")
        assert "figure=throughput_mbps" in page.url
        page.emulate_media(media="print")
        expect(table).to_be_visible()
        expect(charts.first).to_be_hidden()
        expect(page.get_by_role("navigation")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.mark.parametrize("path", ["/topology?failed=site:garoua", "/sites/kolofata", "/incidents"])
def test_a_page_prints_without_what_only_a_screen_needs(quiet, path):
    with quiet.page(path, color_scheme="dark") as page:
        page.emulate_media(media="print")
        for name in ("navigation", "button"):
            for one in page.get_by_role(name).all():
                expect(one).to_be_hidden()
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert len(page.pdf(format="A4", prefer_css_page_size=True)) > 5_000
