import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from controller.apply.events import (
    ApplyEnded,
    ApplyStarted,
    Decided,
    Verified,
    Waiting,
    WaveStarted,
)
from controller.apply.recovery import resume, rollback
from controller.apply.run import apply
from controller.drivers.memory import Act, Faults
from controller.drivers.observe import DeviceDone
from controller.model import DeviceConfig, Outcome
from inventory.errors import (
    JournalError,
    PlanError,
    RejectedError,
    StalePlanError,
    UnfinishedError,
    UnknownNameError,
)
from tests.rigs.controller.apply_rig import NAMES, chain, loopback, new, old


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_applying_a_plan_reaches_it_and_writes_it_for_the_next_start(bench):
    result = apply(chain(), bench.context())
    assert result.outcome is Outcome.CONFIRMED
    assert bench.versions() == "new"
    assert bench.pending() == []
    assert all(bench.network.device(n).startup == new(n) for n in NAMES)
    assert result.evidence == ("3 of 3 pairs of loopbacks reach each other.",)


def test_waves_follow_the_plan_and_every_step_is_told(bench):
    apply(chain(), bench.context())
    assert [event.devices for event in of(bench.events, WaveStarted)] == [(n,) for n in NAMES]
    acts = [event.act for event in of(bench.events, DeviceDone) if event.device == "far-r1"]
    assert acts == ["read", "stage", "commit", "verify", "confirm"]
    assert [type(event) for event in bench.events[-1:]] == [ApplyEnded]
    assert of(bench.events, ApplyStarted)[0].devices == 3
    assert of(bench.events, Verified)[0].verdict.holds
    assert of(bench.events, Decided)[0].decision == "confirm"


def test_nothing_to_change_is_a_success_without_a_row(bench):
    result = apply(replace(chain(), waves=()), bench.context())
    assert result.outcome is Outcome.CONFIRMED
    assert bench.journal.history() == ()


def test_unreachable_device_leaves_everything_untouched(bench):
    bench.network.device("near-r1").faults = Faults(hangs=frozenset({Act.READ}))
    result = apply(chain(), bench.context())
    assert result.outcome is Outcome.UNREACHABLE
    assert "near-r1" in result.because
    assert bench.versions() == "old"
    assert bench.journal.history() == ()


def test_device_that_falls_silent_while_staging_leaves_everything_untouched(bench):
    bench.network.device("near-r1").faults = Faults(hangs=frozenset({Act.STAGE}))
    result = apply(chain(), bench.context())
    assert result.outcome is Outcome.UNREACHABLE
    assert bench.versions() == "old"
    assert bench.journal.unfinished() == ()
    assert bench.network.device("far-r1").candidate is None


def test_changed_device_makes_the_plan_stale(bench):
    bench.network.device("middle-r1").running = DeviceConfig("something else\n")
    with pytest.raises(StalePlanError, match="middle-r1"):
        apply(chain(), bench.context())


def test_refused_line_is_found_before_anything_changes(bench):
    bench.network.device("near-r1").faults = Faults(rejects=frozenset({"version 2"}))
    result = apply(chain(), bench.context())
    assert result.outcome is Outcome.ROLLED_BACK
    assert "version 2" in result.because
    assert not of(bench.events, WaveStarted)
    assert bench.versions() == "old"


@pytest.mark.parametrize(
    "faults",
    [
        Faults(rejects_late=frozenset({"version 2"})),
        Faults(drops=frozenset({Act.COMMIT})),
        Faults(hangs=frozenset({Act.COMMIT})),
        Faults(lockout=True),
        Faults(mutes=frozenset({loopback("middle-r1"), loopback("far-r1")})),
    ],
    ids=["refuses a line late", "drops the connection", "hangs", "locks us out", "loses a path"],
)
@pytest.mark.parametrize("name", NAMES)
def test_any_fault_leaves_every_device_byte_for_byte_as_it_was(bench, faults, name):
    bench.network.device(name).faults = replace(
        faults, mutes=faults.mutes and frozenset(map(loopback, NAMES)) - {loopback(name)}
    )
    for other in NAMES:
        # A loopback is asked from one side only, so the others lose the faulty one as well.
        if faults.mutes and other != name:
            bench.network.device(other).reach = lambda _s, t: (
                not (t == loopback(name) and bench.network.device(name).unconfirmed)
            )
    result = apply(chain(), bench.context())
    assert result.outcome is Outcome.ROLLED_BACK
    assert bench.versions() == "old"
    assert bench.pending() == []
    assert bench.journal.unfinished() == ()


