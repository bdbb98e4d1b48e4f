"""Takes the pictures of the NOC's pages in docs/img: `python -m tests.browser.pictures [NAME ...]`.

They show the country with some circuits cut and two consultations, by the service itself.
"""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Page, expect

from accounts.roles import Grant
from controller.environment import state_dir
from controller.incidents.model import Consultation, Health
from controller.roles import Role
from inventory.country.intent_folder import write_national
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from tests.rigs.people.roster_drivers import REACHED
from tests.rigs.service.api_bench import ApiBench
from tests.rigs.service.browser import Browser as Person
from tests.rigs.service.browser import first_administrator, invited
from tests.rigs.service.changing_office import ChangingOffice, changing_office
from tests.rigs.service.measured_past import MeasuredPast, give_past
from tests.rigs.service.noc_browser import NocBrowser, noc_browser
from tests.sanaga_process import ROOT

IMAGES: Final = ROOT / "docs" / "img"
GRANTS: Final = {"a.ngono": (Grant(Role.ADMINISTRATOR, ""),)}
PEOPLE: Final = (
    ("b.eto", Role.ADMINISTRATOR, ""),
    ("m.sali", Role.NOC_OPERATOR, "yaounde/maroua"),
    ("p.kenne", Role.NETWORK_ENGINEER, "yaounde/douala"),
    ("s.bella", Role.VPN_ADMINISTRATOR, ""),
)
CUT: Final = ("bertoua-mbere-fibre-r3", "mezam-bamenda-2nd-fibre", "donga-mantung-ako-microwave")
CALLS: Final = (("kolofata", "yaounde"), ("ngaoundere", "douala"))
WIDE: Final = {"width": 1440, "height": 900}
LOW: Final = {"width": 1440, "height": 520}
TELEPHONE: Final = {"width": 390, "height": 844}
DARK: Final = {"color_scheme": "dark"}
# The page of the one consultation that was held.
CALL: Final = "/consultations/*"
PICTURES: Final = (
    ("noc-overview", "/", {"viewport": WIDE}),
    ("noc-telephone", "/", {"viewport": TELEPHONE}),
    ("noc-incident", "/incidents/1", {"viewport": WIDE}),
    ("noc-accounts", "/administration/accounts", {"viewport": WIDE}),
    ("noc-handover", "/handover", {"viewport": WIDE}),
    ("noc-wall", "/wall", {"viewport": {"width": 1920, "height": 1080}, "color_scheme": "dark"}),
    ("noc-what-if", "/topology?failed=provider:lte-operator,site:bafoussam", {"viewport": WIDE}),
    (
        "noc-what-if-dark",
        "/topology?failed=provider:lte-operator,site:bafoussam",
        {"viewport": WIDE, **DARK},
    ),
    ("noc-what-if-telephone", "/topology?within=maroua&failed=site:mora", {"viewport": TELEPHONE}),
)
# The laboratory's network has edges, which measure.
MEASURED: Final = (
    ("noc-device", "/devices/kolofata-e1", {"viewport": WIDE}),
    ("noc-site", "/sites/kolofata", {"viewport": {"width": 1440, "height": 1000}}),
    ("noc-consultation", CALL, {"viewport": {"width": 1440, "height": 1000}}),
)
WAYS: Final = ("kolofata-fibre", "kolofata-leo")


