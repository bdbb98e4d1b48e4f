"""The pages of the VPN in a real browser: a stolen tablet is shut out from a telephone."""

import re

import pytest
from playwright.sync_api import expect

from accounts.roles import Grant
from controller.access import gateways
from controller.keys.signing import signing_key
from controller.roles import Role
from inventory.errors import UnreachableError
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.people.people_rig import ACT, GATEWAY_KEYS, NGONO, make_registrar, nowhere
from tests.rigs.people.roster_drivers import REACHED, RosterDriver
from tests.rigs.service.noc_browser import noc_browser
from vpn.model import Person

GRANTS = {
    "vpn": (Grant(Role.VPN_ADMINISTRATOR, ""),),
    "northern": (Grant(Role.VPN_ADMINISTRATOR, "yaounde/maroua"),),
    "analyst": (Grant(Role.SECURITY_ANALYST, ""),),
    "viewer": (Grant(Role.VIEWER, ""),),
}
NURSE = Person("b-oumarou", "B. Oumarou", "nurse", "mora")
TELEPHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PATHS = ("/vpn", "/vpn?state=revoked", "/vpn/people/b-oumarou", "/vpn/people/b-oumarou/revoke",
         "/vpn/people/b-oumarou/revoke?device=tablet", "/vpn/give", "/vpn/terms",
         "/vpn/edges")  # fmt: skip
WITHIN_MS = 60_000


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Return a state folder with three devices of two people on record."""
    made = tmp_path_factory.mktemp("vpn") / "state"
    place_fresh_records(made)
    registrar = make_registrar(made, REACHED)
    for person, device in ((NGONO, "tablet"), (NGONO, "laptop"), (NURSE, "tablet")):
        registrar.add(person, device, ACT, nowhere)
    registrar.close()
    return made


@pytest.fixture(scope="module")
def drivers(state):
    """Return the gateways that the controller reaches, by their names."""
    trust = signing_key(state).public_key()
    return {name: RosterDriver(name, trust) for name in GATEWAY_KEYS}


@pytest.fixture(scope="module")
def noc(state, drivers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANAGA_STATE_DIR", str(state))
        patch.setattr(gateways, "connector", lambda *_: drivers.__getitem__)
        with noc_browser(GRANTS) as made:
            yield made


def withdrawn(noc):
    """Return which of the doctor's devices are withdrawn."""
    devices = noc.bench.get("/vpn/people/a-ngono", "vpn")["devices"]
    return {one["name"]: bool(one["revoked"]) for one in devices}


def test_a_stolen_tablet_is_withdrawn_from_a_telephone_in_three_clicks(quiet, drivers):
    yaounde, douala = drivers["yaounde-e1"], drivers["douala-e1"]
    douala.fault = UnreachableError("douala-e1", "no connection")
    with quiet.page("/vpn", who="vpn", **TELEPHONE) as page:
        page.get_by_role("link", name="Dr A. Ngono").click()
        page.get_by_role("button", name="Withdraw tablet…").click()
        effects = page.locator(".effects")
        expect(effects).to_contain_text("never accepted again: tablet")
        expect(effects).to_contain_text("end the connection: yaounde-e1, douala-e1")
        expect(effects).to_contain_text("These go on having access: laptop")
        assert withdrawn(quiet) == {"tablet": False, "laptop": False}
        page.get_by_role("button", name="Withdraw tablet now").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Withdrawn: tablet of Dr")
        expect(page.locator("table")).to_contain_text("douala-e1: no connection")
        expect(page.get_by_role("status").last).to_contain_text("1 gateway was not told")
        assert quiet.looked_through(page) == []
        assert quiet.too_wide(page) == []
        assert (yaounde.admitted(), douala.admitted()) == (2, 0)
        douala.fault = None
        page.get_by_role("button", name="Try those again").click()
        expect(page.locator("article")).to_contain_text("lets 2 devices in", timeout=WITHIN_MS)
        assert douala.admitted() == 2
    assert withdrawn(quiet) == {"tablet": True, "laptop": False}
    (*_, last) = quiet.bench.get("/audit", "analyst", subject="a-ngono")["items"]
    assert (last["who"], last["because"]) == ("vpn", "stolen")


