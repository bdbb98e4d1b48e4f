"""What a browser loads, how soon it is of use, and what changes cost it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from time import perf_counter
from typing import Any, Final

from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

from simulations.netns.waiting import pause
from tests.bench.measure import Figure, figure, once
from tests.bench.screens.server import WHO, CountryServer, Stopwatch, family
from tests.rigs.service.noc_browser import CHROMIUM

# A line of 1 Mbit/s with 150 ms, as Chromium emulates it: octets a second, and ms.
_LINE: Final = {"offline": False, "latency": 150, "downloadThroughput": 125_000}
_LINE_UP: Final = {"uploadThroughput": 125_000}
_LIVE_WITHIN_MS: Final = 60_000
_PER_S: Final = 10
_PAINTED: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
HEALTHS: Final = ("degraded", "ok")


@contextmanager
def chromium() -> Iterator[tuple[Browser, tuple[int, ...]]]:
    """Give a browser, and the processes of which it consists."""
    with sync_playwright() as playwright:
        before = set(family(os.getpid()))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            browser.new_page().close()
            yield browser, tuple(set(family(os.getpid())) - before)
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, address: str = "about:blank") -> Iterator[tuple[Page, CDPSession]]:
    """Give a page of a browser without a cache, and its developer's session."""
    context = browser.new_context(
        extra_http_headers={"who": WHO}, viewport={"width": 1440, "height": 900}
    )
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    page.goto(address)
    try:
        yield page, session
    finally:
        context.close()


class Octets:
    """Octets that came over the line, heads and all, as the browser counts them."""

    def __init__(self, session: CDPSession) -> None:
        self.total = 0.0
        session.on("Network.dataReceived", self._data)
        session.on("Network.responseReceived", self._head)

    def _data(self, event: dict[str, Any]) -> None:
        self.total += event["encodedDataLength"]

    def _head(self, event: dict[str, Any]) -> None:
        self.total += event["response"]["encodedDataLength"]


def loading(
    server: CountryServer,
    browser: Browser,
    path: str,
    limits: tuple[float, float | None],
    runs: int,
) -> Iterator[Figure]:
    """Measure the first load of a page: octets, and seconds until it is of use on a thin line.

    It is of use when what is wrong and the list are painted; live, when the stream is read, too.
    """
    sizes, seconds, live = [], [], []
    for _ in range(runs):
        with opened(browser) as (page, session):
            octets = Octets(session)
            session.send("Network.emulateNetworkConditions", {**_LINE, **_LINE_UP})
            began_s = perf_counter()
            page.goto(f"{server.origin}{path}", wait_until="commit")
            expect(page.locator("#live")).to_have_text("live", timeout=_LIVE_WITHIN_MS)
            live.append(perf_counter() - began_s)
            seconds.append(page.evaluate(_PAINTED) / 1000)
            page.wait_for_load_state("networkidle") if path != "/" else _map_drawn(page)
            sizes.append(octets.total / 1000)
    yield figure(f"first load of {path}", sizes, limits[0], "kB")
    yield figure(f"{path} usable on 1 Mbit/s and 150 ms", seconds, limits[1])
    yield figure(f"{path} live on 1 Mbit/s and 150 ms", live, None)


def _map_drawn(page: Page) -> None:
    expect(page.locator("#map path.land").first).to_be_attached(timeout=_LIVE_WITHIN_MS)


def changing(
    server: CountryServer, browser: Browser, pids: tuple[int, ...], for_s: int
) -> Iterator[Figure]:
    """Measure ten changes a second: the browser's work, octets, and changes that are missing."""
    with opened(browser, server.origin) as (page, session):
        expect(page.locator("#live")).to_have_text("live", timeout=_LIVE_WITHIN_MS)
        page.wait_for_load_state("networkidle")
        octets, watch, wanted = Octets(session), Stopwatch(tuple(set(pids) | _now(pids))), {}
        watch.start()
        began_s = perf_counter()
        for number in range(for_s * _PER_S):
            site, health = server.sites[(number * 7) % len(server.sites)], HEALTHS[number % 2]
            server.publish([(site, health)])
            wanted[site] = health
            pause(max(0.0, began_s + (number + 1) / _PER_S - perf_counter()))
        seconds = perf_counter() - began_s
        share = watch.share()
        # The browser's own messages are heard while it is asked something.
        page.wait_for_timeout(2_000)
        kilobytes = octets.total / 1000 / seconds
        missed = _missed(page, wanted)
    yield once("browser's work at 10 changes a second", share * 100, 30, "% of a core")
    yield once("traffic at 10 changes a second", kilobytes, 5, "kB/s")
    yield once("changes missed at 10 a second", missed, 0, "changes")


def _now(pids: tuple[int, ...]) -> set[int]:
    """Return the processes of a browser as they are now: each page has one of its own."""
    return {one for pid in pids for one in family(pid)}


def _missed(page: Page, wanted: dict[str, str]) -> int:
    shown = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('#sites tbody tr')]"
        ".map((row) => [row.dataset.site, row.dataset.health]))"
    )
    return sum(shown.get(site) != health for site, health in wanted.items())


def memory(server: CountryServer, browser: Browser, per_hour: int) -> Iterator[Figure]:
    """Measure how much more a page holds after eight simulated hours than after the first one."""
    numbers, held = count(), []
    with opened(browser, server.origin) as (page, session):
        expect(page.locator("#live")).to_have_text("live", timeout=_LIVE_WITHIN_MS)
        for _ in range(8):
            for _ in range(per_hour // 100):
                server.publish([_change(server, next(numbers)) for _ in range(100)])
                page.wait_for_timeout(50)
            held.append(_heap(page, session))
    growth = (held[-1] / held[0] - 1) * 100
    yield once("heap after 8 simulated hours, more than after the first", growth, 10, "%")


def _change(server: CountryServer, number: int) -> tuple[str, str]:
    return server.sites[(number * 7) % len(server.sites)], HEALTHS[number // 429 % 2]


def _heap(page: Page, session: CDPSession) -> float:
    """Return what scripts of a page hold, in octets, once nothing is left to collect."""
    page.wait_for_timeout(3_000)
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"])
