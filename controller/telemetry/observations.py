"""Observations from edges' messages: what an edge's word says of circuits, devices and itself.

Of a circuit an edge says that it is well if any far end answers over it: a dead far end is no dead
circuit. A lost session alone says nothing of the traffic, so the edge is unknown then, not down.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from controller.incidents.model import Health, Observation, Source, Subject, SubjectKind
from controller.telemetry.current_state import SILENT_S
from controller.telemetry.intake import Heard
from controller.telemetry.slices import message_shift_s
from edge.telemetry.model import ChangeKind, PathNow, PathState, TelemetryMessage

COLLECTOR: Final = "controller"
_LIVE: Final = 16
_HEALTH: Final[Mapping[PathState, Health]] = {
    PathState.UP: Health.OK,
    PathState.HANDOVER: Health.DEGRADED,
    PathState.BROWNOUT: Health.DEGRADED,
    PathState.DEAD: Health.DOWN,
    PathState.UNKNOWN: Health.UNKNOWN,
}
_BEST_FIRST: Final = (
    PathState.UP,
    PathState.HANDOVER,
    PathState.BROWNOUT,
    PathState.DEAD,
    PathState.UNKNOWN,
)
_WORDS: Final[Mapping[PathState, str]] = {
    PathState.UP: "answers",
    PathState.HANDOVER: "changes its satellite",
    PathState.BROWNOUT: "loses more than usual",
    PathState.DEAD: "does not answer",
    PathState.UNKNOWN: "is not measured",
}
