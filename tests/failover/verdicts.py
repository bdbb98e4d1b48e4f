"""The numbers that failover has to meet, each against what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.failover.cells import HELD_UP_MS, Cell, spread
from tests.failover.extras import Extras
from tests.rigs.edge.edge_rig import FIBRE, SATELLITE

Cells: TypeAlias = Mapping[tuple[str, str], Cell]
OURS: Final = ("care", "routed-20", "routed-100")
# Copies come by two lines, so what the one brings late is out of order by this at most.
DIFFERENCE_MS: Final = SATELLITE.delay_ms + SATELLITE.jitter_ms - FIBRE.delay_ms
# What a shared machine adds to a packet's way.
NOISE_MS: Final = 20.0
ROUTED_LIMITS_MS: Final = {"routed-20": 150.0, "routed-100": 400.0}
SHORTER_THAN_BFD: Final = 5.0
BROWN_OUT_S: Final = 2.0
RESIDENT_MB: Final = 60.0
CORE_SHARE: Final = 0.04
METERED_MB_PER_DAY: Final = 5.0
CALL_DELAY_MS: Final = 40.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A number of the issue, what was measured, and whether it is met."""

    wanted: str
    measured: str
    met: bool

    def __str__(self) -> str:
        """Return the verdict as a line."""
        return f"{'met' if self.met else 'NOT MET'}: {self.wanted}: {self.measured}"


def verdict_table(said: Sequence[Verdict]) -> str:
    """Return verdicts as a table of Markdown."""
    lines = "\n".join(
        f"| {v.wanted} | {v.measured} | {'yes' if v.met else '**no**'} |" for v in said
    )
    return f"| number | measured | met |\n|---|---|---|\n{lines}"


def verdicts(cells: Cells, extras: Extras, strayed: Sequence[str] = ()) -> tuple[Verdict, ...]:
    """Return every verdict for which something was measured.

    strayed names the mechanisms that had moved before a trial without any fault, once for each.
    """
    return (
        *_care(cells),
        *_routed(cells),
        *_brown_out(cells),
        *_false_moves(cells, extras, sum(name in OURS for name in strayed)),
        *_daemon(extras),
        *_control(cells),
    )


def _care(cells: Cells) -> Iterator[Verdict]:
    care = [c for (name, _), c in cells.items() if name == "care" and c.fault.single]
    if not care:
        return
    trials = sum(len(cell.outcomes) for cell in care)
    lost = sum(outcome.called.lost for cell in care for outcome in cell.outcomes)
    yield Verdict(
        "care tunnel loses 0 packets in every single-path fault",
        f"{lost} lost in {trials} trials",
        lost == 0,
    )
    copies = sum(int(cell.as_dict()["duplicated"]) for cell in care)
    displaced = max(cell.worst(lambda heard: heard.displaced_ms) for cell in care)
    yield Verdict(
        f"the application sees no copy, and no packet more out of order than the lines differ "
        f"({DIFFERENCE_MS:g} ms, and {NOISE_MS:g} ms for the machine)",
        f"{copies} copies, at most {displaced:g} ms out of order",
        copies == 0 and displaced <= DIFFERENCE_MS + NOISE_MS,
    )


def _routed(cells: Cells) -> Iterator[Verdict]:
    for name, limit in ROUTED_LIMITS_MS.items():
        if cell := cells.get((name, "hole")):
            found = spread(cell.gaps_ms)
            yield Verdict(
                f"{cell.mechanism.title}: black hole, median longest gap at most {limit:g} ms",
                f"{found} ms",
                found is not None and found.median <= limit,
            )
    mine = cells.get(("routed-20", "hole"))
    slow, quick = cells.get(("bfd-300", "hole")), cells.get(("bfd-50", "hole"))
    if mine and slow and quick:
        yield from _against_bfd(mine, slow, quick)


