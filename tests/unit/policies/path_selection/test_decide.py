from dataclasses import replace

import pytest

from inventory.model import Medium
from policies.clinical import read_catalogue
from policies.model import PathPolicy, Slo
from policies.path_selection.decide import Alternative, Decision, Duty, Memory, decide
from policies.path_selection.memory import hold_down_s
from topology.quality.health import LinkHealth, unknown_health

NOW_S = 1000.0
MEDIA = (Medium.FIBRE, Medium.LEO, Medium.LTE, Medium.VSAT)
POLICY = PathPolicy("consultation-audio", MEDIA, 100, 60, 5, metered_allowed=True)
DUTY = Duty(Slo(delay_ms=150, jitter_ms=50, loss=0.03, mos=4.0), POLICY)
# What does not travel in the care tunnel, and so has no copy to follow.
ROUTED = replace(DUTY, policy=replace(POLICY, service="records"))
DELAYS = {Medium.FIBRE: 20.0, Medium.LEO: 60.0, Medium.LTE: 80.0, Medium.VSAT: 600.0}


def well(medium: Medium, **changes) -> LinkHealth:
    delay_ms = DELAYS[medium]
    mos = 3.2 if medium is Medium.VSAT else 4.3
    health = LinkHealth(
        medium, NOW_S, delay_ms, delay_ms, 5.0, pace_s=0.02, mos=mos, answered_at_s=NOW_S
    )
    return replace(health, **changes)


def dead(medium: Medium, **changes) -> LinkHealth:
    return well(medium, dead=True, overdue=4, silent_s=0.1, answered_at_s=NOW_S - 0.1, **changes)


def offer(**healths: LinkHealth) -> list[Alternative]:
    return [
        Alternative(name, health.medium, health.medium is Medium.LTE, 1, health)
        for name, health in healths.items()
    ]


FIBRE, LEO, LTE, VSAT = (well(medium) for medium in MEDIA)


def asked(paths, path="fibre", *, after_s=3600.0, duty=DUTY, memory=None, **how) -> Decision:
    """Decide when every path has been as it is now for a while."""
    if memory is None:
        before = decide(paths, duty, Memory(path), now_s=NOW_S - after_s)
        memory = replace(before.memory, path=path, moves=(), left=())
    return decide(paths, duty, memory, now_s=NOW_S, **how)


def test_the_first_choice_is_the_first_medium_of_the_policy_that_answers():
    paths = offer(lte=LTE, leo=LEO, fibre=FIBRE)
    found = decide(paths, DUTY, Memory(), now_s=NOW_S)
    assert (found.path, found.second) == ("fibre", "leo")
    assert found.reason.startswith(
        "nothing was chosen before; fibre is the best of 3 (fibre, 10 ms"
    )


def test_a_dead_path_is_left_with_figures():
    found = asked(offer(fibre=dead(Medium.FIBRE), leo=LEO, lte=LTE))
    assert (found.path, found.second, found.moved) == ("leo", "lte", True)
    assert found.reason == (
        "fibre answers no more (4 test packets, 100 ms); leo is the best of 2 left "
        "(leo, 30 ms one way, jitter 5 ms, loss 0.0%, MOS 4.3)"
    )


def test_a_path_that_did_not_outlive_the_dead_one_is_not_fled_to_but_asked():
    silent = well(Medium.LEO, answered_at_s=NOW_S - 0.09)
    found = asked(offer(fibre=dead(Medium.FIBRE), leo=silent))
    assert (found.path, found.asks) == ("fibre", ("leo",))
    assert "did not outlive it for certain yet" in found.reason


def test_a_path_that_only_just_came_back_is_given_a_moment():
    back = well(Medium.LEO, steady_since_s=NOW_S - 0.02)
    assert asked(offer(fibre=dead(Medium.FIBRE), leo=back)).path == "fibre"
    back = well(Medium.LEO, steady_since_s=NOW_S - 0.3)
    assert asked(offer(fibre=dead(Medium.FIBRE), leo=back)).path == "leo"


