"""Steps of the clock: what a state holds stays as long ago, or as far ahead, as it was.

Without that a clock that is set back by a day would keep everything that is heard from then on from
being newer than what was known, and one that is set forward would end every wait at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeVar

from controller.incidents.model import Incident, IncidentState, Observation, Source

_Key = TypeVar("_Key")
_NUMBERED_BY_EDGES: Final = frozenset({Source.EDGE_PATH, Source.EDGE_SESSION, Source.LAST_GASP})


def after_step(state: IncidentState, by_s: float) -> IncidentState:
    """Return a state with its times by the clock as it is now set; by_s is how far it was moved.

    Times of the past that only replayed messages tell, and windows of wall time, stay.
    """
    return replace(
        state,
        started_s=state.started_s + by_s,
        decided_s=state.decided_s + by_s,
        observations={
            subject: {key: _observation(said, by_s) for key, said in told.items()}
            for subject, told in state.observations.items()
        },
        since_s=_moved(state.since_s, by_s),
        shadow_s=_moved(state.shadow_s, by_s),
        found_s=_moved(state.found_s, by_s),
        excused={one: _moved(until_s, by_s) for one, until_s in state.excused.items()},
        incidents={number: _incident(one, by_s) for number, one in state.incidents.items()},
        consultations={
            name: replace(one, at_s=one.at_s + by_s) for name, one in state.consultations.items()
        },
    )


def numbered_until(state: IncidentState, now_s: float) -> IncidentState:
    """Return a state in which no collector has said anything by a number of now or of the future.

    Collectors number by the time of day. One that starts after its clock was set back, or on a
    machine with another clock, would not be listened to until its clock has caught up.
    """
    bound = int(now_s * 1000) - 1
    late = {
        subject: {key: _bounded(said, bound) for key, said in told.items()}
        for subject, told in state.observations.items()
        if any(_bounded(said, bound) is not said for said in told.values())
    }
    return replace(state, observations={**state.observations, **late}) if late else state


def _bounded(said: Observation, bound: int) -> Observation:
    if said.source in _NUMBERED_BY_EDGES or said.sequence <= bound:
        return said
    return replace(said, sequence=bound)


def _observation(said: Observation, by_s: float) -> Observation:
    return replace(said, at_s=said.at_s + by_s, received_s=said.received_s + by_s)


def _incident(one: Incident, by_s: float) -> Incident:
    if one.replayed:
        return one
    return replace(
        one,
        opened_s=one.opened_s + by_s,
        changed_s=one.changed_s + by_s,
        ended_s=_later(one.ended_s, by_s),
        acknowledged_s=_later(one.acknowledged_s, by_s),
        muted_until_s=_later(one.muted_until_s, by_s),
        clear_s=_later(one.clear_s, by_s),
        reopened_s=one.reopened_s + by_s if one.reopened else one.reopened_s,
    )


def _later(at_s: float | None, by_s: float) -> float | None:
    return None if at_s is None else at_s + by_s


def _moved(times_s: Mapping[_Key, float], by_s: float) -> dict[_Key, float]:
    return {key: at_s + by_s for key, at_s in times_s.items()}
