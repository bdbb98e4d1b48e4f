"""Whether the collector itself hears; when it does not, nobody else is blamed."""

from typing import Final

from controller.incidents.model import Health, Observation, Source
from controller.polling.observing import Heard, Speaker, Stamp, silent_agents
from controller.snmp.model import Round
from inventory.model import DeviceName

# More than this share of the agents that were heard, and at least so many, at once.
SHARE_AT_ONCE: Final = 0.5
LEAST_AT_ONCE: Final = 3


def lost_agents(heard: Heard, done: Round) -> frozenset[DeviceName]:
    """Return the agents that are silent because the collector does not hear; mostly none.

    They fell silent at once with many others; once half of them are heard again, the rest is
    silent for itself.
    """
    silent = silent_agents(done)
    asked = {one.device for one in done.readings} | {one.device for one in done.silent}
    heard_before = asked - heard.silent
    fell = silent & heard_before
    if len(fell) > len(heard_before) * SHARE_AT_ONCE and _enough(len(fell), len(asked)):
        return fell | (heard.lost & silent)
    if len(asked) > 1 and silent == asked:
        return silent
    still = heard.lost & silent
    return still if len(still) * 2 > len(heard.lost) else frozenset()


def _enough(fell: int, asked: int) -> bool:
    return fell >= min(LEAST_AT_ONCE, asked) and fell > 1


def collector_observation(
    lost: frozenset[DeviceName], done: Round, stamp: Stamp, fault: str = ""
) -> Observation:
    """Return what the collector says of itself; fault is what keeps it from hearing at all."""
    asked = len(done.readings) + len(done.silent)
    reason = f"hears {len(done.readings)} of {asked} agents"
    if lost:
        reason = f"{len(lost)} of {asked} agents fell silent at once; the fault is here, not there"
    state = Health.DOWN if lost or fault else Health.OK
    return Speaker(stamp, done.at_s, Source.COLLECTOR).of_collector(state, fault or reason)