def test_traffic_stays_when_no_path_answers():
    found = asked(offer(fibre=dead(Medium.FIBRE), leo=dead(Medium.LEO)))
    assert found.path == "fibre"
    assert found.reason.endswith("but no other path answers either")


def test_a_lossy_path_is_left_after_as_long_as_the_policy_says():
    paths = offer(fibre=well(Medium.FIBRE, lossy=True, loss_out=0.031, mos=4.1), leo=LEO)
    soon = replace(asked(paths, after_s=0.05).memory, path="fibre")
    assert asked(paths, memory=soon).path == "fibre"
    found = asked(paths)
    assert found.path == "leo"
    assert found.reason.startswith(
        "fibre loses 3.1%, more than is usual for fibre; leo does better"
    )


@pytest.mark.parametrize("service", sorted(read_catalogue().classes))
def test_a_fibre_that_loses_a_little_is_not_left_for_an_lte_that_loses_more(service):
    """What LTE loses is usual for LTE, and worse all the same."""
    known = read_catalogue()
    duty = Duty(known.classes[service].slo, known.paths[service])
    fibre = well(Medium.FIBRE, delay_ms=12.0, lossy=True, loss_out=0.01, mos=4.2)
    lte = well(Medium.LTE, delay_ms=84.0, loss_out=0.035, loss_in=0.04, mos=4.0)
    assert asked(offer(fibre=fibre, lte=lte), duty=duty).path == "fibre"
    # The control: it is left for the same LTE in fair weather when it loses much.
    losing = replace(fibre, loss_out=0.15, mos=3.0)
    fair = well(Medium.LTE, delay_ms=84.0, loss_out=0.005)
    found = asked(offer(fibre=losing, lte=fair), duty=duty)
    assert found.path == ("lte" if duty.policy.metered_allowed else "fibre")


def test_a_lossy_fibre_is_not_left_for_a_geostationary_satellite():
    paths = offer(fibre=well(Medium.FIBRE, lossy=True, loss_out=0.031, mos=4.1), vsat=VSAT)
    assert asked(paths).path == "fibre"


def test_a_satellite_that_does_what_it_can_is_not_fled_from():
    found = asked(offer(vsat=VSAT), "vsat")
    assert found.reason.startswith("vsat does what its medium can (300 ms one way")


def test_a_preferred_path_is_taken_back_slowly_and_not_in_a_consultation():
    paths = offer(fibre=FIBRE, leo=LEO)
    assert asked(paths, "leo", after_s=59, duty=ROUTED).path == "leo"
    assert asked(paths, "leo", after_s=61, duty=ROUTED).path == "fibre"
    found = asked(paths, "leo", duty=ROUTED, consultation=True)
    assert found.path == "leo"
    assert found.reason.endswith("is kept from fibre while a consultation runs")


def test_a_preferred_path_that_comes_to_keep_its_objective_is_taken_back_all_the_same():
    far, near = well(Medium.LEO, delay_ms=320.0), well(Medium.LEO, delay_ms=160.0)
    before = offer(cheap=far, dear=replace(far, at_s=NOW_S))
    paths = [replace(before[0], cost=1), replace(before[1], cost=2)]
    kept = decide(paths, DUTY, Memory("dear"), now_s=NOW_S - 3600.0).memory
    memory = replace(kept, path="dear", moves=(), left=())
    assert decide(paths, DUTY, memory, now_s=NOW_S).path == "cheap"
    better = [replace(paths[0], health=near), paths[1]]
    assert decide(better, DUTY, memory, now_s=NOW_S).path == "cheap"


def test_a_drained_path_is_left_at_once_and_without_another_kept():
    paths = offer(fibre=FIBRE, leo=LEO)
    drained = [replace(paths[0], drained=True), paths[1]]
    found = asked(drained, consultation=True)
    assert (found.path, found.second, found.moved) == ("leo", None, True)
    alone = [replace(paths[0], drained=True), replace(paths[1], health=dead(Medium.LEO))]
    assert asked(alone).path == "fibre"


