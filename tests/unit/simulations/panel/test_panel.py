"""The laboratory's page in a browser; what it shows of a call, and the link that signs in once."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from accounts.errors import SignInRefusedError
from accounts.factors.throttle import Visitor
from accounts.factors.totp import STEP_S
from accounts.roles import Grant
from accounts.signing_in.second_factors import TotpCode
from accounts.signing_in.sign_in import check_password_step, second_step
from controller.load import load
from controller.roles import Role
from simulations.lab.flows import Report
from simulations.lab.lab import Lab
from simulations.netns.design import draw_blueprint
from simulations.netns.links import CircuitState
from simulations.netns.registry import lab_folder
from simulations.panel.live_call import KEPT_S, HeardSecond, LiveCall, worst_seconds
from simulations.panel.page import Panel, add_panel, call_picture
from simulations.panel.way_in import NAME, make_way_in
from simulations.traffic import Second
from tests.rigs.service.api_bench import SPUR
from tests.rigs.service.noc_browser import AXE, noc_browser

WITHIN_MS = 20_000
FIBRE = "mora-kolofata-fibre"
GRANTS = {
    "engineer": (Grant(Role.NETWORK_ENGINEER, ""),),
    "viewer": (Grant(Role.VIEWER, ""),),
}
BETWEEN = ("kolofata", "yaounde")


class Lines:
    """Circuits that remember what was done to them, as a laboratory's would."""

    def __init__(self, wires):
        self.now = {
            one.circuit: CircuitState(one.circuit, up=True, ab=one.ab, ba=one.ba) for one in wires
        }

    def states(self):
        return dict(self.now)

    def set_carrier(self, wire, *, up):
        self.now[wire.circuit] = replace(self.now[wire.circuit], up=up)

    def impair(self, wire, changes):
        self.now[wire.circuit] = replace(self.now[wire.circuit], **changes)

    def start(self, wires):
        raise NotImplementedError

    def weather(self, circuit, weather):
        raise NotImplementedError


def no_call():
    raise AssertionError("no call is begun here")


@pytest.fixture(scope="module")
def noc():
    intent = load(SPUR).intent
    blueprint = draw_blueprint(intent)
    lines = Lines(blueprint.wires)
    lab = Lab(lab_folder(intent.network.name), blueprint, lines, netem=False)
    with noc_browser(GRANTS) as made:
        way_in = make_way_in(made.bench.realm, made.bench.clock())
        panel = Panel(lab, intent, LiveCall(no_call), BETWEEN, way_in)
        add_panel(made.bench.application, panel)
        yield made, panel


def heard(at_s, source, lost, delay_ms=20.0):
    second = Second(int(at_s), 50, 50 - lost, lost, 0.0, delay_ms, delay_ms, 1.0)
    return (at_s, Report(source, "other", second))


def test_the_link_signs_in_once_and_the_page_cuts_and_mends(noc):
    browser, panel = noc
    path = panel.way_in.link.removeprefix(panel.way_in.origin)
    with browser.page(path, who=None) as page:
        page.wait_for_url(f"{browser.origin}/")
        page.goto(f"{browser.origin}/laboratory")
        page.get_by_role("button", name=f"Cut: {FIBRE}").click()
        row = page.get_by_role("row", name=FIBRE)
        expect(row).to_contain_text("✕ cut", timeout=WITHIN_MS)
        assert not panel.lab.links.states()[FIBRE].up
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.evaluate(AXE.read_text())
            found = page.evaluate("async () => (await axe.run()).violations")
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
        for name in ("Swallow silently: kolofata-leo", "Lose 5 %: kolofata-lte"):
            page.get_by_role("button", name=name).click()
        expect(page.get_by_role("row", name="kolofata-lte")).to_contain_text("loses 5 %")
        assert panel.lab.links.states()["kolofata-leo"].ab.hole
        page.get_by_role("button", name="Mend all").click()
        expect(page.get_by_role("button", name=f"Cut: {FIBRE}")).to_be_visible(timeout=WITHIN_MS)
        assert all(one.carries for one in panel.lab.links.states().values())
        assert path.partition("#")[2] not in page.evaluate(
            "JSON.stringify(history.state) + location"
        )
        for width in (360, 3840):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            )
    with browser.page(path, who=None) as page:
        expect(page.get_by_role("alert").filter(has_text="used already")).to_be_visible()
        page.goto(f"{browser.origin}/laboratory")
        assert "/sign-in" in page.url


def test_what_the_page_says_signs_in_elsewhere(noc):
    browser, panel = noc
    realm, now_s = browser.bench.realm, browser.bench.clock() + STEP_S
    begun = check_password_step(realm, NAME, panel.way_in.password, Visitor("127.0.0.1"), now_s)
    code = TotpCode(panel.way_in.code(now_s))
    assert second_step(realm, begun.token.text, code, Visitor("127.0.0.1"), now_s).session


def test_a_service_that_is_started_again_lets_in_by_another_link_and_password(noc):
    browser, panel = noc
    realm, now_s = browser.bench.realm, browser.bench.clock() + 10 * STEP_S
    again = make_way_in(realm, now_s)
    assert again.take(again.token)
    assert again.link != panel.way_in.link
    here = Visitor("127.0.0.1")
    with pytest.raises(SignInRefusedError):
        check_password_step(realm, NAME, panel.way_in.password, here, now_s)
    assert check_password_step(realm, NAME, again.password, here, now_s)


def ask(browser, who, body):
    headers = {"who": who, "Content-Type": "application/x-www-form-urlencoded"}
    headers["Origin"] = browser.origin
    return browser.bench.client.request("POST", "/laboratory", headers=headers, content=body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"act=cut&circuit=nowhere", "there is no circuit &#39;nowhere&#39;"),
        (b"act=explode&circuit=kolofata-lte", "&#39;explode&#39; is no act"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(noc, body, words):
    browser, _ = noc
    assert words in ask(browser, "engineer", body).text


def test_who_only_looks_cuts_nothing(noc):
    browser, panel = noc
    assert ask(browser, "viewer", f"act=cut&circuit={FIBRE}".encode()).status_code == 403
    assert panel.lab.links.states()[FIBRE].up


def test_a_second_is_shown_as_the_end_that_lost_more_heard_it():
    found = worst_seconds(
        [heard(1.0, "a", 0), heard(1.0, "b", 7, 90.0), heard(2.0, "a", 0), heard(0.5, "a", 50)], 1.0
    )
    assert [(one.at_s, one.lost, one.delay_ms) for one in found] == [(1.0, 7, 90.0), (2.0, 0, 20.0)]
    assert found[0].share_lost == 7 / 50


def test_the_picture_has_a_bar_for_what_was_lost_and_a_line_for_what_came():
    drawn = call_picture([HeardSecond(8.0, 50, 50, None), HeardSecond(9.0, 50, 0, 200.0)])
    assert [bar["height"] for bar in drawn["bars"]] == [100]
    assert drawn["bars"][0]["x"] == drawn["width"] - 2 * drawn["step"]
    assert drawn["line"] == f"{drawn['width'] - drawn['step'] / 2:.1f},50.0"
    assert call_picture([])["line"] == ""
    assert drawn["width"] == KEPT_S * drawn["step"]
