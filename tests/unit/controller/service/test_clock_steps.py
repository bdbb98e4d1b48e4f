"""A clock that is set while the service runs: nothing is lost, opened or told because of it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed

from controller.clock import StepWatch
from controller.deciding.engine import IncidentEngine
from controller.decisions.clock_steps import after_step
from controller.incidents.model import (
    Health,
    Observation,
    Source,
    Subject,
    SubjectKind,
)
from controller.incidents.view import network_view
from controller.load import load
from controller.service.edge_reports import EdgeReports
from controller.telemetry.series import Arrival
from database.engine import open_engine
from edge.telemetry import handshake
from edge.telemetry.handshake import LinkRefusedError
from tests.rigs.controller.telemetry_rig import EDGE, NOON, SPOOL, message
from tests.rigs.controller.telemetry_sender import dialled
from tests.rigs.controller.telemetry_service import listening
from tests.rigs.incidents.story import Story
from tests.rigs.service.api_bench import SPUR
from tests.rigs.service.memory_rows import MemoryRows
from tests.simulated_time import TestClock
from topology.build import build_topology

DAY_S = 86_400.0
CUT = Subject(SubjectKind.CIRCUIT, "mora-kolofata-fibre")
ENDS = ("mora-r1", "kolofata-r1")
WITHIN_S = 30
STEPS = pytest.mark.parametrize("by_s", [DAY_S, -DAY_S], ids=["forwards", "backwards"])


@pytest.fixture(scope="module")
def network():
    intent = load(SPUR).intent
    return network_view(intent, build_topology(intent))


@pytest.fixture
def clock():
    return TestClock()


class Deciding:
    """An engine of incidents on a clock that a test turns and sets."""

    def __init__(self, network, clock, rows=None, *, watches=True):
        self.clock, self.rows, self.number = clock, rows or MemoryRows(), 0
        self.engine = IncidentEngine(self.rows, network, lambda *_: None, self.now_s)
        if watches:
            self.engine.step_s = StepWatch(clock).step_s
        self.engine.start()

    def now_s(self):
        return self.clock.instant().timestamp()

    def hear(self, state, wait_s=5.0, source=Source.EDGE_PATH):
        """Let both ends of a circuit say how it stands, and wait. SNMP numbers by the clock."""
        self.number += 1
        now_s = self.now_s()
        number = self.number if source is Source.EDGE_PATH else int(now_s * 1000)
        said = (Observation(CUT, end, source, state, number, now_s, now_s) for end in ENDS)
        self.engine.submit(*said)
        self.clock.pause(wait_s)
        self.engine.submit()

    def roots(self):
        return [one.root.name for one in self.engine.listed(ended=False)]


@pytest.fixture
def deciding(network, clock):
    made = []

    def make(**options):
        made.append(Deciding(network, clock, **options))
        return made[-1]

    yield make
    for one in made:
        one.engine.stop()


@STEPS
def test_a_cut_after_a_step_is_an_incident_and_its_end_one_too(deciding, clock, by_s):
    bench = deciding()
    bench.hear(Health.OK)
    clock.step(by_s)
    bench.hear(Health.DOWN)
    assert bench.roots() == [CUT.name]
    bench.hear(Health.OK)
    assert bench.roots() == []
    assert [one.kind.value for one in bench.rows.notices] == ["opened", "ended"]


def test_control_an_engine_that_does_not_notice_the_step_opens_nothing(deciding, clock):
    bench = deciding(watches=False)
    bench.hear(Health.OK)
    clock.step(-DAY_S)
    bench.hear(Health.DOWN)
    assert bench.roots() == []


@STEPS
def test_an_incident_keeps_its_age_its_mute_and_its_notice_over_a_step(deciding, clock, by_s):
    bench = deciding()
    bench.hear(Health.DOWN)
    (before,) = bench.engine.listed(ended=False)
    clock.step(by_s)
    bench.engine.submit()
    (after,) = bench.engine.listed(ended=False)
    assert after == replace(
        before, opened_s=before.opened_s + by_s, changed_s=before.changed_s + by_s
    )
    assert bench.rows.incidents[before.number] == after
    assert len(bench.rows.notices) == 1


@pytest.mark.parametrize("source", [Source.EDGE_PATH, Source.SNMP])
def test_a_service_that_starts_after_its_clock_was_set_back_hears_what_happens(
    deciding, clock, source
):
    before = deciding()
    before.hear(Health.OK, source=source)
    before.engine.stop()
    clock.step(-DAY_S)
    again = deciding(rows=before.rows)
    again.number = before.number
    again.hear(Health.DOWN, source=source)
    assert again.roots() == [CUT.name]


@STEPS
def test_a_step_changes_no_decision(network, by_s):
    """Tell one story on a clock that is right, and the same on one that is set in its middle."""

    def tell(step_s):
        story = Story(network)
        said = [story.word(CUT, Health.DOWN, end) for end in ENDS]
        story.hear(*said)
        story.now_s += step_s
        story.state = after_step(story.state, step_s)
        story.wake_s = None
        story.wait(0.3)
        early = len(story.notices)
        story.wait(2.0)
        story.hear(*(story.word(CUT, Health.OK, end) for end in ENDS))
        story.wait(60.0)
        return early, [one.kind for one in story.notices], story.state.health

    assert tell(by_s) == tell(0.0)
    assert tell(0.0)[0] == 0


class Listening:
    """What edges' reports are handed to."""

    def __init__(self):
        self.news = []

    def report(self, *news):
        self.news += news

    def leading(self):
        return True

    def wake(self):
        pass

    def silent(self):
        return [one.subject.name for one in self.news if one.state is Health.UNKNOWN]


