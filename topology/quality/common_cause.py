"""Whether one path outlives another, or both were silenced by one cause: a stall of either end."""

from typing import Final

from topology.quality.model import LinkHealth

# Silence of one path says something when another one answered so many paces into it.
PROOF_PACES: Final = 2
SLOWEST_PACE_S: Final = 0.1
# One that was silent too, and answers first, waits so long for the other to answer as well.
COMMON_CAUSE_S: Final = 0.15
LIVELY: Final = 2


def is_lively(health: LinkHealth) -> bool:
    """Return whether a path's newest test packets are answered, and this host was not late."""
    return health.overdue < LIVELY and not health.stalled


def outlives(target: LinkHealth, silent: LinkHealth, now_s: float) -> bool:
    """Return whether a path answered since another fell silent, and not just as both came back.

    A stall of either end silences all paths together, but for how long packets take on each and
    by how much that varies.
    """
    if target.overdue >= LIVELY:
        return False
    if target.stalled or silent.stalled_at_s > silent.answered_at_s:
        return _outlives_awake(target, silent)
    since_s = silent.answered_at_s
    apart_s = ((target.delay_ms or 0.0) - (silent.delay_ms or 0.0)) / 2e3
    late_s = max(0.0, apart_s) + max(target.jitter_ms, target.widest_ms) / 1e3
    due_s = PROOF_PACES * min(silent.pace_s, SLOWEST_PACE_S)
    if target.answered_at_s < since_s + due_s + late_s:
        return False
    alone_s = now_s - target.steady_since_s
    return target.steady_since_s <= since_s or alone_s >= COMMON_CAUSE_S + max(0.0, -apart_s)


def _outlives_awake(target: LinkHealth, silent: LinkHealth) -> bool:
    """Return whether a path answered while another did not, by time without own stalls alone.

    A host that is late again and again never sees a path answer steadily.
    """
    both_s = min(target.alive_s, silent.unanswered * silent.pace_s)
    apart_s = abs((silent.delay_ms or 0.0) - (target.delay_ms or 0.0)) / 1e3
    strays_s = max(target.jitter_ms, target.widest_ms) / 1e3
    usual_s = LIVELY * target.pace_s + (target.delay_ms or 0.0) / 1e3
    lively = target.unanswered * target.pace_s < usual_s
    return lively and both_s >= COMMON_CAUSE_S + apart_s + strays_s
