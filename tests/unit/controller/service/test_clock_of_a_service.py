"""A whole service whose clock is set by a day while it runs, forwards and back again."""

from contextlib import closing

import pytest
from sqlalchemy import select

from controller.notices.schema import outbox
from database.engine import open_engine, reading
from edge.telemetry.model import PathState
from tests.rigs.documents.noc_guides import noc
from tests.rigs.service.serving_process import CLOCK
from tests.rigs.waiting import eventually

DAY_S = 86_400
WITHIN_S = 60


@pytest.fixture
def world(tmp_path):
    with noc(tmp_path, "jumping") as made:
        yield made


def step(world, by_s, state):
    """Set the clock, let the edge say again how it is, and wait until the step is noticed."""
    warnings = world.log.read_text().count("the clock was set by")
    before = world.client.get("/summary")["at"]
    file = world.folder / "state" / CLOCK
    (file.with_suffix(".new")).write_text(str(by_s))
    file.with_suffix(".new").replace(file)
    assert world.client.get("/summary")["at"][:10] != before[:10], "control: it jumped"
    world.report(state)
    eventually(
        lambda: world.log.read_text().count("the clock was set by") > warnings,
        WITHIN_S,
        "that it is noticed",
    )


def ready(world):
    with closing(world.client._connection()) as connection:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        return connection.getresponse().status == 200


def notices(world):
    """Return the notices that were written, oldest first."""
    engine = open_engine(world.folder / "state" / "sanaga.sqlite")
    try:
        with reading(engine) as connection:
            rows = connection.execute(select(outbox.c.kind).order_by(outbox.c.id))
            return [kind for (kind,) in rows if kind in {"opened", "changed", "ended"}]
    finally:
        engine.dispose()


def test_a_day_forwards_and_back_opens_nothing_hides_nothing_and_tells_nobody_twice(world):
    world.report(PathState.UP)
    step(world, DAY_S, PathState.UP)
    assert world.client.all("/incidents") == []
    world.report(PathState.DEAD)
    number = world.number()
    step(world, 0, PathState.DEAD)
    assert [one["number"] for one in world.client.all("/incidents")] == [int(number)]
    opened_at = world.client.get(f"/incidents/{number}")["opened_at"]
    assert opened_at <= world.client.get("/summary")["at"], "it is not of the future"
    world.report(PathState.UP)
    assert notices(world) == ["opened", "ended"]
    assert ready(world)
    assert "Traceback" not in world.log.read_text()
