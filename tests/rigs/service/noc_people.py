"""People with accounts at the pages of the NOC: Chromium with the session of a test's browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

from tests.rigs.service.browser import Browser
from tests.rigs.service.noc_browser import NocBrowser


@contextmanager
def page_of(noc: NocBrowser, person: Browser, path: str, **options: Any) -> Iterator[Page]:
    """Open a page in the session of a person; where the page renews it, the person loses it."""
    with noc.page("/sign-in", who=None, **options) as page:
        jar = [
            {"name": name, "value": value, "url": noc.origin} for name, value in person.jar.items()
        ]
        page.context.add_cookies(jar)  # type: ignore[arg-type]
        page.goto(f"{noc.origin}{path}")
        yield page


def give_code(page: Page, person: Browser) -> None:
    """Give the code of a person's app where the second factor is asked for again."""
    page.get_by_label("Code of your authenticator app").fill(person.code())
    page.get_by_role("button", name="Go on").click()
