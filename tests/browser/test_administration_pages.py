"""The pages of accounts, walls and the handover in a real browser, with people who signed in."""

import re

import pytest
from playwright.sync_api import expect

from accounts.roles import Grant
from controller.incidents.model import Health
from controller.roles import Role
from tests.rigs.accounts.service import PASSWORD
from tests.rigs.service.browser import first_administrator, invited
from tests.rigs.service.noc_browser import AXE, noc_browser
from tests.rigs.service.noc_people import give_code, page_of

GRANTS = {"viewer": (Grant(Role.VIEWER, ""),)}
FIBRE, ENDS = "mora-kolofata-fibre", ("mora-r1", "kolofata-r1")
MICROWAVE, FAR_ENDS = "maroua-kolofata-microwave", ("maroua-r2", "kolofata-r1")
PAGES = ("/account", "/account/password", "/account/factor", "/account/tokens", "/step-up",
         "/administration/accounts", "/administration/accounts/b.eto",
         "/administration/invitation", "/administration/proposals", "/administration/walls",
         "/administration/audit?check=true", "/administration/backups",
         "/administration/machine", "/handover", "/wall", "/wall/pair")  # fmt: skip
WITHIN_MS = 30_000
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def noc():
    with noc_browser(GRANTS) as made:
        made.bench.hear(FIBRE, Health.DOWN, *ENDS)
        yield made


@pytest.fixture(scope="module")
def head(noc):
    """Return the first administrator; there are a second one, a wall, a token and a proposal."""
    made = first_administrator(noc.bench)
    invited(noc.bench, made, "b.eto", Role.ADMINISTRATOR)
    made.step_up()
    grant = {"role": "viewer", "scope": "yaounde/maroua"}
    asked = (
        ("/proposals", {"account": "b.eto", "kind": "demote", "because": "another post"}),
        ("/walls", {"title": "Corridor", "scope": "yaounde/maroua"}),
        ("/tokens", {"title": "exports", "days": 90, "grants": [grant]}),
    )
    for path, body in asked:
        assert made.send("POST", path, body).status_code == 201
    return made


@pytest.fixture
def chief(head):
    """Return the administrator with a session of its own, the second factor just given."""
    assert head.sign_in("a.ngono").status_code == 200
    assert head.step_up().status_code == 204
    return head


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_keep_nobody_from_using_them_and_fit_every_screen(quiet, chief, scheme):
    wrong = []
    with page_of(quiet, chief, "/account", color_scheme=scheme, reduced_motion="reduce") as page:
        for path in PAGES:
            page.goto(f"{quiet.origin}{path}")
            assert page.url.removeprefix(quiet.origin) == path
            for width in (360, 820, 3840) if scheme == "light" else ():
                page.set_viewport_size({"width": width, "height": 800})
                if (beyond := page.evaluate(BEYOND)) > 0:
                    wrong.append((path, width, beyond))
            page.set_viewport_size({"width": 1280, "height": 800})
            page.evaluate(AXE.read_text())
            found = page.evaluate("async () => (await axe.run()).violations")
            wrong += [(path, one["id"], one["nodes"][0]["html"][:120]) for one in found]
    assert wrong == []


def test_a_second_person_agrees_to_what_an_administrator_proposes(quiet, chief):
    third = invited(quiet.bench, chief, "c.third", Role.ADMINISTRATOR)
    peer = invited(quiet.bench, chief, "d.peer", Role.ADMINISTRATOR)
    quiet.bench.clock.ahead_s += 600
    with page_of(quiet, chief, "/administration/accounts/d.peer") as page:
        page.get_by_text("Propose what needs a second person").click()
        page.get_by_label("What").select_option("take the role of administrator")
        page.get_by_label("Why").last.fill("another post")
        page.get_by_role("button", name="Propose").click()
        give_code(page, chief)
        expect(page.get_by_role("link", name="take the role of administrator")).to_be_visible()
        with page_of(quiet, third, "/administration/proposals") as other:
            card = other.locator("section", has_text="d.peer").first
            expect(card).to_contain_text("another post")
            card.get_by_role("button", name="Agree").click()
            give_code(other, third)
            expect(card).to_contain_text("c.third agrees")
        page.goto(f"{quiet.origin}/administration/proposals")
        page.locator("section", has_text="d.peer").first.get_by_role("button", name="Do it").click()
        expect(page.locator(".timeline")).to_contain_text("carried out: demote of d.peer")
    with page_of(quiet, peer, "/account") as page:
        expect(page.get_by_text("no role")).to_be_visible()


