"""A call of the laboratory that goes on, and what both its ends heard in the last two minutes."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

from inventory.errors import LabError
from simulations.lab.flows import LabFlow, Report
from simulations.traffic import Second

KEPT_S: Final = 120
# A call is begun anew after so long; what its ends keep of each packet does not grow for ever.
SECONDS: Final = 900
_AGAIN_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class HeardSecond:
    """A second of the call as the end heard it that lost more; at_s is on the monotonic clock."""

    at_s: float
    sent: int
    lost: int
    delay_ms: float | None

    @property
    def share_lost(self) -> float:
        """Return which share of the packets was lost, 0 to 1."""
        return self.lost / self.sent if self.sent else 0.0


class LiveCall:
    """A call that is begun again whenever it ends, until it is stopped."""

    def __init__(self, begin: Callable[[], LabFlow]) -> None:
        self._begin = begin
        self._stop = Event()
        self._lock = Lock()
        self._heard: deque[tuple[float, Report]] = deque(maxlen=2 * KEPT_S)
        self._sent = self._lost = 0
        self._thread = Thread(target=self._go_on, name="live-call", daemon=True)

    def start(self) -> None:
        """Begin the call."""
        self._thread.start()

    def stop(self) -> None:
        """End the call, and wait for its end."""
        self._stop.set()
        self._thread.join()

    def seconds(self) -> list[HeardSecond]:
        """Return the last two minutes, oldest first, of the direction that lost more."""
        with self._lock:
            heard = list(self._heard)
        return worst_seconds(heard, monotonic() - KEPT_S)

    def totals(self) -> tuple[int, int]:
        """Return how many packets were sent since the beginning, and how many were lost."""
        with self._lock:
            return self._sent, self._lost

    def _go_on(self) -> None:
        while not self._stop.is_set():
            with suppress(LabError), self._begin() as flow:
                self._listen(flow)
            self._stop.wait(_AGAIN_S)

    def _listen(self, flow: LabFlow) -> None:
        while not self._stop.wait(0.2):
            over = flow.over
            with self._lock:
                for report in flow.news():
                    self._heard.append((flow.start + report.second.second, report))
                    self._sent += report.second.sent
                    self._lost += report.second.lost
            if over:
                return


def worst_seconds(heard: list[tuple[float, Report]], since_s: float) -> list[HeardSecond]:
    """Return each second since an instant, of the direction that lost more in it, oldest first."""
    worst: dict[float, Second] = {}
    for at_s, report in heard:
        if at_s >= since_s:
            kept = worst.setdefault(at_s, report.second)
            worst[at_s] = max(
                kept, report.second, key=lambda one: (one.lost, one.delay_p95_ms or 0)
            )
    return [
        HeardSecond(at_s, worst[at_s].sent, worst[at_s].lost, worst[at_s].delay_p95_ms)
        for at_s in sorted(worst)
    ]


def _harm(second: Second) -> tuple[int, float]:
    return second.lost, second.delay_p95_ms or 0.0