def test_what_somebody_else_withdrew_meanwhile_is_said(quiet):
    path = "/vpn/people/b-oumarou/revoke?device=tablet"
    with (
        quiet.page(path, who="vpn") as late,
        quiet.page("/vpn/people/b-oumarou", who="vpn") as page,
    ):
        page.get_by_label("Last day").fill("2099-12-31")
        page.get_by_label("Why").fill("longer")
        page.get_by_role("button", name="Change it").click()
        expect(page.locator("dl").last).to_contain_text("2099-12-31")
        late.get_by_role("button", name="Withdraw tablet now").click()
        expect(late.get_by_role("alert").last).to_contain_text("changed since you read it")
    (device,) = quiet.bench.get("/vpn/people/b-oumarou", "vpn")["devices"]
    assert device["revoked"] is None


def test_people_are_found_by_name_by_device_and_by_address(quiet):
    devices = quiet.bench.get("/vpn/people/a-ngono", "vpn")["devices"]
    address = devices[1]["addresses"]["yaounde-e1"][0]
    with quiet.page("/vpn", who="vpn") as page:
        rows = page.locator("table.people tbody tr")
        for sought, count in (("oum", 1), ("laptop", 1), ("nobody-has-this", 0)):
            page.keyboard.press("/")
            page.keyboard.press("Control+a")
            page.keyboard.type(sought)
            page.keyboard.press("Enter")
            page.wait_for_url(re.compile(f"search={sought}"))
            expect(rows).to_have_count(count)
        page.locator("input[name=search]").fill(address)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Dr A. Ngono")


def test_giving_access_is_checked_and_shows_a_command_without_a_secret(quiet):
    asked = "/vpn/give?check=1&name=c-moussa&title=O%27Moussa&role=nurse&device=tablet&site="
    with quiet.page(f"{asked}mora", who="vpn") as page:
        expect(page.get_by_role("status").last).to_contain_text("lets O'Moussa have it")
        command = page.locator("pre").inner_text()
        assert "--title 'O'\"'\"'Moussa'" in command
        assert not re.search("private|preshared", page.content(), re.IGNORECASE)
        page.goto(f"{quiet.origin}{asked}yaounde")
        expect(page.get_by_role("alert").last).to_contain_text("no group takes in nurse at yaounde")
        expect(page.locator("pre")).to_have_count(0)
    assert [
        one["name"] for one in quiet.bench.get("/vpn/people", "vpn", name="c-moussa")["items"]
    ] == []


def test_every_page_of_the_vpn_fits_its_screen_and_keeps_nobody_from_using_it(quiet):
    for path in PATHS:
        with quiet.page(path, who="vpn", reduced_motion="reduce") as page:
            expect(page.locator("h1")).to_be_visible()
            assert quiet.looked_through(page) == [], path
            assert quiet.too_wide(page) == [], path


def test_an_administrator_of_one_region_sees_nobody_of_another(quiet):
    with quiet.page("/vpn?state=all", who="northern") as page:
        expect(page.locator("table.people tbody tr")).to_have_count(1)
        assert "ngono" not in page.content().lower()
        assert "oncologist" not in page.content()
        page.goto(f"{quiet.origin}/vpn?search=ngono&state=all")
        expect(page.locator("table.people")).to_have_count(0)
    for path in ("/vpn/people/a-ngono", "/vpn/people/a-ngono/revoke?device=laptop"):
        answers = {
            who: quiet.bench.client.request("GET", path, headers={"who": who}).status_code
            for who in ("vpn", "northern", "viewer")
        }
        assert answers == {"vpn": 200, "northern": 404, "viewer": 403}
    with quiet.page("/vpn/people/b-oumarou", who="analyst") as page:
        expect(page.get_by_role("button", name=re.compile("Withdraw"))).to_have_count(0)
        expect(page.get_by_role("link", name="VPN").first).to_be_visible()
    with quiet.page("/", who="viewer") as page:
        expect(page.get_by_role("link", name="VPN")).to_have_count(0)
        expect(page.get_by_role("link", name="Changes")).to_have_count(0)
