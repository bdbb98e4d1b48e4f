"""What an edge reports, when, and what reporting must never do to the edge."""

import asyncio
from dataclasses import replace

import pytest

from edge.reporting import dialling, uplink
from edge.selection.evaluate import PathChange
from edge.telemetry import frames
from edge.telemetry.model import ChangeKind, PathState
from edge.telemetry.status import Repairs
from policies.path_selection.decide import Decision, Memory
from tests.rigs.edge.edge_policies import edge_policy
from tests.rigs.edge.telemetry_controller import SmallController
from tests.rigs.edge.telemetry_edge import KEYS, PEER, ReportingEdge, VirtualClock

WITHIN_S = 120
DAY_MINUTES = 1440


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(dialling, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(dialling, "LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr(uplink, "REPLAY_OCTETS_PER_S", 10**8)


async def until(holds):
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.01)


async def spooled(edge, after=0):
    records = await edge.disk.run(lambda held: held.pending(after, 10**6))
    return [frames.decode(record.frame) for record in records]


async def status_of(edge):
    found = await edge.reporter.status()
    assert found is not None
    return found


def run(work):
    asyncio.run(work())


def test_a_minute_reports_every_path_in_slices_of_ten_seconds(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        edge.octets = {(PEER, "kolofata-fibre"): (10_000, 20_000)}
        for second in range(150):
            edge.octets = {key: (s + 700, r + 900) for key, (s, r) in edge.octets.items()}
            await edge.second(measured=second < 145)
        edge.reporter.close()
        held = await_messages(edge)
        minutes = [message for message in held if message.summaries]
        assert len(minutes) == 2
        last = minutes[-1]
        assert len(last.paths) == 3
        assert len(last.summaries) == 18
        fibre = [one for one in last.summaries if one.circuit == "kolofata-fibre"]
        assert [one.seconds for one in fibre] == [10] * 6
        assert all(one.began_unix_s % 10 == 0 for one in fibre)
        assert all(one.sent == 20 and one.state is PathState.UP for one in fibre)
        assert [one.delay_ms.count for one in fibre if one.delay_ms] == [20] * 6
        assert sum(one.sent_octets for one in fibre) in {41_000, 42_000, 43_000}
        assert {message.sequence for message in held} == {*range(1, len(held) + 1)}

    def await_messages(edge):
        again = ReportingEdge(tmp_path).disk
        again._spool.open()
        return [frames.decode(one.frame) for one in again._spool.pending(0, 10**6)]

    run(work)


def test_a_death_is_reported_at_once_and_a_return_too(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        for _ in range(5):
            await edge.second()
        number = len(await spooled(edge))
        edge.reporter.changed.clear()
        path = edge.paths()[0]
        edge.clock.elapsed_s += 3
        for _ in range(3):
            edge.clock.elapsed_s += 1
            edge.measure(path, (), overdue=30, silent_s=5.0)
        assert edge.reporter.changed.is_set()
        await edge.reporter.tick()
        told = await spooled(edge, number)
        assert [change.state for one in told for change in one.changes] == ["dead"]
        assert told[0].changes[0].circuit == "kolofata-fibre"
        assert told[0].paths[0].state is PathState.DEAD
        for _ in range(5):
            await edge.second()
        told = await spooled(edge, number + 1)
        assert [change.state for one in told for change in one.changes] == ["up"]
        edge.reporter.close()

    run(work)


def test_moves_calls_faults_and_repairs_are_reported_with_their_reasons(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        await edge.second()
        path = edge.paths()[1]
        why = "fibre has not answered for 300 ms; leo is the only one left"
        decision = Decision(path, None, moved=True, reason=why, memory=Memory(path=path))
        edge.reporter.on_moved([PathChange(PEER, "imaging", "fibre", decision)])
        edge.calls, edge.faults = frozenset({PEER}), ("the disk is full",)
        await edge.second()
        edge.calls, edge.faults = frozenset(), ()
        edge.repairs = Repairs(1, 1.0, "a route was missing")
        await edge.second()
        await edge.reporter.last_gasp("shutdown", "the machine shuts down")
        changes = [change for one in await spooled(edge) for change in one.changes]
        edge.reporter.close()
        found = {change.kind: change for change in changes}
        assert {*found} == {*ChangeKind} - {ChangeKind.PATH_STATE}
        move = found[ChangeKind.MOVE]
        assert (move.peer, move.circuit, move.service, move.reason) == (
            PEER,
            "kolofata-leo",
            "imaging",
            why,
        )
        assert found[ChangeKind.CONSULTATION_BEGAN].peer == PEER
        assert found[ChangeKind.FAULT].reason == "the disk is full"
        assert found[ChangeKind.LAST_GASP].state == "shutdown"

    run(work)


def test_a_path_that_flaps_is_reported_a_few_times_and_what_it_is_at_last(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        await edge.second()
        path = edge.paths()[0]
        for _ in range(100):
            edge.clock.elapsed_s += 1.5
            for _ in range(2):
                edge.measure(path, (), overdue=30, silent_s=5.0)
            edge.clock.elapsed_s += 0.5
            edge.measure(path, (20.0,))
            edge.clock.elapsed_s += 1.1
            edge.measure(path, (20.0,))
            await edge.reporter.tick()
        for _ in range(20):
            await edge.second()
        states = [
            change.state
            for one in await spooled(edge)
            for change in one.changes
            if change.kind is ChangeKind.PATH_STATE
        ]
        edge.reporter.close()
        assert 4 <= len(states) <= 60
        assert states[-1] == "up"

    run(work)


def test_an_edge_whose_policy_names_no_controller_reports_nothing(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        edge.policy = edge_policy()
        for _ in range(100):
            await edge.second()
        assert await edge.reporter.status() is None
        assert not (tmp_path / "telemetry").exists()
        edge.reporter.close()

    run(work)


def test_an_error_of_reporting_reaches_nobody(tmp_path, caplog):
    async def work():
        edge = ReportingEdge(tmp_path)
        await edge.second()
        edge.reporter._slices = "broken"  # type: ignore[assignment]
        edge.measure(edge.paths()[0], (20.0,))
        edge.reporter.on_moved([None])  # type: ignore[list-item]
        await edge.reporter.tick()
        assert "reporting" in edge.reporter.fault
        edge.reporter._slices = None
        edge.policy = None
        await edge.second()
        edge.reporter.close()

    run(work)


def test_a_consultation_or_a_look_sends_live_seconds(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            edge = ReportingEdge(tmp_path, port)
            async with edge.linked():
                await edge.second()
                await until(lambda: edge.reporter.uplink.connected and controller.live)
                count = len(controller.live)
                for _ in range(3):
                    await edge.second()
                assert len(controller.live) == count
                edge.calls = frozenset({PEER})
                for _ in range(5):
                    await edge.second()
                    await asyncio.sleep(0.02)
                await until(lambda: len(controller.live) >= count + 3)
                seconds = [one for message in controller.live for one in message.summaries]
                assert {one.seconds for one in seconds} == {1}
                assert [one.live for one in controller.live] == sorted(
                    one.live for one in controller.live
                ) or controller.messages
            edge.reporter.close()

    run(work)


def test_the_status_says_what_waits_and_what_has_arrived(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            edge = ReportingEdge(tmp_path, port)
            for _ in range(3):
                await edge.second()
            before = await status_of(edge)
            assert before["connected_since"] is None
            assert (before["spooled"], before["oldest"]) == (1, 1)
            async with edge.linked():
                await until(lambda: edge.reporter.uplink.state.acknowledged == 1)
                after = await status_of(edge)
            edge.reporter.close()
        assert after["controller"] == f"127.0.0.1:{port}"
        assert after["acknowledged"] == 1
        assert after["connected_since"]
        assert after["spooled"] == 0

    run(work)


@pytest.mark.parametrize(
    "days",
    [pytest.param(1 / 4, id="hours"), pytest.param(30, id="30 days", marks=pytest.mark.long)],
)
def test_after_days_without_a_controller_everything_arrives_once(tmp_path, days):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            pass
        clock, minutes = VirtualClock(), int(days * DAY_MINUTES)
        # It is restarted, and at last the machine is.
        for part in range(3):
            if part == 2:
                clock.boot = "4567abcd-0000-0000-0000-000000000000"
            edge = ReportingEdge(tmp_path, port, clock)
            for _ in range(minutes // 3):
                await edge.second(step_s=60.0)
            edge.reporter.close()
        edge = ReportingEdge(tmp_path, port, clock)
        await edge.second()
        made = await edge.disk.run(lambda held: held.next_number - 1)
        async with controller.serving(tmp_path, port), edge.linked():
            async with asyncio.timeout(600):
                await edge.reporter.uplink.settled.wait()
        edge.reporter.close()
        assert made >= minutes
        assert controller.numbers() == [*range(1, made + 1)]
        assert controller.dropped == 0
        # But for the last ones, it is history, and makes no notices.
        assert all(one.replayed for one in controller.messages[: made - 2])
        reported_s = sum(
            one.seconds
            for message in controller.messages
            for one in message.summaries
            if one.circuit == "kolofata-fibre"
        )
        assert reported_s >= 60 * (minutes - 12)

    run(work)


def test_reports_of_a_clock_of_1970_get_the_right_time_once_it_is_known(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            pass
        edge = ReportingEdge(tmp_path, port)
        edge.clock.offset_s = 1_000.0 - edge.clock().unix_s
        for _ in range(70):
            await edge.second()
        assert not any(one.clock_trusted for one in await spooled(edge))
        edge.clock.offset_s = 0.0
        controller.unix_s = edge.clock().unix_s
        async with controller.serving(tmp_path, port), edge.linked():
            await until(lambda: edge.reporter.uplink.state.acknowledged >= 2)
        edge.reporter.close()
        minute = next(one for one in controller.messages if one.summaries)
        assert minute.clock_trusted
        now_s = edge.clock().unix_s
        assert all(now_s - 80 <= one.began_unix_s <= now_s for one in minute.summaries)
        assert abs(minute.sent_unix_s - now_s) < 80

    run(work)


def test_a_clock_that_the_controller_contradicts_is_not_trusted(tmp_path):
    async def work():
        controller = SmallController(KEYS)
        async with controller.serving(tmp_path) as port:
            edge = ReportingEdge(tmp_path, port)
            controller.unix_s = edge.clock().unix_s - 7_200
            async with edge.linked():
                await edge.second()
                await until(lambda: edge.reporter.uplink.connected)
                for _ in range(65):
                    await edge.second()
                await until(lambda: any(one.summaries for one in controller.messages))
            edge.reporter.close()
        minute = next(one for one in controller.messages if one.summaries)
        assert not minute.clock_trusted

    run(work)


def test_a_clock_that_is_set_neither_doubles_nor_stretches_reports(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        for second in range(600):
            if second % 37 == 36:
                edge.clock.offset_s += 7_200.0 if second % 2 else -3_600.0
            await edge.second()
        minutes = [one for one in await spooled(edge) if one.summaries]
        edge.reporter.close()
        assert 8 <= len(minutes) <= 20
        slices = [s for one in minutes for s in one.summaries if s.circuit == "kolofata-fibre"]
        assert all(4 <= one.seconds <= 11 for one in slices)
        assert 500 <= sum(one.seconds for one in slices) <= 600

    run(work)


def test_a_long_text_of_a_fault_is_cut_and_sent(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        edge.faults = ("é\x1b[2J" * 1000,)
        await edge.second()
        told = [c for one in await spooled(edge) for c in one.changes if c.kind is ChangeKind.FAULT]
        edge.reporter.close()
        assert len(told) == 1
        assert told[0].reason.isprintable()

    run(work)


def test_a_policy_that_changes_keeps_what_is_known(tmp_path):
    async def work():
        edge = ReportingEdge(tmp_path)
        for _ in range(30):
            await edge.second()
        assert edge.policy
        edge.policy = replace(edge.policy, telemetry=("192.0.2.1:8444", "[2001:db8::7]:8444"))
        for _ in range(40):
            await edge.second()
        held = await spooled(edge)
        status = await status_of(edge)
        edge.reporter.close()
        assert [one for one in held if one.summaries]
        assert status["controllers"] == ["192.0.2.1:8444", "[2001:db8::7]:8444"]

    run(work)
