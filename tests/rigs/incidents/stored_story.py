"""A story whose decisions are stored; as a program it lives through faults until it is killed."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from controller.decisions.decide import decide
from controller.decisions.rows import IncidentRows
from controller.decisions.schema import outbox
from controller.incidents.model import (
    Consultation,
    Health,
    IncidentState,
    News,
    Observation,
    Source,
)
from database.engine import open_engine, reading
from tests.rigs.incidents.networks import north
from tests.rigs.incidents.story import Story, circuit

STEPS = 60


@dataclass
class StoredStory(Story):
    """A story that stores every decision before it goes on."""

    rows: IncidentRows = field(kw_only=True)

    def hear(self, *news: News) -> None:
        """Decide on news at this time, and store that."""
        outcome = decide(self.state, self.network, news, self.now_s, self.policy)
        self.rows.store(outcome)
        self.state, self.wake_s = outcome.state, outcome.wake_s
        self.notices += outcome.notices
        self.changes += outcome.changes
        self.ended |= {i.number: i for i in outcome.touched if not i.open}


@dataclass
class Life:
    """The same faults in the same order, whoever lives them; done steps are known by the state."""

    rows: IncidentRows
    state: IncidentState

    @property
    def done(self) -> int:
        """Return how many steps are stored."""
        told = self.state.consultations.get("steps")
        return told.sequence if told else 0

    def live_on(self, until: int, *, say: bool = False) -> None:
        """Live the steps that are left; say each number once it is stored."""
        for step in range(self.done + 1, until + 1):
            now_s = 1_000_000.0 + step
            outcome = decide(self.state, north(), _news(step, now_s), now_s)
            self.rows.store(outcome)
            self.state = outcome.state
            if say:
                sys.stdout.write(f"{step}\n")
                sys.stdout.flush()


def _news(step: int, now_s: float) -> tuple[News, ...]:
    """Return what is heard in a step: three circuits come and go, each in its own rhythm."""
    said: list[News] = [Consultation("steps", (), running=True, sequence=step, at_s=now_s)]
    rhythms = {"mora-kolofata-fibre": 20, "yaounde-leo": 14, "kolofata-leo": 26}
    for name, period in rhythms.items():
        state = Health.DOWN if step % period > period // 2 else Health.OK
        said += [
            Observation(circuit(name), end, Source.EDGE_PATH, state, step, now_s, now_s)
            for end in north().circuits[name].devices
        ]
    return tuple(said)


def resume(rows: IncidentRows) -> Life:
    """Return the life that is stored."""
    return Life(rows, rows.load())


def live_whole(file: Path, steps: int) -> list[str]:
    """Live all steps undisturbed; return the keys of the notices."""
    engine = open_engine(file)
    resume(IncidentRows(engine)).live_on(steps)
    with reading(engine) as connection:
        keys = list(connection.execute(select(outbox.c.dedup_key).order_by(outbox.c.id)).scalars())
    engine.dispose()
    return keys


if __name__ == "__main__":
    resume(IncidentRows(open_engine(Path(sys.argv[1])))).live_on(1_000_000, say=True)
