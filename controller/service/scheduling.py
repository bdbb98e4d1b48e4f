"""Schedules in the service: what is due is done, and it is noted that the service watches."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from logging import getLogger
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from accounts.roles import Account, Origin, Principal
from controller.backups.daily import DailyBackups
from controller.channels.message import MessageKind
from controller.clock import Clock
from controller.incidents.sentences import Language
from controller.notices.decisions import DecisionRows
from controller.operations.changes import Changes
from controller.operations.model import PlanWish
from controller.planning.from_folder import PlanChoices
from controller.polling.observing import Heard
from controller.report_formats.formats import Report, document_of
from controller.reports.batteries import BatterySample
from controller.roles import LOCAL_ACCOUNT_ID
from controller.schedules.desk import ReportDesk
from controller.schedules.edge_facts import EdgeFacts, is_news, read_facts
from controller.schedules.jobs import Surroundings
from controller.schedules.own_faults import OwnFaults
from inventory.errors import SanagaError
from inventory.model import DeviceName

_WATCH_S: Final = 60.0
_LOOK_S: Final = 30.0
# On mains a battery is noted each hour, on its own each minute.
_MAINS_S: Final = 3600.0
_BATTERY_S: Final = 60.0
_KEPT_S: Final = 400 * 86_400.0
# Devices that do not answer take their time, and there are hundreds of them.
_COMPARED_WITHIN_S: Final = 3600.0
# Who made the plan of a comparison, in lists and in the audit; it may do nothing else.
CONTROLLER: Final = Principal(
    Account(LOCAL_ACCOUNT_ID, "sanaga", "the controller, by schedule"),
    (),
    (),
    Origin.TOKEN,
    "schedule",
)
_log: Final = getLogger(__name__)


class Scheduling:
    """Does what is due, while the service runs."""

    def __init__(
        self,
        around: Surroundings,
        heard: Callable[[], Heard],
        clock: Clock,
        leads: Callable[[], bool] = lambda: True,
        backups: DailyBackups | None = None,
    ) -> None:
        """Use a database; leads says whether what is due is this controller's to do."""
        self._leads = leads
        self._rows, self._heard, self._clock = around.rows, heard, clock
        self._policy = around.loaded.notices
        self._decisions = DecisionRows(around.engine)
        self.faults = OwnFaults(self._decisions, clock)
        self.desk = ReportDesk(around, clock, self._announce, backups)
        self._noted: dict[str, BatterySample] = {}
        self._facts: dict[str, EdgeFacts] = {}
        self._unwritten: dict[str, EdgeFacts] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Watch and work until told to stop; a job that is at work is not waited for."""
        began_s = self._now_s()

        def watch() -> None:
            self._rows.watch(self._now_s(), began_s)
            self.note_batteries()
            self.note_edges()

        await asyncio.gather(
            _repeat(stop, _WATCH_S, watch),
            _repeat(stop, _LOOK_S, self._run_due),
        )

    def _run_due(self) -> None:
        if self._leads():
            now = self._clock.instant()
            self.desk.runner.run_due(now)
            for one in self.desk.runner.standing(now):
                self.faults.heed_schedule(one)

    def note_batteries(self) -> None:
        """Note what batteries show where that is news."""
        news = [one for one in self._batteries() if self._is_news(one)]
        self._rows.note_batteries(news)
        self._noted |= {one.device: one for one in news}
        if news:
            self._rows.forget_batteries(self._now_s() - _KEPT_S)

    def heard_facts(self, device: DeviceName, told: Mapping[str, Any]) -> None:
        """Take what an edge tells of itself; it is written with the next look."""
        facts = read_facts(device, told, self._now_s())
        if facts and is_news(facts, self._facts.get(device)):
            self._facts[device] = self._unwritten[device] = facts

    def note_edges(self) -> None:
        """Write what edges told of themselves since the last look."""
        for device, facts in (*self._unwritten.items(),):
            self._rows.note_edge(facts)
            if self._unwritten.get(device) is facts:
                del self._unwritten[device]

    def _batteries(self) -> list[BatterySample]:
        readings = [track.reading for track in self._heard().tracks.values()]
        return [
            BatterySample(
                one.device,
                one.at_s,
                one.battery.on_battery,
                one.battery.low,
                one.battery.charge,
                one.battery.minutes_left,
            )
            for one in readings
            if one.battery is not None
        ]

    def _is_news(self, one: BatterySample) -> bool:
        known = self._noted.get(one.device)
        if known is None or (known.on_battery, known.low) != (one.on_battery, one.low):
            return True
        every_s = _BATTERY_S if one.on_battery else _MAINS_S
        return abs(one.at_s - known.at_s) >= every_s - _WATCH_S / 2

    def _announce(self, report: Report) -> None:
        """Have people told of a report, if the intent names somebody for that."""
        who = self._policy.reports
        if not (who.people or who.rotas):
            return
        payload = report_payload(report)
        self._decisions.write_outbox(
            MessageKind.REPORT, f"report:{report.name}", payload, self._now_s()
        )

    def _now_s(self) -> float:
        return self._clock.instant().timestamp()


def compare(changes: Changes) -> None:
    """Plan what would make devices as the folder intends, and keep the plan; nothing is applied.

    Devices that do not answer are left out. Raises SanagaError when no plan can be made.
    """
    begun = changes.start_plan(PlanWish(PlanChoices(), without_silent=True), CONTROLLER)
    changes.operations.wait(begun.id, _COMPARED_WITHIN_S)
    found = changes.operations.find(begun.id)
    if found is None or found.result is None:
        why = found.error["detail"] if found and found.error else "it did not end"
        raise SanagaError(f"what runs was not compared with what is intended: {why}")


def report_payload(report: Report) -> dict[str, object]:
    """Return what a notice of a report says, in both languages."""
    english, french = (document_of(report, one) for one in (Language.ENGLISH, Language.FRENCH))
    return {
        "report": report.name,
        "title": english.title,
        "title_fr": french.title,
        "sentence": english.headline,
        "sentence_fr": french.headline,
    }


async def _repeat(stop: asyncio.Event, every_s: float, work: Callable[[], object]) -> None:
    while not stop.is_set():
        try:
            await asyncio.to_thread(work)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("schedules cannot use the records: %s", error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)
