import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.decisions.rows import IncidentRows, StaleRowsError
from controller.decisions.schema import metadata, outbox
from controller.incidents.model import (
    ActKind,
    Consultation,
    Health,
    MaintenanceWindow,
    NoticeKind,
    Recurrence,
    WindowSet,
)
from database.engine import open_engine, reading
from tests.rigs.incidents import stored_story
from tests.rigs.incidents.networks import north
from tests.rigs.incidents.stored_story import StoredStory
from tests.rigs.incidents.story import circuit, site

FIBRE = "mora-kolofata-fibre"
ROOT = Path(__file__).parents[4]


@pytest.fixture
def engine(tmp_path):
    made = open_engine(tmp_path / "incidents.sqlite")
    yield made
    made.dispose()


@pytest.fixture
def story(engine):
    told = StoredStory(north(), rows=IncidentRows(engine))
    told.all_well()
    told.wait(5)
    return told


def sent(engine):
    with reading(engine) as connection:
        return connection.execute(select(outbox).order_by(outbox.c.id)).all()


def test_state_is_the_same_when_it_is_read_again(story, engine):
    window = MaintenanceWindow(
        "works", (site("waza"),), Recurrence.WEEKLY, "Africa/Douala", "2026-11-30", "22:00", "04:00"
    )
    story.hear(
        WindowSet(window),
        Consultation("c1", ("kolofata",), running=True, sequence=1, at_s=story.now_s),
        *story.dead(FIBRE),
        *story.silent("bogo-r1"),
    )
    story.wait(5)
    story.act(ActKind.ACKNOWLEDGE, 1)
    story.hear(*story.dead("kolofata-waza-fibre", "kolofata-r1"), *story.silent("waza-r1"))
    story.wait(30)
    assert IncidentRows(engine).load() == story.state


def test_notices_lie_in_the_outbox_with_everything_that_senders_need(story, engine):
    story.hear(*story.dead(FIBRE))
    story.wait(5)
    story.hear(*story.dead(FIBRE, state=Health.OK))
    story.wait(5)
    opened, ended = sent(engine)
    assert (opened.kind, opened.dedup_key, opened.incident) == ("opened", "1:1:opened", 1)
    assert (ended.kind, ended.payload["ended_s"]) == ("ended", story.ended[1].ended_s)
    needed = (
        "incident sequence kind severity title sentence root_kind root_name region sites people"
    )
    assert {*needed.split(), "consultations", "opened_s", "ended_s"} <= opened.payload.keys()
    assert opened.payload["title_fr"].startswith("La fibre")


def test_incidents_and_their_timeline_are_found_after_they_are_forgotten(story):
    story.hear(*story.dead(FIBRE))
    story.wait(5)
    story.hear(*story.dead(FIBRE, state=Health.OK))
    story.wait(3600)
    assert story.state.incidents == {}
    found = story.rows.find(1)
    assert found is not None
    assert found.end_reason == f"{FIBRE} is well again"
    assert [one.kind for one in story.rows.timeline(1)] == ["opened", "ended"]
    assert story.rows.listed(ended=False) == []
    assert [one.number for one in story.rows.listed(ended=True)] == [1]
    assert story.rows.find(2) is None


def test_turns_of_health_are_kept_for_the_availability(story):
    story.hear(*story.dead(FIBRE))
    story.wait(60)
    story.hear(*story.dead(FIBRE, state=Health.OK))
    turns = story.rows.health_turns(circuit(FIBRE), story.now_s + 1)
    assert [turn.after for turn in turns] == [Health.DOWN, Health.OK]
    assert turns[1].at_s - turns[0].at_s == 60


def test_a_second_process_that_decides_on_old_rows_is_refused(story, engine):
    late = StoredStory(north(), rows=IncidentRows(engine), now_s=story.now_s)
    late.state = late.rows.load()
    story.hear(*story.dead(FIBRE))
    late.sequence = story.sequence
    with pytest.raises(StaleRowsError):
        late.hear(*late.dead("yaounde-leo"))
    story.wait(5)
    assert [row.payload["root_name"] for row in sent(engine)] == [FIBRE]


def test_a_decision_without_news_writes_nothing(story, engine):
    before = Path(engine.url.database).stat().st_mtime_ns
    log = Path(f"{engine.url.database}-wal")
    size = log.stat().st_size if log.exists() else 0
    story.wait(600)
    assert Path(engine.url.database).stat().st_mtime_ns == before
    assert (log.stat().st_size if log.exists() else 0) == size


def test_migrations_make_the_tables_that_the_code_uses(engine):
    IncidentRows(engine)
    for table in metadata.sorted_tables:
        with reading(engine) as connection:
            assert connection.execute(select(table)).all() == []


@pytest.mark.parametrize("after", [3, 17, 40])
def test_31_killed_between_deciding_and_sending_nothing_is_lost_and_nothing_sent_twice(
    tmp_path, after
):
    file = tmp_path / "incidents.sqlite"
    command = [sys.executable, "-m", stored_story.__name__, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        for _ in range(after):
            said = process.stdout.readline()
        process.kill()
    assert process.returncode == -signal.SIGKILL
    engine = open_engine(file)
    stored = stored_story.resume(IncidentRows(engine))
    assert stored.done >= int(said)
    stored.live_on(60)
    keys = [row.dedup_key for row in sent(engine)]
    undisturbed = stored_story.live_whole(tmp_path / f"whole-{os.getpid()}.sqlite", 60)
    assert keys == undisturbed
    assert len(keys) == len(set(keys))
    assert [key for key in keys if key.endswith(NoticeKind.OPENED)]
    engine.dispose()
