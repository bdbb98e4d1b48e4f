"""The pages of changes in a real browser: a plan is reviewed, approved, applied and taken back."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.rigs.service.changing_office import changing_office

WITHIN_MS = 60_000


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with changing_office(tmp_path_factory.mktemp("changes")) as made:
        yield made


@pytest.fixture
def quiet(office):
    """Give the office; whatever a page complains of in its console fails the test."""
    office.noc.complaints.clear()
    yield office
    assert office.noc.complaints == []


def posted(office, person, path, **fields):
    """Return the answer to a form that no page offered."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **person.headers()}
    content = urlencode(fields).encode()
    return office.noc.bench.client.request("POST", path, headers=headers, content=content)


def approved_by_somebody_else(office, author, path):
    """Have the colleague approve the plan that a page shows; its author cannot."""
    expect(author.locator("#standing")).to_contain_text("You cannot approve it")
    expect(author.get_by_label("Code of your app")).to_have_count(0)
    with office.noc.page_of(office.colleague, path) as page:
        fields = {name: page.locator(f"form:has([value=approve]) [name={name}]").first.input_value()
                  for name in ("request", "digest")}  # fmt: skip
        forged = posted(
            office, office.author, path, act="approve", code=office.author.code(), **fields
        )
        assert forged.status_code == 409
        assert "cannot approve it" in forged.text
        expect(page.locator("#standing .big")).to_have_text(re.compile("waits for approval"))
        page.get_by_label("Code of your app").fill(office.colleague.code())
        page.get_by_role("button", name="Approve what is shown").click()
        expect(page.locator("#standing .big")).to_have_text(re.compile("approved"))


def planned(office, page):
    """Make a plan on the page of changes, look at it, and return its path."""
    expect(page.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
    page.get_by_label("Cut off at once").select_option("100")
    page.get_by_role("button", name="Plan what the intent folder says now").click()
    page.get_by_role("button", name="Look at plan").click(timeout=WITHIN_MS)
    expect(page.locator(".diff ins").first).to_contain_text("65010")
    expect(page.locator(".diff del").first).to_contain_text("65000")
    expect(page.get_by_text("No rollback brings this back").first).to_be_visible()
    return page.url.removeprefix(office.noc.origin)


def applied(office, page, path):
    """Apply the plan of a page, see it live, and keep what it did."""
    apply = page.get_by_role("button", name="Apply to")
    expect(apply).to_be_visible(timeout=WITHIN_MS)
    page.get_by_label("When all is checked").select_option("300")
    office.mute(mute=True)
    apply.click()
    going = page.locator(".waves .going")
    expect(going).to_contain_text("being switched over", timeout=WITHIN_MS)
    expect(going).to_contain_text("prepared")
    expect(page.locator(".waves .coming").first).to_contain_text("not begun")
    assert office.noc.looked_through(page) == []
    assert office.noc.too_wide(page) == []
    assert posted(office, office.colleague, path, act="apply", digest="0" * 64).status_code == 409
    office.mute(mute=False)
    page.get_by_role("button", name="Keep it, or roll back").click(timeout=WITHIN_MS)
    expect(page.locator("[data-until]")).to_contain_text("min")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Look at apply").click(timeout=WITHIN_MS)
    expect(page.locator("h1")).to_contain_text("kept")


def taken_back(office, page):
    """Take the apply of a page back, having seen what that does."""
    page.get_by_role("button", name="Roll back: see first").click()
    expect(page.locator(".diff ins").first).to_contain_text("65000")
    assert all("65010" in text for text in office.running().values())
    page.get_by_role("button", name=re.compile("Roll .* back")).click()
    page.get_by_role("button", name="Look at apply").click(timeout=WITHIN_MS)
    expect(page.locator("article")).to_contain_text("takes another one back")


def test_an_engineer_has_a_plan_approved_applies_it_sees_it_live_and_rolls_it_back(quiet):
    office, before = quiet, quiet.running()
    office.renumber(65010)
    with office.noc.page_of(office.author, "/changes") as page:
        path = planned(office, page)
        page.get_by_role("button", name="Ask for a second person").click()
        approved_by_somebody_else(office, page, path)
        assert office.running() == before
        applied(office, page, path)
        assert all("65010" in text for text in office.running().values())
        taken_back(office, page)
        assert office.running() == before
        page.goto(f"{office.noc.origin}/changes")
        expect(page.locator("#plan-2")).to_contain_text("taken back later")


def test_a_refusal_with_its_reason_is_on_the_author_s_page(quiet):
    office = quiet
    office.renumber(65020)
    plan = office.planned()
    path = f"/changes/plans/{plan['number']}"
    with office.noc.page_of(office.author, path) as author:
        author.get_by_role("button", name="Ask for a second person").click()
        with office.noc.page_of(office.colleague, path) as page:
            page.get_by_label("Why not").fill("<b>market day</b>")
            page.get_by_role("button", name="Refuse").click()
            expect(page.locator(".timeline")).to_contain_text("<b>market day</b>")
        expect(author.locator(".timeline")).to_contain_text("market day", timeout=WITHIN_MS)
        expect(author.get_by_role("button", name="Apply to")).to_have_count(0)
        expect(author.get_by_role("button", name="Ask for a second person")).to_be_visible()


def test_every_page_of_changes_fits_its_screen_and_keeps_nobody_from_using_it(quiet):
    office = quiet
    office.renumber(65030)
    plan = office.planned()
    operation = office.author.send("GET", "/operations").json()["items"][0]["id"]
    paths = ("/changes", f"/changes/plans/{plan['number']}", f"/changes/operations/{operation}",
             "/changes/applies/1", "/changes/applies/1/rollback")  # fmt: skip
    for path in paths:
        with office.noc.page_of(office.author, path, reduced_motion="reduce") as page:
            expect(page.locator("h1")).to_be_visible()
            assert office.noc.looked_through(page) == [], path
            assert office.noc.too_wide(page) == [], path


def test_an_engineer_of_one_region_sees_nothing_of_a_change_elsewhere(quiet):
    quiet.renumber(65040)
    plan, noc = quiet.planned(), quiet.noc
    operation = quiet.author.send("GET", "/operations").json()["items"][0]["id"]
    hidden = (f"/changes/plans/{plan['number']}", f"/changes/operations/{operation}",
              "/changes/applies/1", "/changes/applies/1/rollback")  # fmt: skip
    for path in hidden:
        seen = noc.bench.client.request("GET", path, headers={"who": "garoua"})
        assert seen.status_code == 404, path
        whole = noc.bench.client.request("GET", path, headers=quiet.author.headers())
        assert whole.status_code == 200, path
    with noc.page("/changes", who="garoua") as page:
        expect(page.locator("#changes")).to_contain_text("There is no plan yet")
        assert not re.search("kolofata|maroua|mora", page.content())
    with noc.page("/changes", who="operator") as page:
        expect(page.get_by_role("link", name="Apply 1", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Plan what the intent folder says")).to_have_count(0)
