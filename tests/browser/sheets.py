"""Takes sheets of the NOC's pages in docs/img/sheets: `python -m tests.browser.sheets [NAME ...]`.

A sheet shows one page on a telephone, a laptop and a wall, light above and dark below, so that
whoever changed something sees at once what it did everywhere.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.pictures import CALL, IMAGES, country, give_access, measured, placed
from tests.rigs.service.changing_office import changing_office

SHEETS: Final = IMAGES / "sheets"
# Of a screen in pixels, and how wide it is on the sheet.
SCREENS: Final = (((360, 780), 240), ((1440, 900), 720), ((3840, 2160), 960))
SCHEMES: Final = ("light", "dark")
_GAP: Final = 16
_GROUND: Final = (128, 128, 128)
_WITHIN_MS: Final = 60_000
Opened: TypeAlias = Callable[..., AbstractContextManager[Page]]
COUNTRY: Final = (
    ("overview", "/"),
    ("wall", "/wall"),
    ("incident", "/incidents/1"),
    ("what-if", "/topology?failed=provider:lte-operator,site:bafoussam"),
)
MEASURED: Final = (("site", "/sites/kolofata"), ("consultation", CALL))


def shots(opened: Opened, path: str) -> Iterator[Image.Image]:
    """Yield a page on every screen, light first, as large as it is on the sheet."""
    for scheme in SCHEMES:
        for (width, height), shown in SCREENS:
            options: dict[str, Any] = {"viewport": {"width": width, "height": height}}
            with opened(path, color_scheme=scheme, reduced_motion="reduce", **options) as page:
                _settled(page)
                taken = Image.open(BytesIO(page.screenshot())).convert("RGB")
            yield taken.resize((shown, round(height * shown / width)), Image.Resampling.LANCZOS)


def _settled(page: Page) -> None:
    expect(page.locator("#live")).to_have_text("live", timeout=_WITHIN_MS)
    if page.locator("#map").count():
        expect(page.locator("#map path.land").first).to_be_attached(timeout=_WITHIN_MS)
    if page.locator("#charts").count():
        expect(page.locator(".chart canvas").first).to_be_visible(timeout=_WITHIN_MS)


def write_sheet(name: str, taken: list[Image.Image]) -> None:
    """Lay the pictures of a page side by side, a row for each scheme."""
    rows = [taken[at : at + len(SCREENS)] for at in range(0, len(taken), len(SCREENS))]
    width = sum(one.width + _GAP for one in rows[0]) + _GAP
    height = sum(max(one.height for one in row) + _GAP for row in rows) + _GAP
    sheet, top = Image.new("RGB", (width, height), _GROUND), _GAP
    for row in rows:
        left = _GAP
        for one in row:
            sheet.paste(one, (left, top))
            left += one.width + _GAP
        top += max(one.height for one in row) + _GAP
    SHEETS.mkdir(exist_ok=True)
    sheet.save(SHEETS / f"{name}.webp", quality=85, method=6)
    print(f"wrote docs/img/sheets/{name}.webp")  # noqa: T201


def take(opened: Opened, pages: Iterable[tuple[str, str]]) -> None:
    """Take the sheets of pages that were asked for."""
    for name, path in pages:
        if name in sys.argv[1:] or len(sys.argv) == 1:
            write_sheet(name, list(shots(opened, path)))


def take_changes() -> None:
    """Take the sheets of a plan that waits for approval, and of a stolen tablet."""
    with TemporaryDirectory() as scratch, changing_office(Path(scratch)) as office:
        give_access()
        office.renumber(65010)
        number = office.planned()["number"]
        office.author.send("POST", f"/plans/{number}/approval")

        def opened(path: str, **options: Any) -> AbstractContextManager[Page]:
            person = office.colleague if path.startswith("/changes") else office.author
            return office.noc.page_of(person, path, **options)

        tablet = "/vpn/people/a-ngono/revoke?device=tablet"
        take(opened, (("change", f"/changes/plans/{number}"), ("vpn", tablet)))
        assert office.noc.complaints == [], office.noc.complaints


def main() -> None:
    """Take all sheets, or those that are named."""
    for network, pages in ((country, COUNTRY), (measured, MEASURED)):
        with network() as noc:
            take(
                partial(noc.page, who="a.ngono"),
                [(name, placed(noc, path)) for name, path in pages],
            )
            assert noc.complaints == [], noc.complaints
    take_changes()


if __name__ == "__main__":
    main()
