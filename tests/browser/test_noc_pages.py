"""The pages of the NOC in a real browser: what an operator sees, does and cannot overlook."""

import re

import pytest
from playwright.sync_api import expect

from accounts.roles import Grant
from controller.incidents.model import Health, Subject, SubjectKind
from controller.roles import Role
from tests.rigs.service.noc_browser import AXE, noc_browser

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "douala": (Grant(Role.VIEWER, "yaounde/douala"),),
}
FIBRE, ENDS = "mora-kolofata-fibre", ("mora-r1", "kolofata-r1")
MICROWAVE, FAR_ENDS = "maroua-kolofata-microwave", ("maroua-r2", "kolofata-r1")
PAGES = ("/", "/wall", "/incidents", "/incidents/1", "/sites", "/sites/kolofata",
         f"/circuits/{FIBRE}", "/consultations", "/maintenance", "/sign-in")  # fmt: skip
WITHIN_MS = 20_000


@pytest.fixture(scope="module")
def noc():
    with noc_browser(GRANTS) as made:
        made.bench.hear(FIBRE, Health.DOWN, *ENDS)
        yield made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_keeps_nobody_from_using_it(quiet, path, scheme):
    with quiet.page(path, color_scheme=scheme, reduced_motion="reduce") as page:
        page.wait_for_load_state()
        page.evaluate(AXE.read_text())
        found = page.evaluate("async () => (await axe.run()).violations")
        told = [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found]
        assert told == []


@pytest.mark.parametrize("width", [360, 820, 3840])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_its_screen(quiet, path, width):
    with quiet.page(path, viewport={"width": width, "height": 800}) as page:
        beyond = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert beyond <= 0


def test_a_cut_is_on_the_page_without_a_reload_and_so_is_its_end(quiet):
    with quiet.page("/") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        page.evaluate("window.neverLoadedAnew = true")
        filtered = page.locator("#filter")
        filtered.fill("kolo")
        quiet.bench.hear(MICROWAVE, Health.DOWN, *FAR_ENDS)
        card = page.locator(".card", has_text=MICROWAVE)
        expect(card).to_be_visible(timeout=WITHIN_MS)
        expect(page.locator("tr[data-site=kolofata] .state")).not_to_have_text("well")
        quiet.bench.hear(MICROWAVE, Health.OK, *FAR_ENDS)
        expect(card).to_have_count(0, timeout=WITHIN_MS)
        assert page.evaluate("window.neverLoadedAnew")
        assert filtered.input_value() == "kolo"
        expect(filtered).to_be_focused()


@pytest.mark.parametrize(
    ("change", "soon"), [("opened", True), ("ended", True), ("changed", False)]
)
def test_what_opens_or_ends_is_shown_at_once_and_all_else_in_its_turn(quiet, change, soon):
    with quiet.page("/") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        page.clock.install()
        page.clock.pause_at(page.evaluate("Date.now() + 60_000"))
        page.evaluate(
            """async (url) => {
                const { stream } = await import(url);
                window.fetched = 0;
                const part = document.getElementById("concerns");
                part.addEventListener("news", () => window.fetched++);
                window.tell = (change) =>
                    stream.dispatchEvent(new CustomEvent("incident", { detail: { change } }));
            }""",
            page.locator("script[src*='page.js']").get_attribute("src"),
        )
        page.evaluate("window.tell('changed')")
        page.clock.run_for(10)
        assert page.evaluate("window.fetched") == 1
        page.evaluate(f"window.tell('changed'); window.tell('{change}')")
        page.clock.run_for(300)
        assert page.evaluate("window.fetched") == 1 + soon
        page.clock.run_for(2_000)
        assert page.evaluate("window.fetched") == 2


def test_an_operator_takes_an_incident_and_writes_down_what_was_found(quiet):
    with quiet.page("/") as page:
        page.locator(".card a", has_text=FIBRE).click()
        page.get_by_role("button", name="I am on it").click()
        expect(page.locator("dl")).to_contain_text("ngono")
        page.get_by_placeholder("What you found or did").fill("<b>a digger</b> at km 12")
        page.get_by_role("button", name="Write down").click()
        expect(page.locator(".timeline").last).to_contain_text("<b>a digger</b> at km 12")


def test_an_operator_with_a_telephone_follows_a_cut_to_its_report(quiet):
    circuit, ends = "garoua-maroua-fibre", ("garoua-r1", "maroua-r1")
    with quiet.page("/", viewport={"width": 390, "height": 844}) as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        quiet.bench.hear(circuit, Health.DOWN, *ends)
        card = page.locator(".card a", has_text=circuit)
        expect(card).to_be_visible(timeout=WITHIN_MS)
        card.click()
        page.get_by_role("button", name="I am on it").click()
        expect(page.locator("dl")).to_contain_text("fibre cut")
        expect(page.get_by_text(f"saw {circuit} dead").first).to_be_visible()
        page.get_by_role("link", name="Announce maintenance").click()
        page.get_by_label("To", exact=True).fill("23:59")
        page.get_by_label("Why").fill("a splice <b>at km 12</b>")
        page.get_by_role("button", name="Announce").click()
        row = page.get_by_role("row", name=circuit)
        expect(row).to_contain_text("a splice <b>at km 12</b>")
        row.get_by_role("button", name="Take away").click()
        expect(page.get_by_text("No window is announced.")).to_be_visible()
        page.go_back()
        page.goto(f"{quiet.origin}/")
        page.locator(".card a", has_text=circuit).click()
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        quiet.bench.hear(circuit, Health.OK, *ends)
        report = page.locator(".report")
        expect(report).to_contain_text("It lasted", timeout=WITHIN_MS)
        expect(report).to_contain_text("ngono took it on after")


