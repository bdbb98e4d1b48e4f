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

    def publish(data: Mapping[str, Any]) -> None:
        # Those who see the whole network are told, as an operation names devices anywhere in it.
        tell(StreamEvent("operation", data, tuple(places), whole=True))

    return Changes(
        Path(loaded.folder).absolute(),
        plans,
        Operations(publish, now),
        _surveillance(desk, now),
        SecondPerson(plans, places, now, Settings().approval_above),
    )


def _surveillance(desk: ConsultationDesk, now: Callable[[], float]) -> Surveillance:
    def touched(devices: Collection[str]) -> Sequence[Announcement]:
        return desk.touched(devices, now())

    def sentence(found: Sequence[Announcement], devices: Collection[str]) -> str:
        return conflict_sentence(found, devices, time_of_day)

    return Surveillance(touched, sentence)
