"""Rows of schedules: which run is whose, when the service watched, and what batteries showed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from controller.reports.batteries import BatterySample
from controller.schedules.edge_facts import EdgeFacts
from controller.schedules.schema import batteries, facts, open_schedules, runs, watched
from database.engine import reading

# A run that did not end within this time died with its process; another may take it over.
LEASE_S: Final = 3600.0
# A service that was silent for longer did not watch in between; it says so every minute.
SILENT_S: Final = 180.0
_KEPT_S: Final = 800 * 86_400.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a schedule; ended_s is None while it goes on, report names what it made."""

    name: str
    due_s: float
    began_s: float
    ended_s: float | None
    outcome: str = ""
    report: str = ""


class ScheduleRows:
    """The tables of schedules; safe for use by several threads and controllers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        open_schedules(engine)

    def claim(self, name: str, due_s: float, now_s: float) -> bool:
        """Begin a run if nobody else did; one that died with its process is taken over."""
        try:
            with self._engine.begin() as connection:
                values = {"name": name, "due_s": due_s, "began_s": now_s}
                connection.execute(insert(runs).values(**values, outcome="", report=""))
        except IntegrityError:
            return self._take_over(name, due_s, now_s)
        return True

    def _take_over(self, name: str, due_s: float, now_s: float) -> bool:
        dead = and_(
            runs.c.name == name,
            runs.c.due_s == due_s,
            runs.c.ended_s.is_(None),
            or_(runs.c.began_s < now_s - LEASE_S, runs.c.began_s > now_s),
        )
        with self._engine.begin() as connection:
            return connection.execute(update(runs).where(dead).values(began_s=now_s)).rowcount > 0

    def finish(self, run: Run) -> None:
        """Write down how a run ended, and forget runs of years ago."""
        this = and_(runs.c.name == run.name, runs.c.due_s == run.due_s)
        values = {"ended_s": run.ended_s, "outcome": run.outcome, "report": run.report}
        with self._engine.begin() as connection:
            connection.execute(update(runs).where(this).values(**values))
            old = runs.c.due_s < run.due_s - _KEPT_S
            connection.execute(delete(runs).where(runs.c.name == run.name, old))

    def last(self, name: str, now_s: float) -> Run | None:
        """Return the newest run; what a clock that was ahead wrote does not count."""
        query = select(runs).where(runs.c.name == name, runs.c.due_s <= now_s)
        with reading(self._engine) as connection:
            row = connection.execute(query.order_by(runs.c.due_s.desc()).limit(1)).first()
        return Run(*row) if row else None

    def unfinished(self, name: str, now_s: float) -> Run | None:
        """Return the newest run if it died with its process and may be taken over."""
        found = self.last(name, now_s)
        dead = found and found.ended_s is None and now_s - found.began_s > LEASE_S
        return found if dead else None

    def watch(self, now_s: float, began_s: float) -> None:
        """Note that the service watches since began_s, as it does each minute."""
        this = watched.c.began_s == began_s
        with self._engine.begin() as connection:
            if not connection.execute(update(watched).where(this).values(seen_s=now_s)).rowcount:
                connection.execute(insert(watched).values(began_s=began_s, seen_s=now_s))

    def watched_since(self) -> float | None:
        """Return when the service first watched, None if it never did."""
        query = select(watched.c.began_s).order_by(watched.c.began_s).limit(1)
        with reading(self._engine) as connection:
            found: float | None = connection.execute(query).scalar()
        return found

    def gaps(self, began_s: float, ended_s: float) -> tuple[tuple[float, float], ...]:
        """Return when nobody watched within a time, in order; a pause of three minutes is none."""
        query = select(watched.c.began_s, watched.c.seen_s).where(
            watched.c.seen_s >= began_s - SILENT_S, watched.c.began_s < ended_s
        )
        with reading(self._engine) as connection:
            spans = connection.execute(query.order_by(watched.c.began_s)).all()
        return gaps_between([(row.began_s, row.seen_s) for row in spans], began_s, ended_s)

    def note_batteries(self, samples: Iterable[BatterySample]) -> None:
        """Add readings of batteries; one of the same moment is the same."""
        rows = [
            {name: getattr(one, name) for name in BatterySample.__dataclass_fields__}
            for one in samples
        ]
        for row in rows:
            same = and_(batteries.c.device == row["device"], batteries.c.at_s == row["at_s"])
            with self._engine.begin() as connection:
                if not connection.execute(select(batteries.c.at_s).where(same)).first():
                    connection.execute(insert(batteries).values(**row))

    def battery_samples(self, began_s: float, ended_s: float) -> Sequence[BatterySample]:
        """Return readings within a time, by device and time."""
        at = batteries.c.at_s
        query = select(batteries).where(at >= began_s, at < ended_s)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(batteries.c.device, at)).all()
        return [BatterySample(**row._asdict()) for row in rows]

    def note_edge(self, one: EdgeFacts) -> None:
        """Keep what an edge tells of itself in the place of what it told before."""
        values = {name: getattr(one, name) for name in EdgeFacts.__dataclass_fields__}
        this = facts.c.device == one.device
        with self._engine.begin() as connection:
            if not connection.execute(update(facts).where(this).values(**values)).rowcount:
                connection.execute(insert(facts).values(**values))

    def edge_facts(self, since_s: float) -> Mapping[str, EdgeFacts]:
        """Return what edges told of themselves since a time, by device."""
        query = select(facts).where(facts.c.at_s >= since_s)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return {row.device: EdgeFacts(**row._asdict()) for row in rows}

    def forget_batteries(self, before_s: float) -> None:
        """Remove readings that are older than a time."""
        with self._engine.begin() as connection:
            connection.execute(delete(batteries).where(batteries.c.at_s < before_s))


def gaps_between(
    spans: Sequence[tuple[float, float]], began_s: float, ended_s: float
) -> tuple[tuple[float, float], ...]:
    """Return the parts of a time that no span covers, but for short pauses between two."""
    found: list[tuple[float, float]] = []
    at_s = began_s
    for opened_s, closed_s in sorted(spans):
        short = at_s > began_s and opened_s - at_s <= SILENT_S
        if opened_s > at_s and not short:
            found.append((at_s, min(opened_s, ended_s)))
        at_s = max(at_s, closed_s)
    if at_s < ended_s and (at_s == began_s or ended_s - at_s > SILENT_S):
        found.append((at_s, ended_s))
    return tuple(gap for gap in found if gap[1] > gap[0])
