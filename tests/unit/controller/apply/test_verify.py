from dataclasses import replace

import pytest

from controller.apply.session import DeviceConnections
from controller.apply.verify import _sentences, answering, gate, required, verify
from controller.model import Change, DeviceConfig, Impact, Plan
from tests.rigs.controller.apply_rig import NAMES, Bench, chain, loopback, new

FAR, MIDDLE, NEAR = NAMES
ALL = frozenset(chain().reaches)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def deaf(bench, source, target):
    bench.network.device(source).reach = lambda _s, t: t != loopback(target)


def only(plan: Plan, *names: str) -> Plan:
    waves = (tuple(c for c in wave if c.device in names) for wave in plan.waves)
    return replace(plan, waves=tuple(wave for wave in waves if wave))


def softened(plan: Plan, impact: Impact) -> Plan:
    def soft(change: Change) -> Change:
        return replace(change, impact=impact)

    return replace(plan, waves=tuple(tuple(map(soft, wave)) for wave in plan.waves))


def test_pairs_that_answer_are_told_from_those_that_do_not(bench):
    deaf(bench, FAR, NEAR)
    assert answering(ALL, chain(), DeviceConnections(bench.context())) == ALL - {(FAR, NEAR)}


def test_verdict_names_who_does_not_reach_whom_after_the_time_to_converge(bench):
    deaf(bench, FAR, NEAR)
    began = bench.clock.now()
    verdict = verify(chain(), DeviceConnections(bench.context()), ALL)
    assert not verdict.holds
    assert verdict.evidence == (
        "2 of 3 pairs of loopbacks reach each other.",
        f"far-r1 ({loopback(FAR)}) does not reach near-r1 ({loopback(NEAR)}).",
    )
    assert bench.clock.now() - began == bench.context().pace.verify_s


def test_verdict_waits_for_convergence(bench):
    until = bench.clock.now() + 5
    bench.network.device(FAR).reach = lambda _s, _t: bench.clock.now() >= until
    assert verify(chain(), DeviceConnections(bench.context()), ALL).holds


def test_what_was_broken_before_and_is_not_touched_is_told_but_not_held_against_the_plan(bench):
    deaf(bench, FAR, MIDDLE)
    verdict = verify(only(chain(), NEAR), DeviceConnections(bench.context()), ALL - {(FAR, MIDDLE)})
    assert verdict.holds
    assert verdict.evidence[-1].endswith("It did not before either.")


def test_what_was_broken_before_and_is_touched_must_work_now(bench):
    deaf(bench, FAR, MIDDLE)
    assert not verify(
        only(chain(), FAR), DeviceConnections(bench.context()), ALL - {(FAR, MIDDLE)}
    ).holds


def test_gate_compares_what_runs_with_what_was_given(bench):
    bench.network.device(FAR).running = DeviceConfig(new(FAR).text.replace("version 2", "other"))
    verdict = gate(chain(), 1, ALL, DeviceConnections(bench.context()))
    assert not verdict.holds
    assert "misses 'version 2'" in verdict.evidence[0]


def test_gate_names_a_line_that_should_not_be_there(bench):
    bench.network.device(FAR).running = DeviceConfig(new(FAR).text + "extra\n")
    assert (
        "runs also 'extra'" in gate(chain(), 1, ALL, DeviceConnections(bench.context())).evidence[0]
    )


def test_pairs_behind_a_change_still_to_come_are_not_required_yet():
    assert required(chain(), 1, ALL) == frozenset()
    assert required(chain(), 2, ALL) == {(FAR, MIDDLE)}
    assert required(chain(), 3, ALL) == {(FAR, NEAR), (MIDDLE, NEAR)} | {(FAR, MIDDLE)}


def test_changes_without_impact_leave_every_pair_required():
    assert required(softened(chain(), Impact.NONE), 2, ALL) == ALL


def test_pairs_that_never_held_are_not_required():
    assert required(chain(), 3, frozenset()) == frozenset()


def test_device_whose_neighbours_have_all_converged_must_reach_one(bench):
    for name in NAMES:
        bench.network.device(name).running = new(name)
        bench.network.device(name).reach = lambda _s, _t: False
    verdict = gate(chain(), 3, frozenset(), DeviceConnections(bench.context()))
    assert not verdict.holds
    assert "near-r1 reaches none of its neighbours." in verdict.evidence


def test_device_that_reaches_one_of_its_neighbours_is_well(bench):
    for name in NAMES:
        bench.network.device(name).running = new(name)
    deaf(bench, MIDDLE, FAR)
    assert gate(chain(), 3, frozenset(), DeviceConnections(bench.context())).holds


def test_long_lists_are_cut():
    names = [f"site-{n:02}-r1" for n in range(15)]
    plan = replace(
        chain(),
        reaches=tuple((names[0], name) for name in names[1:]),
        loopbacks={name: loopback(name) for name in names},
    )
    told = _sentences(plan.reaches, plan)
    assert len(told) == 9
    assert told[-1] == "So it is with 6 pairs more."