@contextmanager
def country() -> Iterator[NocBrowser]:
    """Give a browser at the whole country, some of which is not well."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, "cameroon")
        write_national(folder)
        with noc_browser(GRANTS, folder) as noc:
            circuits = noc.bench.context.intent.circuits
            for name in CUT:
                ends = (circuits[name].a, circuits[name].b)
                noc.bench.hear(name, Health.DOWN, *(end.device for end in ends if end))
            for sites in CALLS:
                begin(noc.bench, announce(noc.bench, sites), sites)
            chief = first_administrator(noc.bench)
            for name, role, scope in PEOPLE:
                invited(noc.bench, chief, name, role, scope)
            yield noc


@contextmanager
def measured() -> Iterator[NocBrowser]:
    """Give a browser at a network whose edges measured for a day."""
    with noc_browser(GRANTS) as noc:
        give_past(noc.bench, MeasuredPast("yaounde-e1", WAYS))
        hold_consultation(noc.bench)
        yield noc


def announce(bench: ApiBench, sites: tuple[str, str]) -> str:
    """Announce a consultation that begins now; return its name."""
    body = {
        "sites": list(sites),
        "begins_at": datetime.fromtimestamp(bench.clock(), UTC).isoformat(),
        "minutes": 30,
    }
    made = bench.client.request(
        "POST", "/api/v1/consultations", headers={"who": "a.ngono"}, body=body
    )
    assert made.status_code == 201, made.text
    return str(made.json()["name"])


def begin(bench: ApiBench, name: str, sites: tuple[str, str]) -> None:
    """Let incidents know at once that a consultation runs; the service looks every few seconds."""
    said = Consultation(name, sites, running=True, sequence=1, at_s=bench.clock())
    bench.engine.submit(said)


def hold_consultation(bench: ApiBench) -> None:
    """Announce a consultation, and let it be over; it is the only one."""
    announce(bench, CALLS[0])
    bench.clock.ahead_s += 32 * 60


def placed(noc: NocBrowser, path: str) -> str:
    """Return a path with the name of the one consultation that was held."""
    if path != CALL:
        return path
    (held,) = noc.bench.get("/consultations", "a.ngono", state="past")["items"]
    return path.replace("*", held["name"])


def keep(page: Page, name: str) -> None:
    """Write what a page shows as a picture, in a third of the octets of a PNG."""
    taken = Image.open(BytesIO(page.screenshot())).convert("RGB")
    taken.save(IMAGES / f"{name}.webp", quality=88, method=6)
    print(f"wrote docs/img/{name}.webp")  # noqa: T201


def take(noc: NocBrowser, name: str, path: str, options: dict[str, Any]) -> None:
    """Take one picture, once the page is live."""
    with noc.page(placed(noc, path), who="a.ngono", reduced_motion="reduce", **options) as page:
        page.wait_for_load_state()
        if page.locator("#live").count():
            expect(page.locator("#live")).to_have_text("live", timeout=30_000)
        if page.locator("#map").count():
            expect(page.locator("#map path.land").first).to_be_attached(timeout=30_000)
        if page.locator("#charts").count():
            expect(page.locator(".chart canvas").first).to_be_visible(timeout=30_000)
        keep(page, name)


def take_changes() -> None:
    """Take the pictures of a plan that waits, an apply that goes on, and a stolen tablet."""
    with TemporaryDirectory() as scratch, changing_office(Path(scratch)) as office:
        give_access()
        office.renumber(65010)
        plan, author = office.planned(), office.author
        path = f"/changes/plans/{plan['number']}"
        asked = author.send("POST", f"/plans/{plan['number']}/approval").json()["approval"]
        take_of(office, office.colleague, "noc-plan", path)
        proof = {"digest": plan["digest"], "totp": office.colleague.code()}
        office.colleague.send("POST", f"/approvals/{asked}/approve", proof)
        office.mute(mute=True)
        body = {"digest": plan["digest"], "approval": asked}
        begun = author.send("POST", f"/plans/{plan['number']}/apply", body).json()
        going = f"/changes/operations/{begun['id']}"
        take_of(office, author, "noc-apply", going, color_scheme="dark", viewport=LOW)
        office.mute(mute=False)
        assert office.noc.bench.changes.operations.wait(begun["id"], 120)
        tablet = "/vpn/people/a-ngono/revoke?device=tablet"
        take_of(office, author, "noc-vpn-withdraw", tablet, viewport=TELEPHONE)
        assert office.noc.complaints == [], office.noc.complaints


def give_access() -> None:
    """Let a doctor have two devices, in the state folder of the service that runs."""
    with closing(make_registrar(state_dir(), REACHED)) as registrar:
        for device in ("tablet", "laptop"):
            registrar.add(NGONO, device, ACT, nowhere)


def take_of(office: ChangingOffice, person: Person, name: str, path: str, **options: Any) -> None:
    """Take a picture as somebody who has signed in, once the page is live."""
    given = {"viewport": WIDE, "reduced_motion": "reduce", **options}
    with office.noc.page_of(person, path, **given) as page:
        expect(page.locator("#live")).to_have_text("live", timeout=30_000)
        keep(page, name)


def main() -> None:
    """Take all pictures, or those that are named."""
    if len(sys.argv) == 1:
        take_changes()
    for network, pictures in ((country, PICTURES), (measured, MEASURED)):
        chosen = [one for one in pictures if one[0] in sys.argv[1:] or len(sys.argv) == 1]
        if not chosen:
            continue
        with network() as noc:
            for name, path, options in chosen:
                take(noc, name, path, dict(options))
            assert noc.complaints == [], noc.complaints


if __name__ == "__main__":
    main()
