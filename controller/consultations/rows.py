"""Announced consultations in the database."""

import json
from typing import Any, Final

from sqlalchemy import Engine, Row, insert, select, update

from controller.consultations.model import Announcement
from controller.consultations.schema import consultations, open_consultations
from database.engine import reading

_COLUMNS: Final = tuple(column.name for column in consultations.columns)
_LISTS: Final = ("sites", "addresses")


class ConsultationRows:
    """The table of announced consultations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        open_consultations(engine)

    def add(self, announcement: Announcement) -> bool:
        """Store an announcement; return whether it was new, and do nothing where it was not."""
        with self._engine.begin() as connection:
            known = select(consultations.c.name).where(consultations.c.name == announcement.name)
            if connection.execute(known).first():
                return False
            connection.execute(insert(consultations).values(**_values(announcement)))
        return True

    def cancel(self, name: str, at_s: float) -> None:
        """End a consultation that is not over; one that is stays as it was."""
        still = (consultations.c.ends_s > at_s) & consultations.c.cancelled_s.is_(None)
        change = update(consultations).where((consultations.c.name == name) & still)
        with self._engine.begin() as connection:
            connection.execute(change.values(cancelled_s=at_s))

    def find(self, name: str) -> Announcement | None:
        """Return a consultation by its name."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(consultations).where(consultations.c.name == name)
            ).one_or_none()
        return _announcement(row) if row else None

    def between(self, began_s: float, ended_s: float) -> tuple[Announcement, ...]:
        """Return the consultations that overlap a period, in the order of their beginning."""
        wanted = (consultations.c.begins_s < ended_s) & (consultations.c.ends_s > began_s)
        query = select(consultations).where(wanted)
        with reading(self._engine) as connection:
            rows = connection.execute(
                query.order_by(consultations.c.begins_s, consultations.c.name)
            ).all()
        return tuple(map(_announcement, rows))


def _values(announcement: Announcement) -> dict[str, Any]:
    given = {name: getattr(announcement, name) for name in _COLUMNS}
    return given | {name: json.dumps(given[name]) for name in _LISTS}


def _announcement(row: Row[Any]) -> Announcement:
    values = dict(zip(_COLUMNS, row, strict=True))
    lists = {name: tuple(json.loads(values[name])) for name in _LISTS}
    return Announcement(**{**values, **lists})