def test_somebody_who_wants_a_sound_hears_one_when_something_new_is_wrong(quiet):
    tones = (
        "window.tones = []; AudioContext.prototype.createOscillator = "
        "new Proxy(AudioContext.prototype.createOscillator, "
        "{ apply: (make, self) => (window.tones.push(1), Reflect.apply(make, self, [])) }); null"
    )
    with quiet.page("/incidents") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        page.evaluate(tones)
        sound = page.get_by_role("button", name="Sound when something new is wrong")
        expect(sound).to_have_attribute("aria-pressed", "false")
        quiet.bench.hear(MICROWAVE, Health.DOWN, *FAR_ENDS)
        expect(page.get_by_role("row", name=MICROWAVE)).to_be_visible(timeout=WITHIN_MS)
        assert page.evaluate("window.tones.length") == 0
        quiet.bench.hear(MICROWAVE, Health.OK, *FAR_ENDS)
        sound.click()
        expect(sound).to_have_attribute("aria-pressed", "true")
        heard = page.evaluate("window.tones.length")
        quiet.bench.hear(MICROWAVE, Health.DOWN, *FAR_ENDS)
        page.wait_for_function(f"window.tones.length > {heard}", timeout=WITHIN_MS)
        quiet.bench.hear(MICROWAVE, Health.OK, *FAR_ENDS)


def test_what_somebody_types_and_closes_outlives_news_of_the_incident(quiet):
    with quiet.page("/incidents/1") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        comment = page.get_by_placeholder("What you found or did")
        region = page.locator("#region-CM-EN")
        expect(region).to_contain_text("Far North 1 site")
        region.locator("summary").click()
        comment.fill("half a sentence")
        answer = quiet.bench.client.request(
            "POST", "/api/v1/incidents/1/acts", headers={"who": "ngono"},
            body={"kind": "comment", "text": "said elsewhere"},
        )  # fmt: skip
        assert answer.status_code == 200
        expect(page.locator(".timeline").last).to_contain_text("said elsewhere", timeout=WITHIN_MS)
        assert comment.input_value() == "half a sentence"
        expect(comment).to_be_focused()
        expect(region).not_to_have_attribute("open", re.compile(""))


def test_a_lost_connection_is_shown_on_the_data_and_goes_when_it_is_back(quiet):
    with quiet.page("/") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        page.clock.install()
        page.context.set_offline(True)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.fast_forward(30_000)
        expect(page.locator("body")).to_have_class("page overview stale", timeout=WITHIN_MS)
        expect(page.locator("#live")).to_contain_text("no connection")


def test_the_end_of_a_session_is_said_and_leads_back(quiet):
    with quiet.page("/sites") as page:
        expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        page.context.set_extra_http_headers({})
        page.evaluate("document.getElementById('rows').dispatchEvent(new Event('news'))")
        notice = page.get_by_role("alert")
        expect(notice).to_contain_text("Your session is over", timeout=WITHIN_MS)
        assert page.locator("table tbody tr").count() > 0
        notice.get_by_role("link").click()
        expect(page.get_by_label("Password")).to_be_visible()
        assert page.locator("input[name=next]").input_value() == "/sites"


def test_all_tabs_of_a_browser_share_one_stream(quiet):
    opened = []
    with quiet.page("/incidents") as first:
        expect(first.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
        first.context.on("request", lambda one: opened.append(one.url))
        second = first.context.new_page()
        second.goto(f"{quiet.origin}/")
        quiet.bench.hear(MICROWAVE, Health.DOWN, *FAR_ENDS)
        for page, row in ((first, "tr"), (second, ".card")):
            expect(page.locator(row, has_text=MICROWAVE)).to_be_visible(timeout=WITHIN_MS)
        assert not [url for url in opened if url.endswith("/api/v1/stream")]
        first.close()
        quiet.bench.hear(MICROWAVE, Health.OK, *FAR_ENDS)
        expect(second.locator(".card", has_text=MICROWAVE)).to_have_count(0, timeout=WITHIN_MS)
        kept = quiet.bench.context.incidents.current().health
        wanted = kept[Subject(SubjectKind.SITE, "kolofata")].value
        expect(second.locator("tr[data-site=kolofata]")).to_have_attribute("data-health", wanted)
        assert len([url for url in opened if url.endswith("/api/v1/stream")]) == 1


def test_keys_lead_through_the_pages(quiet):
    with quiet.page("/") as page:
        page.keyboard.press("g")
        page.keyboard.press("i")
        page.wait_for_url("**/incidents")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/incidents/*")
        page.keyboard.press("g")
        page.keyboard.press("s")
        page.wait_for_url("**/sites")
        page.keyboard.press("/")
        expect(page.get_by_label("Name or facility")).to_be_focused()


def test_a_reader_of_one_region_has_no_other_on_the_map(quiet):
    with quiet.page("/", who="douala") as page:
        expect(page.locator("#map svg path.dot")).to_have_count(1)
        assert "kolofata" not in page.content().lower()