@pytest.fixture
def reports(tmp_path, clock):
    engine, heard = open_engine(tmp_path / "telemetry.sqlite"), Listening()
    made = EdgeReports(engine, Ed25519PrivateKey.generate(), heard, lambda *_: None, clock)
    made.admit(load(SPUR).intent, ())
    yield made, heard
    engine.dispose()


def speak(reports, clock, sequence=1):
    now_s = clock.instant().timestamp()
    live = message(sequence, now_s, live=1)
    reports.intake.publish(Arrival(SPOOL, NOON, live, b"", now_s))


@STEPS
def test_no_edge_is_silent_because_of_a_step_and_every_silent_one_is_noticed(reports, clock, by_s):
    made, heard = reports
    speak(made, clock)
    clock.step(by_s)
    made.look_for_silence()
    assert heard.silent() == []
    assert [path.heard for path in made.current.paths(clock.instant().timestamp())] == [True]
    clock.pause(200)
    made.look_for_silence()
    assert heard.silent() == [EDGE]
    assert [path.heard for path in made.current.paths(clock.instant().timestamp())] == [False]


@STEPS
def test_an_edge_that_speaks_before_the_step_is_noticed_is_heard_all_the_same(reports, clock, by_s):
    made, heard = reports
    speak(made, clock)
    clock.step(by_s)
    speak(made, clock, sequence=2)
    made.look_for_silence()
    assert heard.silent() == []
    clock.pause(200)
    made.look_for_silence()
    assert heard.silent() == [EDGE]


def test_a_busy_machine_is_no_step_and_small_corrections_are_none(clock):
    steps = StepWatch(clock)
    for _ in range(20):
        clock.pause(5.0)
        clock.step(0.5)
        assert steps.step_s() == 0.0
    clock.step(-90.0)
    assert steps.step_s() == pytest.approx(-90.0)
    assert steps.step_s() == 0.0


async def leaf_of(service):
    async with dialled(service.port) as socket:
        return socket.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)


def test_a_service_that_starts_in_1970_is_known_to_edges_once_its_clock_is_right(tmp_path, clock):
    right = clock.instant()
    since_1970_s = (right - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    clock.step(-since_1970_s)

    async def story():
        async with listening(tmp_path, clock=clock) as service:
            trust = service.key.public_key()
            with pytest.raises(LinkRefusedError, match="is valid from 19"):
                handshake.check_leaf(await leaf_of(service), trust, right)
            # An edge that has no right time either takes it. What it reports would be filed under
            # 1970 and dropped, so it is to keep that for later.
            async with service.dial() as edge:
                await edge.send(message(1, right.timestamp()))
                with pytest.raises(ConnectionClosed, match="retry_s"):
                    await edge.acknowledged()
            assert "this machine's clock says 1970-01-01; set it" in service.intake.fault
            clock.step(since_1970_s)
            service.listener.renew_old_leaf()
            handshake.check_leaf(await leaf_of(service), trust, right)
            async with service.dial() as edge:
                await edge.send(message(1, right.timestamp()))
                assert await edge.acknowledged() == 1
            assert service.intake.fault == ""

    asyncio.run(story())


@pytest.mark.parametrize(("days", "renewed"), [(2, False), (4, True), (-1, True)])
def test_a_leaf_is_renewed_before_it_expires_and_when_the_clock_goes_back(
    tmp_path, clock, days, renewed
):
    async def story():
        async with listening(tmp_path, clock=clock) as service:
            before = await leaf_of(service)
            clock.step(days * DAY_S)
            service.listener.renew_old_leaf()
            assert (await leaf_of(service) != before) is renewed

    asyncio.run(story())


def test_a_listener_looks_after_its_leaf_by_itself(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("controller.telemetry.listener._LOOK_S", 0.01)

    async def story():
        async with listening(tmp_path, clock=clock) as service:
            before = await leaf_of(service)
            clock.step(30 * DAY_S)
            async with asyncio.timeout(WITHIN_S):
                while await leaf_of(service) == before:
                    await asyncio.sleep(0.01)

    asyncio.run(story())
