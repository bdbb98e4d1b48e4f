"""Recipes of the pages do what they say, followed in a browser as they are written."""

import pytest

from accounts.roles import Grant
from controller.access import gateways
from controller.incidents.model import Health
from controller.keys.signing import signing_key
from controller.roles import Role
from inventory.errors import UnreachableError
from tests.docs_page import DOCS
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.documents.follow import RecipeError
from tests.rigs.documents.screen import (
    Reader,
    Readers,
    follow_on_screen,
    follow_text,
    screen_steps,
)
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from tests.rigs.people.roster_drivers import REACHED, RosterDriver
from tests.rigs.service.changing_office import changing_office
from tests.rigs.service.noc_browser import noc_browser

FIBRE, ENDS = "mora-kolofata-fibre", ("mora-r1", "kolofata-r1")
TELEPHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def recipe(page):
    return DOCS / "recipes" / f"{page}.md"


def test_an_operator_answers_an_incident_as_the_recipe_says():
    with noc_browser({"ngono": (Grant(Role.NOC_OPERATOR, ""),)}) as noc:
        noc.bench.hear(FIBRE, Health.DOWN, *ENDS)
        mended = {"the fibre flows again": lambda: noc.bench.hear(FIBRE, Health.OK, *ENDS)}
        with noc.page("/healthz") as page:
            assert follow_on_screen(
                recipe("answer-an-incident"), Readers(noc.origin, Reader(page), meanwhile=mended)
            )


def test_engineers_have_a_change_approved_as_the_recipe_says(tmp_path):
    with changing_office(tmp_path) as office:
        edited = {"has edited the intent folder": lambda: office.renumber(65010)}
        before = office.running()
        with (
            office.noc.page_of(office.author, "/") as mine,
            office.noc.page_of(office.colleague, "/") as hers,
        ):
            readers = Readers(
                office.noc.origin, Reader(mine), Reader(hers, office.colleague.code), edited
            )
            assert follow_on_screen(recipe("have-a-change-approved"), readers)
        assert office.running() == before


def test_a_tablet_is_withdrawn_from_a_telephone_as_the_recipe_says(tmp_path):
    state = tmp_path / "state"
    place_fresh_records(state)
    registrar = make_registrar(state, REACHED)
    for device in ("tablet", "laptop"):
        registrar.add(NGONO, device, ACT, nowhere)
    registrar.close()
    drivers = {
        name: RosterDriver(name, signing_key(state).public_key())
        for name in ("yaounde-e1", "douala-e1")
    }
    drivers["douala-e1"].fault = UnreachableError("douala-e1", "no connection")
    back = {"When it is reached again": lambda: setattr(drivers["douala-e1"], "fault", None)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANAGA_STATE_DIR", str(state))
        patch.setattr(gateways, "connector", lambda *_: drivers.__getitem__)
        with (
            noc_browser({"vpn": (Grant(Role.VPN_ADMINISTRATOR, ""),)}) as noc,
            noc.page("/healthz", who="vpn", **TELEPHONE) as page,
        ):
            assert follow_on_screen(
                recipe("withdraw-a-tablet-on-the-screen"),
                Readers(noc.origin, Reader(page), meanwhile=back),
            )
    assert [driver.admitted() for driver in drivers.values()] == [1, 1]


HERE = "<label>Name <input></label><button>Go on</button><p>All is well</p>"
RIGHT = (
    "# Page\n\n1. Write “x” into **Name**,\n   and press **Go on**. The page reads “All…well”.\n"
)


@pytest.fixture(scope="module")
def blank():
    with noc_browser({"ngono": (Grant(Role.VIEWER, ""),)}) as noc, noc.page("/healthz") as page:
        page.set_content(HERE)
        yield Readers(noc.origin, Reader(page), within_ms=200)


def test_a_right_page_is_followed_act_by_act(blank):
    assert screen_steps(RIGHT) == (
        "Write “x” into **Name**, and press **Go on**. The page reads “All…well”.",
    )
    assert follow_text(RIGHT, blank) == 3


@pytest.mark.parametrize(
    ("old", "new"), [("Name", "Title"), ("Go on", "Stop"), ("All…well", "All is lost")]
)
def test_control_a_page_that_is_wrong_fails(blank, old, new):
    with pytest.raises(RecipeError, match=new):
        follow_text(RIGHT.replace(old, new), blank)