def test_the_hold_down_grows_with_moves_and_decays():
    moves = (NOW_S - 30, NOW_S - 20, NOW_S - 10)
    memory = Memory("leo", moves=moves, left=("a", "b", "c"))
    assert [hold_down_s(replace(memory, moves=moves[:n]), POLICY) for n in range(4)] == [
        5, 5, 10, 20,
    ]  # fmt: skip
    paths = offer(fibre=FIBRE, leo=LEO)
    known = asked(paths, "leo").memory.standings
    held = replace(memory, standings=known)
    assert "none is made for 20 s" in asked(paths, memory=held).reason
    later = decide(paths, DUTY, held, now_s=NOW_S + 330)
    assert later.path == "fibre"
    assert len(later.memory.moves) == 1


def test_a_path_left_a_moment_ago_is_taken_back_from_a_dead_one_after_a_second():
    paths = offer(fibre=FIBRE, leo=dead(Medium.LEO))
    for ago_s, path in ((0.5, "leo"), (1.1, "fibre")):
        memory = Memory("leo", moves=(NOW_S - ago_s,), left=("fibre",))
        assert asked(paths, memory=memory).path == path


def test_media_and_metered_paths_that_the_policy_does_not_allow_are_never_taken():
    duty = Duty(DUTY.slo, replace(POLICY, media=(Medium.FIBRE, Medium.LTE), metered_allowed=False))
    assert decide(offer(leo=LEO, lte=LTE), duty, Memory(), now_s=NOW_S).path is None
    found = decide(offer(fibre=FIBRE, leo=LEO, lte=LTE), duty, Memory(), now_s=NOW_S)
    assert (found.path, found.second) == ("fibre", None)


def test_a_metered_path_costs_more_among_paths_of_one_medium():
    duty = Duty(DUTY.slo, replace(POLICY, metered_cost=3))
    paths = [
        Alternative("cheap", Medium.LTE, metered=True, cost=1, health=LTE),
        Alternative("dear", Medium.LTE, metered=False, cost=3, health=LTE),
    ]
    assert decide(paths, duty, Memory(), now_s=NOW_S).path == "dear"


@pytest.mark.parametrize(
    ("leo", "second"),
    [
        (LEO, "leo"),
        (well(Medium.LEO, lossy=True, loss_out=0.2), "lte"),
        (dead(Medium.LEO), "lte"),
    ],
)
def test_a_metered_path_carries_the_copy_only_when_no_other_is_well(leo, second):
    assert asked(offer(fibre=FIBRE, leo=leo, lte=LTE)).second == second


def test_the_copy_stays_where_it_is_until_something_better_has_proven_itself():
    paths = offer(fibre=FIBRE, leo=LEO, lte=LTE)
    memory = replace(asked(paths, after_s=2).memory, path="fibre", second="lte")
    assert asked(paths, memory=memory).second == "lte"
    assert decide(paths, DUTY, memory, now_s=NOW_S + 1.1).second == "leo"


def mended(*, began_s: float = NOW_S) -> tuple[list[Alternative], Memory]:
    """Return paths of which the fibre has come back this instant, and a call that left it."""
    paths = offer(fibre=FIBRE, leo=LEO, lte=LTE)
    gone = offer(fibre=dead(Medium.FIBRE), leo=LEO, lte=LTE)
    left = asked(gone, consultation=True)
    assert (left.path, left.second) == ("leo", "lte")
    memory = replace(left.memory, moves=(began_s - 30,), left=("fibre",))
    return paths, decide(paths, DUTY, memory, now_s=began_s, consultation=True).memory


def test_after_a_mend_the_copy_joins_within_seconds_and_the_call_follows_it():
    paths, memory = mended()
    seen = []
    for number in range(1, 100):
        found = decide(paths, DUTY, memory, now_s=NOW_S + number / 10, consultation=True)
        memory = found.memory
        if (found.path, found.second) not in seen:
            seen.append((found.path, found.second))
            at_s = number / 10
    assert seen == [("leo", "lte"), ("leo", "fibre"), ("fibre", "leo")]
    assert at_s < 8
    assert len(memory.moves) == 2