def _against_bfd(mine: Cell, slow: Cell, quick: Cell) -> Iterator[Verdict]:
    ours, theirs, fastest = spread(mine.gaps_ms), spread(slow.gaps_ms), spread(quick.gaps_ms)
    assert ours, "a cell has trials"
    assert theirs, "a cell has trials"
    assert fastest, "a cell has trials"
    ratio = theirs.median / ours.median
    yield Verdict(
        f"at least {SHORTER_THAN_BFD:g} times shorter than {slow.mechanism.title}",
        f"{ratio:.1f} times",
        ratio >= SHORTER_THAN_BFD,
    )
    yield Verdict(
        f"not longer than {quick.mechanism.title}",
        f"{ours.median:.0f} ms against {fastest.median:.0f} ms",
        ours.median <= fastest.median,
    )


def _brown_out(cells: Cells) -> Iterator[Verdict]:
    if cell := cells.get(("routed-20", "loss")):
        left, trials = cell.offs_s, len(cell.outcomes)
        found = spread(left)
        yield Verdict(
            f"3 % loss: off the bad path within {BROWN_OUT_S:g} s ({cell.mechanism.title})",
            f"{found} s, left in {len(left)} of {trials} trials",
            len(left) == trials and max(left) <= BROWN_OUT_S,
        )


def _false_moves(cells: Cells, extras: Extras, strays: int) -> Iterator[Verdict]:
    quiet = [cell for name in OURS if (cell := cells.get((name, "quiet")))]
    if quiet:
        trials = sum(len(cell.outcomes) for cell in quiet)
        moves = sum(cell.moves for cell in quiet)
        held_up = sum(cell.held_up for cell in quiet)
        yield Verdict(
            "no move without a fault, unless the machine itself held the call up for "
            f"{HELD_UP_MS:g} ms",
            f"{moves} moves in {trials} trials, {held_up} of them with the call held up; "
            f"{strays} between trials, when no call tells",
            moves == held_up,
        )
    if leo := extras.weather:
        yield Verdict(
            f"0 false moves in {leo.minutes:g} minutes of LEO weather, the daemon stopped for "
            f"{leo.stopped_ms} ms every few seconds",
            "; ".join((f"{leo.moves} moves, {leo.stops} stops", *leo.reasons)),
            leo.moves == 0,
        )
    if hour := extras.simulated:
        yield Verdict(
            f"0 false moves in {hour.hours:g} simulated hours of LEO weather",
            f"{hour.moves} moves",
            hour.moves == 0,
        )


def _daemon(extras: Extras) -> Iterator[Verdict]:
    if found := extras.footprint:
        yield Verdict(
            f"daemon with {found.paths} paths at 10 Hz: at most {RESIDENT_MB:g} MB",
            f"{found.resident_mb:.1f} MB",
            found.resident_mb <= RESIDENT_MB,
        )
        yield Verdict(
            f"and at most {CORE_SHARE:.0%} of a core",
            f"{found.core_share:.1%} over {found.seconds:.0f} s",
            found.core_share <= CORE_SHARE,
        )
        yield Verdict(
            f"idle metered path at most {METERED_MB_PER_DAY:g} MB a day",
            f"{found.metered_mb_per_day:.2f} MB, both directions",
            found.metered_mb_per_day <= METERED_MB_PER_DAY,
        )
    if qos := extras.qos:
        yield Verdict(
            "1 Mbit/s call against saturating uploads on 4 Mbit/s: 0 lost",
            f"{qos.lost} lost",
            qos.lost == 0,
        )
        yield Verdict(
            f"p99 one-way delay at most {CALL_DELAY_MS:g} ms over idle",
            f"{qos.p99_over_idle_ms:.1f} ms",
            qos.p99_over_idle_ms <= CALL_DELAY_MS,
        )


def _control(cells: Cells) -> Iterator[Verdict]:
    if cell := cells.get(("none", "hole")):
        found = spread(cell.gaps_ms)
        share = min(
            outcome.called.lost / sum(h.sent for h in outcome.called.heard.values())
            for outcome in cell.outcomes
        )
        yield Verdict(
            "without failover the same harness shows the fault",
            f"silent until the call's end, {found} ms; {share:.0%} lost at least",
            share > 0.4,
        )
