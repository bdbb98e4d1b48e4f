"""How every edge and path stands now, in memory: the newest message of each edge.

An edge that is silent for longer than SILENT_S is not heard; its paths are unknown from then on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from edge.telemetry.model import PathNow, PathState, TelemetryMessage
from inventory.model import DeviceName

# An edge reports once a minute; two reports may be lost with a connection.
SILENT_S: Final = 150.0
_WORST_FIRST: Final = (
    PathState.DEAD,
    PathState.BROWNOUT,
    PathState.UNKNOWN,
    PathState.HANDOVER,
    PathState.UP,
)
_BEST_MOS: Final = 4.5


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and when it was received (Unix time).

    spool_began_s orders the spools of an edge, within which messages are numbered.
    """

    message: TelemetryMessage
    received_s: float
    spool_began_s: int

    @property
    def place(self) -> tuple[int, int, int]:
        """Return what orders the messages of an edge."""
        return self.spool_began_s, self.message.sequence, self.message.live

    def fresh(self, now_s: float) -> bool:
        """Return whether the edge is not silent since."""
        return now_s - self.received_s <= SILENT_S


@dataclass(frozen=True, slots=True)
class PathStanding:
    """A path of an edge as it stands now; heard says whether its edge is."""

    device: DeviceName
    path: PathNow
    received_s: float
    heard: bool


class CurrentState:
    """The newest message of every edge; safe for use by several threads."""

    def __init__(self, newest: Iterable[Heard] = ()) -> None:
        self._guard = Lock()
        self._edges: dict[DeviceName, Heard] = {}
        for one in newest:
            self.take(one)

    def take(self, one: Heard) -> bool:
        """Keep a message unless it is older than what is known; return whether it was kept."""
        device = one.message.device
        with self._guard:
            known = self._edges.get(device)
            if known is not None and one.place <= known.place:
                return False
            self._edges[device] = one
            return True

    def follow_step(self, by_s: float, now_s: float) -> None:
        """Keep for how long edges are silent when the clock was set by some seconds."""
        with self._guard:
            for device, one in self._edges.items():
                received_s = after_step(one.received_s, by_s, now_s)
                self._edges[device] = replace(one, received_s=received_s)

    def edges(self) -> dict[DeviceName, Heard]:
        """Return every edge that was ever heard."""
        with self._guard:
            return dict(self._edges)

    def paths(self, now_s: float) -> list[PathStanding]:
        """Return every path as it stands; those of silent edges are unknown."""
        return [
            _standing(device, edge, path, now_s)
            for device, edge in sorted(self.edges().items())
            for path in edge.message.paths
        ]

    def worst(self, many: int, now_s: float) -> list[PathStanding]:
        """Return the worst paths: by state, then MOS, then loss."""
        return sorted(self.paths(now_s), key=_badness)[:many]


def after_step(received_s: float, by_s: float, now_s: float) -> float:
    """Return when something was received by a clock that was set by some seconds until now.

    What was received since is not known from what was received before, and stays.
    """
    if by_s > 0:
        return min(received_s + by_s, now_s)
    return received_s + by_s if received_s > now_s else received_s


def _standing(device: DeviceName, edge: Heard, path: PathNow, now_s: float) -> PathStanding:
    heard = edge.fresh(now_s)
    shown = path if heard else replace(path, state=PathState.UNKNOWN, delay_ms=None, mos=None)
    return PathStanding(device, shown, edge.received_s, heard)


def _badness(one: PathStanding) -> tuple[int, float, float, str, str]:
    mos = _BEST_MOS if one.path.mos is None else one.path.mos
    loss = max(one.path.loss_out, one.path.loss_in)
    return _WORST_FIRST.index(one.path.state), mos, -loss, one.device, one.path.circuit
