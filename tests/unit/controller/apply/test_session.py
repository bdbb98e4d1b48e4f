"""Clock, parallel work, pace and observation: what the rim is made of."""

from datetime import UTC
from threading import Barrier

import pytest

from controller.apply.events import Event
from controller.apply.session import Timeouts
from controller.clock import SystemClock, eventually
from controller.drivers.memory import Act, Faults, MemoryNetwork
from controller.drivers.observe import DeviceDone, observe
from controller.transport.fanout import for_each_device
from inventory.errors import CredentialError, SanagaError, UnreachableError
from tests.simulated_time import TestClock


def test_machine_clock_goes_forward_and_knows_utc():
    clock = SystemClock()
    before = clock.now()
    clock.pause(0.001)
    assert clock.now() > before
    assert clock.instant().tzinfo is UTC


def test_state_that_never_comes_is_given_up_at_the_deadline():
    clock = TestClock()
    asked: list[float] = []
    deadline = clock.now() + 3

    def never() -> bool:
        asked.append(clock.now())
        return False

    assert not eventually(never, deadline=deadline, poll_s=1, clock=clock)
    assert clock.now() == deadline
    assert len(asked) == 4


def test_state_that_is_there_costs_no_time_even_after_the_deadline():
    clock = TestClock()
    assert eventually(lambda: True, deadline=clock.now() - 1, poll_s=1, clock=clock)
    assert clock.elapsed == 0


def refuse(number: int) -> int:
    if number == 2:
        raise SanagaError("two")
    return number * 10


@pytest.mark.parametrize("workers", [1, 3])
def test_error_of_one_item_does_not_touch_the_others(workers):
    results = {n: str(result) for n, result in for_each_device([1, 2, 3], refuse, workers=workers)}
    assert results == {1: "10", 2: "two", 3: "30"}


def test_items_are_worked_on_at_the_same_time():
    together = Barrier(3, timeout=10)
    assert len(list(for_each_device(range(3), lambda _: together.wait(), workers=3))) == 3


@pytest.mark.parametrize("workers", [1, 3])
def test_no_items_are_no_work(workers):
    assert list(for_each_device([], refuse, workers=workers)) == []


def test_interruption_waits_for_begun_work_and_begins_no_more():
    begun: list[int] = []
    results = for_each_device(range(100), begun.append, workers=1 + 1)
    next(results)
    results.close()
    assert len(begun) < 100


def test_observation_tells_who_was_read_and_why_others_were_not():
    network = MemoryNetwork({"a": "hostname a\n", "b": ""}, clock=TestClock())
    network.device("b").faults = Faults(hangs=frozenset({Act.READ}))

    def connect(name):
        if name == "c":
            raise UnreachableError("c", "no route to it")
        return network.connect(name)

    told: list[Event] = []
    seen = observe(["c", "b", "a"], connect, progress=told.append, workers=2)
    assert list(seen.configs) == ["a"]
    assert list(seen.unreachable) == ["b", "c"]
    assert "no route" in seen.unreachable["c"]
    read = [event for event in told if isinstance(event, DeviceDone)]
    assert {e.device: bool(e.detail) for e in read} == {"a": False, "b": True, "c": True}


def test_a_missing_secret_is_no_fault_of_the_devices():
    def connect(name):
        raise CredentialError("env:KEY is not set")

    with pytest.raises(CredentialError, match="env:KEY"):
        observe(["a", "b"], connect)


def test_timers_grow_with_the_waves_and_with_what_confirming_takes():
    pace = Timeouts(base_s=100, per_wave_s=10)
    assert pace.window_s(3, 0) == 130
    assert pace.window_s(3, 0, base_s=50) == 80
    assert pace.window_s(3, 500) - pace.window_s(3, 5) == pytest.approx(
        pace.margin_s(500) - pace.margin_s(5)
    )
    assert pace.margin_s(500) > pace.margin_s(5)


@pytest.mark.parametrize("devices", [1, 429, 20_000])
@pytest.mark.parametrize("factor", [0.02, 1.0, 20.0])
def test_timers_of_any_number_of_devices_leave_time_to_begin(devices, factor):
    pace = Timeouts().times(factor)
    assert pace.window_s(1, devices) > pace.margin_s(devices) + pace.gate_s


def test_pace_scales_every_wait_for_others_but_not_how_often_it_looks():
    pace = Timeouts().times(0.1)
    assert pace.window_s(2, 0) == pytest.approx(36)
    assert (pace.gate_s, pace.verify_s, pace.grace_s) == pytest.approx((6, 9, 2))
    assert pace.poll_s == Timeouts().poll_s
