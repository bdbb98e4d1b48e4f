"""Calls through a cut of the fibre and its mend: when the call is again as it was before."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.storage.journal import read_journal
from inventory.errors import LabError
from tests.failover.faults import heal
from tests.failover.flows import GRACE_S, Called, Flows
from tests.failover.mechanisms import MECHANISMS, Daemons
from tests.failover.mend_figures import (
    TOLERANCE_MS,
    WINDOW_S,
    Delays,
    MendCall,
    Move,
    as_seconds,
    back_after_s,
    carried_before_mend,
    extra_moves,
    usual_p95,
    worst_p95,
)
from tests.failover.say import say
from tests.failover.sky import play_sky
from tests.failover.trials import Sample, Stage, off_after, wait_until, watch_line
from tests.rigs.edge.edge_rig import FIBRE, LTE, SATELLITE, THREE, World, world

# The delay before the cut is taken from the first second on.
CUT_AT_S: Final = 5.0
USUAL_FROM_S: Final = 1.0
# Longer than the hold-down after the move off the fibre; the copy is on LTE by then.
MEND_AT_S: Final = CUT_AT_S + 7.0
CALM_S: Final = MEND_AT_S + 20.0
# Four satellites after the mend.
WEATHER_S: Final = MEND_AT_S + 60.0
# Beside other load a daemon takes a minute to start; no call runs meanwhile.
REST_WITHIN_S: Final = 120.0
PATH: Final = f"edge-{FIBRE.name}"
# A packet that did not come counts as one that took all the time that it had.
LOST_MS: Final = GRACE_S * 1e3


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call, the octets of the metered line around the mend, and the moves by class and end."""

    called: Called
    samples: list[Sample]
    moves: list[Move]


def measure(calls: int, mechanism: str = "care") -> Generator[tuple[MendCall, ...], None, None]:
    """Yield all calls so far after each: so many under a calm sky, and as many in LEO weather.

    Raises LabError when the world does not come to rest before a call.
    """
    with _stage(mechanism) as stage:
        done: tuple[MendCall, ...] = ()
        for number in range(1, 2 * calls + 1):
            done += (_tried(stage, number, weather=number % 2 == 0),)
            yield done


@contextmanager
def _stage(name: str) -> Iterator[Stage]:
    """Give a world of fibre, LEO and metered LTE in which a mechanism carries the calls."""
    mechanism = next(one for one in MECHANISMS if one.name == name)
    with ExitStack() as stack:
        say("building the world of the mends")
        made = stack.enter_context(world(THREE, name="m"))
        led = mechanism.start(made)
        yield Stage(mechanism, made, stack.enter_context(Flows(made)), led)


def _tried(stage: Stage, number: int, *, weather: bool) -> MendCall:
    if not stage.rest(REST_WITHIN_S):
        raise LabError(f"mend {number}: traffic does not lead over {FIBRE.name}")
    found = judge_call(_recorded(stage, number, weather=weather), weather=weather)
    say(
        f"mend {number}{' in weather' if weather else ''}: back after {found.back_s} s, copy "
        f"released after {found.released_s} s, {found.lost_before + found.lost_after} lost, "
        f"{len(found.extra_moves)} extra moves"
    )
    return found


def _recorded(stage: Stage, number: int, *, weather: bool) -> Recorded:
    seconds = WEATHER_S if weather else CALM_S
    seen = {end: len(moves) for end, moves in _moves(stage, 0.0).items()}
    start = stage.flows.begin(seconds, each=True)
    mend, ends = start + MEND_AT_S, start + seconds
    with ThreadPoolExecutor(2) as pool:
        acts = [pool.submit(_cut_and_mend, stage.world, start)]
        if weather:
            acts.append(pool.submit(play_sky, stage.world, SATELLITE, f"mend {number}", ends))
        samples = list(watch_line(stage.world, LTE, mend, mend - WINDOW_S, ends))
        for act in acts:
            act.result()
    called = stage.flows.result()
    heal(stage.world)
    mended_s = time.time() - time.monotonic() + mend
    known = _moves(stage, mended_s)
    moves = [move for end, of_end in known.items() for move in of_end[seen[end] :]]
    return Recorded(called, samples, moves)


def _cut_and_mend(world: World, start: float) -> None:
    wait_until(start + CUT_AT_S)
    world.cut(FIBRE.name)
    wait_until(start + MEND_AT_S)
    world.heal(FIBRE.name)


def _moves(stage: Stage, mended_s: float) -> dict[str, list[Move]]:
    """Return the moves that the journal of each end holds; none of what keeps no journal.

    mended_s is the mend in UNIX time.
    """
    if not isinstance(stage.led, Daemons):
        return {}
    return {
        end: [
            Move(
                datetime.fromisoformat(str(e["at"])).timestamp() - mended_s,
                f"{end} {e['service']}",
                str(e["before"]),
                str(e["path"]),
                str(e["what"]),
            )
            for e in read_journal(daemon.folder)
            if e["kind"] == "decision" and e["path"] != e["before"]
        ]
        for end, daemon in stage.led.pair.daemons.items()
    }


def judge_call(recorded: Recorded, *, weather: bool) -> MendCall:
    """Return what a recorded call comes to."""
    delays = _delays(recorded.called)
    usual_ms = usual_p95(delays, USUAL_FROM_S, CUT_AT_S)
    away_ms = worst_p95(delays, MEND_AT_S - WINDOW_S, MEND_AT_S) or 0.0
    ends_s = WEATHER_S if weather else CALM_S
    lost_s = _lost_at_s(recorded.called)
    return MendCall(
        weather=weather,
        usual_ms=round(usual_ms, 1),
        away_ms=round(away_ms, 1),
        back_s=back_after_s(delays, MEND_AT_S, ends_s, usual_ms + TOLERANCE_MS),
        metered=carried_before_mend(recorded.samples),
        released_s=_rounded(off_after([s for s in recorded.samples if s[0] >= 0])),
        lost_before=sum(at_s < MEND_AT_S for at_s in lost_s),
        lost_after=sum(at_s >= MEND_AT_S for at_s in lost_s),
        extra_moves=tuple(_told(move) for move in extra_moves(recorded.moves, PATH)),
        sender_late_ms=recorded.called.sender_late_ms,
        p95_ms=as_seconds(delays, MEND_AT_S),
    )


def _told(move: Move) -> str:
    when = f"{abs(move.at_s):.1f} s {'after' if move.at_s >= 0 else 'before'} the mend"
    return f"{move.who} from {move.before} to {move.after} {when}: {move.why}"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def _delays(called: Called) -> dict[str, Delays]:
    """Return when each packet was sent and how long it took, by flow."""
    return {
        name: [(at_s, LOST_MS if ms is None else ms) for at_s, ms in heard.packets]
        for name, heard in called.heard.items()
    }


def _lost_at_s(called: Called) -> list[float]:
    """Return when each packet was sent that was lost."""
    return [at_s for heard in called.heard.values() for at_s, ms in heard.packets if ms is None]