def test_what_travels_without_copies_waits_for_the_end_of_the_consultation():
    paths, memory = mended()
    for number in range(1, 900):
        found = decide(paths, ROUTED, memory, now_s=NOW_S + number / 10, consultation=True)
        memory = found.memory
    assert found.path == "leo"


def test_a_path_that_was_left_more_often_carries_the_copy_for_longer_before_the_call_follows():
    paths, memory = mended()
    memory = replace(memory, moves=(NOW_S - 200, NOW_S - 130, NOW_S - 60), left=("fibre",) * 3)
    at_s = dict[tuple[str | None, str | None], float]()
    for number in range(1, 600):
        found = decide(paths, DUTY, memory, now_s=NOW_S + number / 10, consultation=True)
        memory = found.memory
        at_s.setdefault((found.path, found.second), number / 10)
    assert at_s["leo", "fibre"] > 10
    assert at_s["fibre", "leo"] > at_s["leo", "fibre"] + 14


def test_a_metered_path_is_left_for_a_free_one_after_as_long_as_the_policy_says():
    paths = offer(lte=LTE, leo=LEO)
    dear = replace(DUTY, policy=replace(ROUTED.policy, media=(Medium.LTE, Medium.LEO)))
    known = asked(paths, "lte", duty=dear).memory
    for taken_s, path in ((299, "lte"), (301, "leo")):
        since_s = NOW_S - taken_s
        memory = replace(known, path="lte", path_since_s=since_s, moves=(), left=())
        found = asked(paths, duty=dear, memory=memory, consultation=True)
        assert found.path == path
    assert found.reason == (
        "lte is metered and was taken for over 300 s; leo is free and keeps the objective"
    )
    poor = offer(lte=LTE, leo=well(Medium.LEO, delay_ms=400.0))
    assert asked(poor, duty=dear, memory=memory, consultation=True).path == "lte"


def test_the_copy_stays_on_a_dead_path_that_costs_nothing_when_there_is_no_other():
    assert asked(offer(fibre=FIBRE, leo=dead(Medium.LEO))).second == "leo"
    assert asked(offer(fibre=FIBRE, lte=dead(Medium.LTE))).second is None


def test_this_hosts_own_lateness_moves_nothing():
    found = asked(offer(fibre=dead(Medium.FIBRE, stalled=True), leo=LEO))
    assert found.path == "fibre"
    assert found.reason == "this host was late itself, which is not held against fibre"


def test_a_path_that_was_left_again_and_again_is_taken_back_later_each_time():
    paths = offer(fibre=FIBRE, leo=LEO)
    for times, after_s in ((1, 60), (2, 120), (3, 240)):
        moves = tuple(NOW_S - 280 + number for number in range(times))
        for well_s, path in ((after_s - 1, "leo"), (after_s + 1, "fibre")):
            known = asked(paths, "leo", after_s=well_s).memory.standings
            memory = Memory("leo", moves=moves, left=("fibre",) * times, standings=known)
            assert decide(paths, DUTY, memory, now_s=NOW_S).path == path


def test_after_many_moves_a_path_that_still_carries_something_is_not_fled_from_at_once():
    recent = Memory(
        "fibre", moves=(NOW_S - 20, NOW_S - 12, NOW_S - 4), left=("fibre", "leo", "fibre")
    )
    for silent_s, path in ((0.3, "fibre"), (2.1, "leo")):
        silent = replace(dead(Medium.FIBRE), silent_s=silent_s, answered_at_s=NOW_S - silent_s)
        assert asked(offer(fibre=silent, leo=LEO), memory=recent).path == path
    # One that was not left before is taken at once, and so is any after fewer moves.
    silent = dead(Medium.FIBRE)
    assert asked(offer(fibre=silent, leo=LEO, lte=LTE), memory=recent).path == "lte"
    few = replace(recent, moves=recent.moves[1:], left=recent.left[1:])
    assert asked(offer(fibre=silent, leo=LEO), memory=few).path == "leo"