def test_locked_out_device_is_waited_for_until_its_timer_fired(bench):
    bench.network.device("far-r1").faults = Faults(lockout=True)
    apply(chain(), bench.context())
    assert of(bench.events, Waiting)[0].devices == ("far-r1",)


def test_device_that_dies_for_good_leaves_the_apply_resumable(bench):
    device = bench.network.device("near-r1")
    device.faults = Faults(drops=frozenset({Act.COMMIT}), hangs=frozenset({Act.ROLLBACK}))
    result = apply(chain(), bench.context())
    assert result.outcome is Outcome.DIFFERS
    assert "apply --resume" in result.devices["near-r1"]
    with pytest.raises(UnfinishedError, match="apply --resume"):
        apply(chain(), bench.context())
    device.faults = Faults()
    resumed = resume(bench.context())
    assert resumed
    assert resumed.outcome is Outcome.ROLLED_BACK
    assert bench.versions() == "old"
    assert resume(bench.context()) is None


def test_dead_device_can_be_given_up(bench):
    device = bench.network.device("near-r1")
    device.faults = Faults(drops=frozenset({Act.COMMIT}), hangs=frozenset({Act.ROLLBACK}))
    apply(chain(), bench.context())
    with pytest.raises(UnknownNameError, match="does not change near-r2; it changes"):
        resume(bench.context(), without=["near-r2"])
    resumed = resume(bench.context(), without=["near-r1"])
    assert resumed
    assert resumed.outcome is Outcome.DIFFERS
    assert "given up" in resumed.devices["near-r1"]
    assert bench.journal.unfinished() == ()
    for number in (1, None):
        with pytest.raises(UnknownNameError, match="apply 1 left devices differing"):
            rollback(bench.context(), number)


def test_device_that_reverted_before_its_confirmation_is_brought_forward_again(bench):
    device = bench.network.device("middle-r1")
    device.faults = Faults(hangs=frozenset({Act.CONFIRM}), silence_s=200)

    def progress(event):
        if isinstance(event, Waiting):
            device.faults = Faults()

    result = apply(chain(), replace(bench.context(), progress=progress))
    assert result.outcome is Outcome.CONFIRMED
    assert bench.versions() == "new"
    assert bench.pending() == []


def test_confirmation_refused_because_the_timer_just_fired_is_no_reason_to_undo(bench):
    class Late:
        def __init__(self, driver):
            self.driver = driver

        def confirm(self):
            if fired:
                return self.driver.confirm()
            fired.append("far-r1")
            bench.network.device("far-r1").revert()
            raise RejectedError("far-r1", "was undone before")

        def __getattr__(self, act):
            return getattr(self.driver, act)

    fired: list[str] = []

    def connect(name):
        driver = bench.network.connect(name)
        return Late(driver) if name == "far-r1" else driver

    result = apply(chain(), bench.context(connect=connect))
    assert fired
    assert result.outcome is Outcome.CONFIRMED
    assert bench.versions() == "new"
    assert bench.pending() == []


def test_device_that_reverted_and_now_refuses_takes_everyone_back(bench):
    device = bench.network.device("middle-r1")
    device.faults = Faults(hangs=frozenset({Act.CONFIRM}), silence_s=200)

    def progress(event):
        if isinstance(event, Waiting):
            device.faults = Faults(rejects=frozenset({"version 2"}))

    result = apply(chain(), replace(bench.context(), progress=progress))
    assert result.outcome is Outcome.ROLLED_BACK
    assert bench.versions() == "old"
    assert bench.pending() == []
    assert all(bench.network.device(n).startup == old(n) for n in NAMES)


def test_someone_elses_change_meanwhile_is_reported_and_left_alone(bench):
    device = bench.network.device("middle-r1")

    def progress(event):
        if isinstance(event, Verified):
            device.running = DeviceConfig("by hand\n")

    result = apply(chain(), replace(bench.context(), progress=progress))
    assert result.outcome is Outcome.DIFFERS
    assert "sanaga show middle-r1 --diff" in result.devices["middle-r1"]
    assert device.now_running().text == "by hand\n"
    assert bench.journal.unfinished() == ()


def test_timers_that_would_fire_before_confirmation_mean_rollback(bench):
    def progress(event):
        if isinstance(event, Verified):
            bench.clock.pause(155)

    result = apply(chain(), replace(bench.context(), progress=progress))
    assert result.outcome is Outcome.ROLLED_BACK
    assert "timers" in result.because
    assert bench.versions() == "old"


def test_time_too_short_to_confirm_is_refused_beforehand(bench):
    with pytest.raises(PlanError, match="too short"):
        apply(chain(), bench.context(), confirm_within_s=1)


