"""Plans and applies of the service: their tables, who hears of them, and what they must mind."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from accounts.schema import open_accounts
from controller.api.places import Places
from controller.consultations.conflicts import conflict_sentence
from controller.consultations.desk import ConsultationDesk
from controller.consultations.model import Announcement
from controller.leadership.stream import StreamEvent
from controller.load import Loaded
from controller.operations.approving import SecondPerson
from controller.operations.changes import Changes, Surveillance
from controller.operations.model import Operation
from controller.operations.operation_rows import OperationRows
from controller.operations.plan_rows import PlanRows
from controller.operations.runner import Operations
from controller.routes.consultations import time_of_day
from controller.settings import Settings


def open_changes(
    loaded: Loaded,
    engine: Engine,
    desk: ConsultationDesk,
    tell: Callable[[StreamEvent], None],
    now: Callable[[], float],
) -> Changes:
    """Open what makes and applies plans of a folder; tell hands an event to all streams.

    now returns seconds since 1970.
    """
    open_accounts(engine)
    plans = PlanRows(engine)
    places = Places(loaded.intent).sites

    def publish(one: Operation, data: Mapping[str, Any]) -> None:
        # Who sees every site of an operation is told, as it names devices at any of them.
        sites = one.beginning.sites
        tell(StreamEvent("operation", data, tuple(places if sites is None else sites), whole=True))

    return Changes(
        Path(loaded.folder).absolute(),
        loaded.intent,
        plans,
        Operations(OperationRows(engine), publish, now),
        _surveillance(desk, now),
        SecondPerson(plans, places, now, Settings().approval_above),
    )


def _surveillance(desk: ConsultationDesk, now: Callable[[], float]) -> Surveillance:
    def touched(devices: Collection[str]) -> Sequence[Announcement]:
        return desk.touched(devices, now())

    def sentence(found: Sequence[Announcement], devices: Collection[str]) -> str:
        return conflict_sentence(found, devices, time_of_day)

    return Surveillance(touched, sentence)
