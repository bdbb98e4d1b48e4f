"""Screens of sanaga watch, driven by keys as a person would."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from textual.widgets import DataTable, Static

from controller.watch.app import OverviewScreen, Watch
from controller.watch.source import Overview
from inventory.errors import NoControllerError

INCIDENT = {
    "number": 7,
    "state": "open",
    "severity": "critical",
    "title": "Fibre [mora-kolofata] is cut",
    "sentence": "Both ends lost light while their devices answer.",
    "cause": "fibre-cut",
    "opened_at": "2026-11-30T09:00:00Z",
    "ended_at": None,
    "sites": ["kolofata"],
    "cut_off": [],
    "people": 31_000,
    "facilities": 2,
    "consultations": ["call-1"],
    "evidence": ["mora-r1 eth2 is down"],
    "acknowledged_by": "",
    "assigned_to": "",
    "timeline": [{"at": "2026-11-30T09:00:00Z", "by": "", "kind": "opened", "sentence": "opened"}],
}
SITE = {
    "name": "kolofata",
    "title": "Kolofata",
    "health": "degraded",
    "region": "Far North",
    "level": "arrondissement",
    "parent": "mora",
    "people": 31_000,
    "facilities": ["District hospital"],
    "incidents": [7],
    "devices": [{"name": "kolofata-r1", "health": "ok", "role": "router", "platform": "frr"}],
    "circuits": [{"name": "mora-kolofata-fibre", "health": "down", "medium": "fibre"}],
}


@dataclass
class Facts:
    """A network that stands as a test says."""

    incidents: list[Any] = field(default_factory=lambda: [INCIDENT])
    away: bool = False
    acts: list[Any] = field(default_factory=list)

    def overview(self):
        if self.away:
            raise NoControllerError("controller.sock: no controller answers")
        sentence = "1 incident, 1 consultation protected, 1 site degraded"
        return Overview(sentence, "2026-11-30T09:01:00Z", tuple(self.incidents), (SITE,))

    def incident(self, number):
        assert number == 7
        return INCIDENT

    def site(self, name):
        assert name == "kolofata"
        return SITE

    def act(self, number, kind, **said):
        self.acts.append((number, kind, said))
        return f"incident {number}: done"


def driven(facts, test):
    async def run():
        app = Watch(None, facts)
        async with app.run_test(size=(110, 32)) as pilot:
            await settled(pilot)
            await test(app, pilot)

    asyncio.run(run())


async def settled(pilot):
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def shown(app, name):
    return str(app.screen.query_one(name, Static).render())


def test_the_overview_says_in_a_sentence_and_in_lists_what_is_wrong():
    async def test(app, pilot):
        assert shown(app, "#sentence").startswith("1 incident, 1 consultation protected")
        incidents = app.screen.query_one("#incidents", DataTable)
        cells = [str(cell) for cell in incidents.get_row("7")]
        assert cells[:6] == ["7", "■ critical", INCIDENT["title"], "1", "31,000", "1"]
        # 09:00 UTC is 10:00 in Douala.
        assert cells[6] == "30 Nov 10:00:00"
        assert app.screen.query_one("#sites", DataTable).get_row("kolofata")[1] == "degraded"

    driven(Facts(), test)


def test_keys_acknowledge_mute_and_comment_the_incident_under_the_cursor():
    facts = Facts()

    async def test(_app, pilot):
        await pilot.press("a", "m")
        await settled(pilot)
        await pilot.press("c")
        await pilot.press(*"splice", "enter")
        await settled(pilot)

    driven(facts, test)
    assert sorted(facts.acts, key=str) == [
        (7, "acknowledge", {}),
        (7, "comment", {"text": "splice"}),
        (7, "mute", {"for_s": 3600}),
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            ["enter"],
            ["Fibre [mora-kolofata] is cut", "Both ends lost light", "mora-r1 eth2 is down"],
        ),
        (["tab", "enter"], ["Kolofata (kolofata): degraded", "mora-kolofata-fibre: down (fibre)"]),
    ],
)
def test_enter_opens_what_the_cursor_is_on_and_escape_leads_back(keys, expected):
    async def test(app, pilot):
        await pilot.press(*keys)
        await settled(pilot)
        text = shown(app, "#detail")
        assert [part for part in expected if part not in text] == []
        await pilot.press("escape")
        assert isinstance(app.screen, OverviewScreen)

    driven(Facts(), test)


def test_a_controller_that_goes_away_leaves_the_last_figures_and_says_that_they_are_stale():
    facts = Facts()

    async def test(app, pilot):
        assert shown(app, "#state") == "live, 30 Nov 10:01:00 in Cameroon"
        facts.away = True
        await pilot.press("r")
        await settled(pilot)
        assert "no controller answers" in shown(app, "#state")
        assert app.screen.query_one("#state").has_class("stale")
        assert app.screen.query_one("#incidents", DataTable).row_count == 1

    driven(facts, test)


def test_the_cursor_stays_on_its_incident_when_others_come_before_it():
    facts = Facts()

    async def test(app, pilot):
        facts.incidents = [INCIDENT | {"number": 9}, INCIDENT | {"number": 8}, INCIDENT]
        await pilot.press("r")
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)

    driven(facts, test)
    assert facts.acts == [(7, "acknowledge", {})]