def test_an_invited_person_is_what_the_form_said_and_a_viewer_sees_no_administration(quiet, chief):
    with page_of(quiet, chief, "/administration/accounts") as page:
        sections = page.get_by_role("navigation", name="Sections")
        expect(sections.get_by_role("link", name="Administration")).to_be_visible()
        page.get_by_role("button", name="Invite somebody").click()
        page.get_by_label("Name to sign in with").fill("e.new")
        page.get_by_label("Who it is").fill("E. New")
        page.locator("[name=role-0]").select_option("viewer")
        page.locator("[name=scope-0]").fill("yaounde/maroua")
        page.get_by_role("button", name="Make the link").click()
        link = page.locator("output.secret").inner_text()
    with quiet.page(link.removeprefix(quiet.origin), who=None) as page:
        expect(page.get_by_label("Code of your link")).to_have_value(link.partition("#")[2])
    with quiet.page("/", who="viewer") as page:
        sections = page.get_by_role("navigation", name="Sections")
        expect(sections.get_by_role("link", name="Sites")).to_be_visible()
        expect(sections.get_by_role("link", name="Administration")).to_have_count(0)
        page.goto(f"{quiet.origin}/administration")
        expect(page.get_by_role("alert").first).to_contain_text("nothing to administer")


def test_a_wall_is_paired_stays_at_a_new_incident_and_says_when_it_is_ended(quiet, chief):
    with page_of(quiet, chief, "/administration/walls") as page:
        page.get_by_label("Name", exact=True).fill("NOC room")
        page.get_by_role("button", name="Make the code").click()
        code = page.locator("output.secret").inner_text()
        with quiet.page("/wall/pair", who=None) as screen:
            screen.get_by_label("Code of the wall").fill(code.lower())
            screen.get_by_role("button", name="Pair").click()
            screen.wait_for_url("**/wall")
            expect(screen.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
            assert code not in screen.url
            screen.goto(f"{quiet.origin}/sites")
            expect(screen.get_by_role("alert").first).to_contain_text("nothing else")
            screen.goto(f"{quiet.origin}/wall")
            expect(screen.locator("#live")).to_have_text("live", timeout=WITHIN_MS)
            expect(screen.locator("body")).not_to_have_class(re.compile("held"))
            quiet.bench.hear(MICROWAVE, Health.DOWN, *FAR_ENDS)
            fresh = screen.locator(".card.fresh", has_text=MICROWAVE)
            expect(fresh).to_be_visible(timeout=WITHIN_MS)
            expect(screen.locator("body")).to_have_class(re.compile("held"))
            page.goto(f"{quiet.origin}/administration/walls")
            page.get_by_role("button", name="End NOC room").click()
            notice = screen.locator("#notice")
            expect(notice).to_contain_text("This wall was ended", timeout=WITHIN_MS)
            expect(notice.get_by_role("link")).to_have_attribute("href", "/wall/pair")
    quiet.bench.hear(MICROWAVE, Health.OK, *FAR_ENDS)


def test_a_wall_goes_from_region_to_region_moves_its_picture_and_is_dark_at_night(quiet, chief):
    road = ("yaounde-douala-road-fibre", "yaounde-r1", "douala-r1")
    quiet.bench.hear(road[0], Health.DOWN, *road[1:])
    with page_of(quiet, chief, "/wall", viewport={"width": 1920, "height": 1080}) as page:
        page.clock.install(time="2026-11-30T10:00:00Z")
        page.goto(f"{quiet.origin}/wall")
        body, region = page.locator("body"), page.locator("#region")
        expect(region).to_have_text("All sites")
        expect(body).not_to_have_class(re.compile("night"))
        seen = set()
        for _ in range(3):
            page.clock.fast_forward(20_000)
            seen.add(region.inner_text())
        assert len(seen) == 3, seen
        assert page.evaluate("document.body.style.translate") != ""
        page.clock.fast_forward(11 * 3_600_000)
        expect(body).to_have_class(re.compile("night"))
    quiet.bench.hear(road[0], Health.OK, *road[1:])


def test_a_passkey_is_added_signs_in_and_confirms_a_dangerous_act(quiet, chief):
    with page_of(quiet, chief, "/account/factor") as page:
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                   "hasUserVerification": True, "isUserVerified": True}  # fmt: skip
        key = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.get_by_role("button", name="Add a passkey").click()
        page.wait_for_url("**/account")
        expect(page.get_by_role("button", name="Remove the passkey 1")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Name").fill("a.ngono")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{quiet.origin}/")
        # The second factor of the sign-in counts for five minutes.
        quiet.bench.clock.ahead_s += 600
        page.goto(f"{quiet.origin}/administration/invitation")
        verified = {"authenticatorId": key["authenticatorId"], "isUserVerified": False}
        devtools.send("WebAuthn.setUserVerified", verified)
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_text("No passkey was given")).to_be_visible()
        devtools.send("WebAuthn.setUserVerified", {**verified, "isUserVerified": True})
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/administration/invitation")
        expect(page.get_by_role("button", name="Make the link")).to_be_visible()


def test_the_handover_prints_what_the_next_shift_must_know(quiet, chief):
    with page_of(quiet, chief, "/handover") as page:
        page.emulate_media(media="print")
        expect(page.locator("#told")).to_contain_text(FIBRE)
        expect(page.get_by_text("Handed over by")).to_be_visible()
        expect(page.get_by_role("navigation", name="Sections")).to_be_hidden()
