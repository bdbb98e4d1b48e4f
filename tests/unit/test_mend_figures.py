"""How the failover benchmark reads calls through a mend, and which of them it calls missed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.failover.after_mend import (
    CALM_S,
    CUT_AT_S,
    LOST_MS,
    MEND_AT_S,
    Recorded,
    judge_call,
)
from tests.failover.flows import VIDEO, VOICE, Called, Heard
from tests.failover.mend_figures import (
    LIMIT_S,
    MendCall,
    Move,
    as_seconds,
    back_after_s,
    carried_before_mend,
    extra_moves,
    mend_verdicts,
    p95_between,
    usual_p95,
)
from tests.failover.mend_report import measured
from tests.failover.trials import OFFERED, SAMPLE_S, Sample

MEND_S, ENDS_S, PACE = 12.0, 32.0, 50
USUAL_MS, AWAY_MS, LIMIT_MS = 10.0, 30.0, 15.0
GOOD = MendCall(
    weather=False,
    usual_ms=USUAL_MS,
    away_ms=AWAY_MS,
    back_s=4.2,
    metered=True,
    released_s=4.0,
    lost_before=0,
    lost_after=0,
    extra_moves=(),
    sender_late_ms=1.0,
)
OFF = Move(-7.0, "edge consultation-audio", "edge-fibre", "edge-leo", "cut")
BACK = Move(5.0, "edge consultation-audio", "edge-leo", "edge-fibre", "mend")
FALSE = Move(9.0, "edge consultation-audio", "edge-fibre", "edge-leo", "weather")


def delays(delay_ms: Callable[[float], float]) -> list[tuple[float, float]]:
    """Return the delays of a call of 50 packets a second."""
    sent = (number / PACE for number in range(round(ENDS_S * PACE)))
    return [(sent_s, delay_ms(sent_s)) for sent_s in sent]


def returning(back_s: float) -> list[tuple[float, float]]:
    """Return the delays of a call that is back so long after the mend."""
    return delays(lambda sent_s: AWAY_MS if 5 <= sent_s < MEND_S + back_s else USUAL_MS)


def asked(**flows: list[tuple[float, float]]) -> float | None:
    return back_after_s(flows, MEND_S, ENDS_S, LIMIT_MS)


@pytest.mark.parametrize("back_s", [0.5, 4.2, 16.0])
def test_the_delay_is_back_when_its_p95_is_that_of_before(back_s: float) -> None:
    found = asked(up=returning(back_s))
    assert found is not None
    assert abs(found - back_s) <= 0.2


def test_a_delay_that_never_comes_back_is_not_back() -> None:
    assert asked(up=delays(lambda sent_s: USUAL_MS if sent_s < 5 else AWAY_MS)) is None


def test_the_slower_direction_says_when_the_delay_is_back() -> None:
    found = asked(up=returning(2.0), down=returning(7.0))
    assert found is not None
    assert found >= 6.8


def test_a_second_of_good_delay_is_not_yet_a_return() -> None:
    def shaken(sent_s: float) -> float:
        after_s = sent_s - MEND_S
        return USUAL_MS if sent_s < 5 or 2 <= after_s < 3.5 or after_s >= 9 else AWAY_MS

    found = asked(up=delays(shaken))
    assert found is not None
    assert found > 8.5


def test_one_late_packet_in_fifty_does_not_undo_a_return() -> None:
    found = asked(up=delays(lambda sent_s: 80.0 if round(sent_s * PACE) % PACE == 0 else USUAL_MS))
    assert found == 0.0


def test_lost_packets_are_no_good_delay() -> None:
    heard = delays(lambda sent_s: LOST_MS if MEND_S <= sent_s < MEND_S + 5 else USUAL_MS)
    found = asked(up=heard)
    assert found is not None
    assert found >= 4.9


def test_a_moment_in_which_the_machine_was_late_does_not_raise_what_is_usual() -> None:
    late = delays(lambda sent_s: 90.0 if 3.0 <= sent_s < 3.9 else USUAL_MS)
    assert usual_p95({"up": late}, 1.0, 5.0) == USUAL_MS
    assert usual_p95({"up": late}, 3.0, 4.0) == 90.0


def test_a_while_without_a_packet_has_no_delay() -> None:
    assert p95_between(returning(0.0), ENDS_S, ENDS_S + 1) is None


def test_seconds_count_from_the_mend() -> None:
    shown = dict(as_seconds({"up": returning(4.0)}, MEND_S))
    assert (shown[-12.0], shown[-3.0], shown[3.0], shown[4.0]) == (10.0, 30.0, 30.0, 10.0)


def test_the_metered_line_carried_the_copy_if_its_octets_say_so() -> None:
    assert carried_before_mend(samples(OFFERED))
    assert not carried_before_mend(samples(OFFERED / 10)), "probes alone are no copy"


def samples(octets_a_second: float) -> list[Sample]:
    """Return what had come out of a line by each sample around the mend."""
    times_s = [number * SAMPLE_S for number in range(-20, 20)]
    return [(at_s, round((at_s + 1) * octets_a_second), 0) for at_s in times_s]


def test_leaving_the_fibre_and_coming_back_are_no_extra_moves() -> None:
    assert extra_moves([OFF, BACK], "edge-fibre") == []
    other = [replace(move, who="hub portal") for move in (OFF, BACK)]
    assert extra_moves([OFF, other[0], BACK, other[1]], "edge-fibre") == []


@pytest.mark.parametrize(
    "moves",
    [
        [OFF, BACK, FALSE],
        [OFF, replace(OFF, before="edge-leo", after="edge-lte"), BACK],
        [BACK],
    ],
)
def test_any_other_move_is_one_too_many(moves: list[Move]) -> None:
    assert len(extra_moves(moves, "edge-fibre")) == 1


def test_calls_that_come_back_in_time_meet_every_number() -> None:
    said = mend_verdicts([GOOD, GOOD, replace(GOOD, weather=True, released_s=None)])
    assert [verdict.met for verdict in said] == [True, True, True, True]
    assert said[0].measured.startswith("4.2 s in 2 of 2 calls")


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"back_s": None}, "p95 delay"),
        ({"back_s": LIMIT_S + 0.1}, "p95 delay"),
        # What was never away cannot come back.
        ({"away_ms": USUAL_MS}, "p95 delay"),
        ({"released_s": None}, "metered copy"),
        ({"released_s": LIMIT_S + 0.1}, "metered copy"),
        # Nor can a copy be released that was never there.
        ({"metered": False, "released_s": 0.0}, "metered copy"),
        ({"lost_before": 1}, "0 packets lost"),
        ({"lost_after": 1}, "0 packets lost"),
        ({"weather": True, "extra_moves": ("a move",)}, "0 extra moves"),
    ],
)
def test_a_call_that_misses_a_limit_is_said_to_miss_that_one(
    change: dict[str, object], wanted: str
) -> None:
    windy = replace(GOOD, weather=True)
    said = mend_verdicts([GOOD, windy, replace(GOOD, **change)])  # type: ignore[arg-type]
    missed = [verdict.wanted for verdict in said if not verdict.met]
    assert len(missed) == 1
    assert missed[0].startswith(wanted)


def heard(pps: int, delay_ms: Callable[[float], float | None]) -> Heard:
    """Return what was heard of a flow, with every packet's delay."""
    each = [(number / pps, delay_ms(number / pps)) for number in range(round(CALM_S * pps))]
    return Heard(len(each), 0, 0, 0, 0.0, 0, 20.0, 0.0, 10.0, 30.0, 30.0, None, each)


