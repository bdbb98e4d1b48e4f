"""Takes the picture of the laboratory's page in docs/img, while a call goes on and a fibre is cut.

Run as root: `python -m tests.browser.laboratory_picture`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.sync_api import Page, expect, sync_playwright

from simulations.demo.noc import announce_call, running_service, wait_heard
from simulations.demo.stage import Stage, raised_lab
from tests.browser.pictures import keep
from tests.rigs.service.noc_browser import CHROMIUM

PICTURE: Final = "noc-laboratory"
_FIBRE: Final = "mora-kolofata-fibre"
_CONVERGED_WITHIN_S: Final = 120.0
_WITHIN_MS: Final = 120_000
# So much of the call is in the picture, with the cut in it.
_BEFORE_MS: Final = 75_000
_AFTER_MS: Final = 30_000


def take(page: Page, link: str) -> None:
    """Cut a fibre under a call, and take the picture half a minute later."""
    page.goto(link)
    page.wait_for_url("**/")
    page.goto(page.url + "laboratory")
    page.wait_for_timeout(_BEFORE_MS)
    page.get_by_role("button", name=f"Cut: {_FIBRE}").click()
    expect(page.get_by_role("row", name=_FIBRE)).to_contain_text("✕", timeout=_WITHIN_MS)
    page.wait_for_timeout(_AFTER_MS)
    keep(page, PICTURE)


def _call_runs(stage: Stage) -> None:
    stage.apply("all", stage.plan())
    stage.lab.wait_converged(_CONVERGED_WITHIN_S)


def main() -> None:
    """Build a laboratory, open its page, and take the picture."""
    with TemporaryDirectory(prefix="sanaga-picture-") as folder, raised_lab(Path(folder)) as stage:
        _call_runs(stage)
        with running_service(stage) as noc, sync_playwright() as playwright:
            wait_heard(stage)
            announce_call(stage, noc)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            take(browser.new_page(viewport={"width": 1440, "height": 900}), noc.link)
            browser.close()


if __name__ == "__main__":
    main()
