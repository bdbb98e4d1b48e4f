"""How often test packets go out on each path: fast while a call or a doubt needs it."""

from collections.abc import Mapping
from typing import Final

from edge.policy.model import Peer
from edge.selection.evaluate import PeerState, asked_paths, is_unwell
from policies.model import CARE_CLASSES
from topology.quality.health import PathName

# Seconds between two test packets: of paths that carry a consultation, of the others, and of
# metered ones that carry nothing, while these are watched and while they are not.
CALL_PROBE_S: Final = 0.02
PATH_PROBE_S: Final = 0.1
STANDBY_WATCHED_PROBE_S: Final = 1.0
STANDBY_PROBE_S: Final = 15.0

# Seconds for which metered paths are watched after the start and after another path became unwell,
# and for the latter not again until so long after that: a path that is out, or comes and goes, for
# weeks then costs less than 5 MB a day, where watching all day would cost 24.
STANDBY_WATCHED_FOR_S: Final = 300.0


def probe_intervals_s(peer: Peer, state: PeerState) -> Mapping[PathName, float]:
    """Return the time between two test packets for each path to a peer, in seconds."""
    used = {decision.path for decision in state.decisions.values()} | asked_paths(state)
    in_call = _paths_in_call(state)
    found = {}
    for path in peer.paths:
        if path.name in in_call:
            found[path.name] = CALL_PROBE_S
        elif not path.metered or path.name in used:
            found[path.name] = PATH_PROBE_S
        else:
            found[path.name] = (
                STANDBY_WATCHED_PROBE_S if _watched(path.name, state) else STANDBY_PROBE_S
            )
    return found


def _watched(name: PathName, state: PeerState) -> bool:
    """Return whether a metered path that carries nothing had better be known well just now."""
    others = [health for other, health in state.healths.items() if other != name]
    fresh = (
        state.healths[name].delay_ms is None
        and state.decided_s - state.began_s < STANDBY_WATCHED_FOR_S
    )
    alarmed = state.decided_s - state.alarmed_s < STANDBY_WATCHED_FOR_S
    alone = bool(others) and all(map(is_unwell, others))
    return state.consultation or fresh or alarmed or alone


def _paths_in_call(state: PeerState) -> set[PathName]:
    """Return the paths that a live consultation uses."""
    care = next((state.decisions[name] for name in CARE_CLASSES if name in state.decisions), None)
    if care is None or not state.consultation:
        return set()
    return {path for path in (care.path, care.second) if path}