def test_a_host_that_is_late_again_and_again_leaves_for_what_answered_between_its_stalls():
    silent = dead(Medium.FIBRE, unanswered=2.0, pace_s=0.1)
    late = {"stalled": True, "steady_since_s": NOW_S - 0.02}
    for alive_s, path in ((0.1, "fibre"), (0.3, "leo")):
        answering = well(Medium.LEO, alive_s=alive_s, **late)
        assert asked(offer(fibre=silent, leo=answering)).path == path
    missing = well(Medium.LEO, alive_s=0.3, unanswered=9.0, **late)
    assert asked(offer(fibre=silent, leo=missing)).path == "fibre"


def test_times_of_another_boot_hold_nothing_down():
    memory = Memory("fibre", moves=(NOW_S + 9000,), left=("leo",))
    assert asked(offer(fibre=dead(Medium.FIBRE), leo=LEO), memory=memory).path == "leo"


def test_a_path_that_is_no_longer_offered_is_left():
    found = asked(offer(leo=LEO), memory=Memory("fibre"))
    assert found.path == "leo"
    assert found.reason.startswith("fibre is no longer offered; leo is the best of 1")


def test_a_path_not_measured_yet_is_kept():
    found = asked(offer(fibre=unknown_health(Medium.FIBRE, NOW_S), leo=LEO))
    assert found.reason == "fibre has not been measured yet"


def silent(medium: Medium) -> LinkHealth:
    return replace(unknown_health(medium, NOW_S), dead=True, overdue=8)


def settle(*steps: tuple[float, list[Alternative]], **how) -> list[Decision]:
    """Decide at seconds after a start, and then a while later, remembering."""
    memory, found, duty = Memory(began_s=NOW_S), [], how.pop("duty", DUTY)
    for after_s, paths in steps:
        found.append(decide(paths, duty, memory, now_s=NOW_S + after_s, **how))
        memory = found[-1].memory
    return found


def test_after_a_start_the_preferred_path_is_taken_when_it_comes_up():
    early = offer(fibre=silent(Medium.FIBRE), leo=silent(Medium.LEO), lte=LTE)
    late = offer(fibre=FIBRE, leo=LEO, lte=LTE)
    found = settle((0.0, early), (5.0, late), (6.1, late))
    assert [one.path for one in found] == ["lte", "lte", "fibre"]
    assert found[-1].reason.startswith("fibre came up since; fibre is preferred (fibre, 10 ms")
    assert found[-1].second == "leo"


def test_after_a_start_a_path_that_never_answered_is_left_for_one_that_does():
    nothing = offer(fibre=silent(Medium.FIBRE), leo=silent(Medium.LEO))
    found = settle((0.0, nothing), (2.0, offer(fibre=silent(Medium.FIBRE), leo=LEO)))
    assert (found[1].path, found[1].memory.moves) == ("leo", ())
    assert found[1].reason.startswith("fibre has not answered yet; leo is preferred")


def test_a_start_is_over_once_something_failed_or_after_a_minute():
    early, late = offer(fibre=silent(Medium.FIBRE), lte=LTE), offer(fibre=FIBRE, lte=LTE)
    assert settle((0.0, early), (61.0, late), (63.0, late))[-1].path == "lte"
    failed = offer(fibre=dead(Medium.FIBRE), lte=LTE)
    found = settle((0.0, late), (9.0, failed), (10.0, late), (20.0, late), duty=ROUTED)
    assert [one.path for one in found] == ["fibre", "lte", "lte", "lte"]


def test_no_preferred_path_is_taken_after_a_start_while_a_consultation_runs():
    early, late = offer(fibre=silent(Medium.FIBRE), lte=LTE), offer(fibre=FIBRE, lte=LTE)
    found = settle((0.0, early), (5.0, late), (7.0, late), consultation=True)
    assert found[-1].path == "lte"