def recorded(delay_ms: Callable[[float], float | None], moves: list[Move]) -> Recorded:
    """Return a call whose picture towards the LAN has a delay of its own; LTE carries for 4 s."""
    flows = {f"{kind} {way}": pps for kind, pps, _, _ in (VOICE, VIDEO) for way in ("up", "down")}
    quiet = {name: heard(pps, path_of_a_mend) for name, pps in flows.items()}
    called = Called({**quiet, "video down": heard(VIDEO[1], delay_ms)}, sender_late_ms=1.0)
    times_s = [number * SAMPLE_S for number in range(-20, 400)]
    octets = [(at_s, round((1 + min(at_s, 4.0)) * OFFERED), 0) for at_s in times_s]
    return Recorded(called, octets, moves)


def path_of_a_mend(sent_s: float) -> float:
    return AWAY_MS if CUT_AT_S <= sent_s < MEND_AT_S + 4.0 else USUAL_MS


def test_a_recorded_call_is_read_from_its_flows_octets_and_journals() -> None:
    found = judge_call(recorded(path_of_a_mend, [OFF, BACK]), weather=False)
    assert (found.usual_ms, found.away_ms) == (USUAL_MS, AWAY_MS)
    assert found.back_s == pytest.approx(4.0, abs=0.2)
    assert found.metered
    assert found.released_s == pytest.approx(4.0, abs=0.3)
    assert (found.lost_before, found.lost_after, found.extra_moves) == (0, 0, ())
    assert all(verdict.met for verdict in mend_verdicts([found]))


def test_a_recorded_call_with_one_bad_flow_is_called_missed() -> None:
    def bad(sent_s: float) -> float | None:
        if round(sent_s, 3) in {CUT_AT_S, MEND_AT_S + 1.0}:
            return None
        return AWAY_MS if sent_s >= CUT_AT_S else USUAL_MS

    found = judge_call(recorded(bad, [OFF, BACK, FALSE]), weather=False)
    assert found.back_s is None
    assert (found.lost_before, found.lost_after) == (1, 1)
    assert found.extra_moves == (
        "edge consultation-audio from edge-fibre to edge-leo 9.0 s after the mend: weather",
    )


def test_other_load_is_named_beside_the_figures() -> None:
    about = {"date": "2026-11-30", "cores": 2, "load_before": 0.3, "nice": 0}
    assert "beside other load" not in measured(about)
    assert "beside other load" in measured({**about, "load_before": 11.5})
    assert "ran at nice 10" in measured({**about, "load_before": 11.5, "nice": 10})
