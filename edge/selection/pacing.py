"""How often test packets go out on each path: fast while a call or a doubt needs it."""

from collections.abc import Mapping
from typing import Final

from edge.policy.model import Peer
from edge.selection.evaluate import Mind, _unwell, asked
from policies.model import CARE_CLASSES
from topology.quality.health import PathName

# Time between two test packets: of paths that carry a consultation, of the others, and of metered
# ones that carry nothing, while these are watched and while they are not.
CARE_S: Final = 0.02
IDLE_S: Final = 0.1
WATCH_S: Final = 1.0
ASLEEP_S: Final = 15.0


# Metered paths are watched so long after the start and after another path became unwell, and for
# the latter not again until so long after that: a path that is out, or comes and goes, for weeks
# then costs less than 5 MB a day, where watching all day would cost 24.
WATCHED_S: Final = 300.0


def paces(peer: Peer, mind: Mind) -> Mapping[PathName, float]:
    """Return the time between two test packets for each path to a peer, in seconds."""
    used = {decision.path for decision in mind.decisions.values()} | asked(mind)
    caring = _caring(mind)
    found = {}
    for path in peer.paths:
        if path.name in caring:
            found[path.name] = CARE_S
        elif not path.metered or path.name in used:
            found[path.name] = IDLE_S
        else:
            found[path.name] = WATCH_S if _watched(path.name, mind) else ASLEEP_S
    return found


def _watched(name: PathName, mind: Mind) -> bool:
    """Return whether a metered path that carries nothing had better be known well just now."""
    others = [health for other, health in mind.healths.items() if other != name]
    fresh = mind.healths[name].delay_ms is None and mind.decided_s - mind.began_s < WATCHED_S
    alarmed = mind.decided_s - mind.alarmed_s < WATCHED_S
    alone = bool(others) and all(map(_unwell, others))
    return mind.consultation or fresh or alarmed or alone


def _caring(mind: Mind) -> set[PathName]:
    """Return the paths that a live consultation uses."""
    care = next((mind.decisions[name] for name in CARE_CLASSES if name in mind.decisions), None)
    if care is None or not mind.consultation:
        return set()
    return {path for path in (care.path, care.second) if path}