def test_second_apply_is_kept_out_while_one_runs(bench):
    with bench.journal.lock(), pytest.raises(JournalError, match="is changing the network"):
        apply(chain(), bench.context())


def test_ctrl_c_rolls_back(bench):
    def progress(event):
        if isinstance(event, WaveStarted) and event.number == 2:
            raise KeyboardInterrupt

    result = apply(chain(), replace(bench.context(), progress=progress))
    assert result.outcome is Outcome.ROLLED_BACK
    assert "Ctrl-C" in result.because
    assert bench.versions() == "old"


def test_ctrl_c_after_the_decision_does_not_undo_it(bench):
    struck: list[DeviceDone] = []

    def progress(event):
        if isinstance(event, DeviceDone) and event.act == "confirm" and not struck:
            struck.append(event)
            raise KeyboardInterrupt

    result = apply(chain(), replace(bench.context(), progress=progress))
    assert result.outcome is Outcome.CONFIRMED
    assert bench.versions() == "new"


def test_second_ctrl_c_leaves_it_to_resume(bench):
    def progress(event):
        if isinstance(event, WaveStarted | Decided):
            raise KeyboardInterrupt

    with pytest.raises(UnfinishedError, match="apply --resume"):
        apply(chain(), replace(bench.context(), progress=progress))
    resumed = resume(bench.context())
    assert resumed
    assert resumed.outcome is Outcome.ROLLED_BACK
    assert bench.versions() == "old"


def test_every_act_was_written_down_before_it_happened(bench):
    seen = []

    class Watching:
        def __init__(self, driver, name):
            self.driver, self.name = driver, name

        def __getattr__(self, act):
            if act in ("stage", "commit", "confirm"):
                steps = bench.journal.steps(1)
                begun = [s for s in steps if s.device == self.name and s.act == act]
                seen.append((self.name, act, bool(begun) and begun[-1].became is None))
            return getattr(self.driver, act)

    apply(chain(), bench.context(connect=lambda n: Watching(bench.network.connect(n), n)))
    assert len(seen) == 9
    assert all(written for *_, written in seen)


def test_devices_may_share_a_wave(bench):
    plan = chain([("far-r1",), ("middle-r1", "near-r1")])
    assert apply(plan, bench.context()).outcome is Outcome.CONFIRMED
    assert bench.versions() == "new"


SLOW_APPLY = """
import signal
import sys
from pathlib import Path
from threading import Event
from controller.apply.run import apply
from controller.clock import SystemClock
from controller.apply.events import WaveStarted
from controller.apply.session import ApplyContext
from controller.terminal.output import heed_hangups
from tests.rigs.controller.apply_rig import Bench, chain

# What a shell starts in the background ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
heed_hangups()
bench = Bench(Path(sys.argv[1]))

class Slow:
    def __init__(self, driver):
        self.driver = driver

    def commit(self, **options):
        print("committing", flush=True)
        Event().wait(0.5)
        self.driver.commit(**options)

    def __getattr__(self, act):
        return getattr(self.driver, act)

connect = lambda name: Slow(bench.network.connect(name))
result = apply(chain(), ApplyContext(connect, bench.journal, SystemClock()))
print(result.outcome, bench.versions(), bench.pending(), result.because, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_real_ctrl_c_lets_the_step_end_and_takes_everyone_back(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_APPLY, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "committing\n"
    assert process.stdout.readline() == "committing\n"
    process.send_signal(number)
    if number != signal.SIGINT:
        # A closed terminal often sends both, and the shell its own.
        process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert output == "rolled-back old [] interrupted by Ctrl-C, or by a signal to end\n"


@pytest.mark.parametrize(("lost", "outcome"), [(True, "rolled-back"), (False, "confirmed")])
def test_router_changed_alone_must_not_lose_whom_it_reached(bench, lost, outcome):
    made = replace(chain([NAMES[:1]]), beyond=((NAMES[0], NAMES[1]),))
    made = replace(made, loopbacks={name: loopback(name) for name in NAMES})
    muted = frozenset({loopback(NAMES[1])} if lost else ())
    bench.network.device(NAMES[0]).faults = Faults(mutes=muted)
    result = apply(made, bench.context())
    assert result.outcome == outcome
    assert (bench.network.device(NAMES[0]).now_running() == old(NAMES[0])) == lost


def test_router_changed_alone_need_not_reach_whom_it_did_not(bench):
    bench.network.device(NAMES[0]).reach = lambda _source, _target: False
    made = replace(chain([NAMES[:1]]), beyond=((NAMES[0], NAMES[1]),))
    made = replace(made, loopbacks={name: loopback(name) for name in NAMES})
    assert apply(made, bench.context()).outcome == "confirmed"
