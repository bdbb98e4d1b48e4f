"""Takes the pictures of the NOC's pages in docs/img: `python -m tests.browser.pictures [NAME ...]`.

They show the country with some circuits cut and two consultations, by the service itself.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.sync_api import expect

from accounts.roles import Grant
from controller.incidents.model import Consultation, Health
from controller.roles import Role
from inventory.country.intent_folder import write_national
from tests.rigs.service.browser import first_administrator, invited
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
TELEPHONE: Final = {"width": 390, "height": 844}
PICTURES: Final = (
    ("noc-overview", "/", {"viewport": WIDE}),
    ("noc-telephone", "/", {"viewport": TELEPHONE}),
    ("noc-incident", "/incidents/1", {"viewport": WIDE}),
    ("noc-accounts", "/administration/accounts", {"viewport": WIDE}),
    ("noc-handover", "/handover", {"viewport": WIDE}),
    ("noc-wall", "/wall", {"viewport": {"width": 1920, "height": 1080}, "color_scheme": "dark"}),
)


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
            now_s = noc.bench.clock()
            calls = [
                Consultation(f"c{n}", sites, running=True, sequence=1, at_s=now_s)
                for n, sites in enumerate(CALLS)
            ]
            noc.bench.engine.submit(*calls)
            chief = first_administrator(noc.bench)
            for name, role, scope in PEOPLE:
                invited(noc.bench, chief, name, role, scope)
            yield noc


def take(noc: NocBrowser, name: str, path: str, options: dict[str, Any]) -> None:
    """Take one picture, once the page is live."""
    with noc.page(path, who="a.ngono", reduced_motion="reduce", **options) as page:
        page.wait_for_load_state()
        if page.locator("#live").count():
            expect(page.locator("#live")).to_have_text("live", timeout=30_000)
        if page.locator("#map").count():
            expect(page.locator("#map path.land").first).to_be_attached(timeout=30_000)
        page.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    """Take all pictures, or those that are named."""
    chosen = [one for one in PICTURES if one[0] in sys.argv[1:] or len(sys.argv) == 1]
    with country() as noc:
        for name, path, options in chosen:
            take(noc, name, path, dict(options))
            print(f"wrote docs/img/{name}.png")  # noqa: T201
        assert noc.complaints == [], noc.complaints


if __name__ == "__main__":
    main()
