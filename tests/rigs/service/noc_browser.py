"""A real browser at the pages of the NOC, which Debian's Chromium shows."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from accounts.factors.passkeys import RelyingParty
from accounts.roles import Grant
from controller.web import assets
from tests.rigs.service.api_bench import SPUR, ApiBench, api_bench

CHROMIUM: Final = "/usr/bin/chromium-headless-shell"
# Looks for what keeps people from using a page; the set-up copies it beside what pages load.
AXE: Final = Path(assets.__file__).parent / "vendor" / "axe.js.test"


@dataclass
class NocBrowser:
    """A browser, the API that it speaks to, and everything that it complained of."""

    browser: Browser
    bench: ApiBench
    complaints: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.bench.client.port}"

    @contextmanager
    def page(self, path: str, who: str | None = "ngono", **options: Any) -> Iterator[Page]:
        """Open a page as somebody; what its scripts complain of is noted."""
        headers = {"who": who} if who else {}
        context = self.browser.new_context(extra_http_headers=headers, **options)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        try:
            page.goto(f"{self.origin}{path}")
            yield page
        finally:
            context.close()

    def _note(self, message: Any) -> None:
        # What the server refuses is told by the page, and by the browser once more.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


@contextmanager
def noc_browser(
    grants: Mapping[str, tuple[Grant, ...]], folder: Path = SPUR
) -> Iterator[NocBrowser]:
    """Give a browser at a running API with its pages."""
    with create_server(("127.0.0.1", 0)) as door, sync_playwright() as playwright:
        party = RelyingParty("localhost", "NOC", (f"http://localhost:{door.getsockname()[1]}",))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            with api_bench(grants, folder, party, fd=door.fileno()) as bench:
                yield NocBrowser(browser, bench)
        finally:
            browser.close()
