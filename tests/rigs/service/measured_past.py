"""A day of figures as edges measure them, for pages that show charts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import sin
from typing import Any, Final

from controller.consultations.report import EndHistory
from controller.telemetry.history import PastChange
from controller.telemetry.slices import Slice
from tests.rigs.controller.telemetry_rig import summary
from tests.rigs.service.api_bench import ApiBench

_STEP_S: Final = 300
# Shares of the period: nothing was measured in between, and the way was poor.
_GAP: Final = (0.30, 0.38)
_POOR: Final = (0.62, 0.7)
_CALL: Final = ("consultation-audio", "consultation-video")
REASON: Final = "loss 9.5 % over the fibre is above what a video call bears"


class MeasuredPast:
    """Figures over every circuit of every edge, with a gap, a poor hour, and traffic that moved."""

    def __init__(self, peer: str, circuits: Sequence[str]) -> None:
        self._peer, self._circuits = peer, circuits

    def path_series(
        self, device: str, circuit: str, began_unix_s: float, ended_unix_s: float
    ) -> Sequence[Mapping[str, Any]]:
        if circuit not in self._circuits:
            return ()
        many = int((ended_unix_s - began_unix_s) / _STEP_S)
        fast = 0.5 + self._circuits.index(circuit)
        points = [_point(place / many, fast) for place in range(many)]
        began_s = int(began_unix_s)
        return ({"peer": self._peer, "began_unix_s": began_s, "step_s": _STEP_S, "points": points},)

    def path_moves(
        self, device: str, began_unix_s: float, ended_unix_s: float
    ) -> Sequence[Mapping[str, Any]]:
        span_s = ended_unix_s - began_unix_s
        there, back = (began_unix_s + share * span_s for share in _POOR)
        known = {"service": "consultation-video", "peer": self._peer}
        return [
            known | {"at_unix_s": there, "circuit": self._circuits[-1], "reason": REASON},
            known | {"at_unix_s": there + 5, "circuit": self._circuits[-1], "reason": REASON},
            known | {"at_unix_s": back, "circuit": self._circuits[0], "reason": "meets its SLO"},
        ]

    def call_ends(
        self, sites: Iterable[str], began_unix_s: float, ended_unix_s: float
    ) -> tuple[EndHistory, ...]:
        """Return a call at each site that met a poor way for two minutes and then left it."""
        return tuple(self._call_end(site, began_unix_s, ended_unix_s) for site in sites)

    def _call_end(self, site: str, began_s: float, ended_s: float) -> EndHistory:
        poor, left = began_s + _POOR[0] * (ended_s - began_s), 120.0
        slices = [self._slice(at_s, at_s - poor, left) for at_s in range(
            int(began_s), int(ended_s), 10)]  # fmt: skip
        moves = [
            PastChange(at_s, at_s, "move", self._peer, circuit, service, "", REASON)
            for service in _CALL
            for at_s, circuit in ((poor + left, self._circuits[-1]),)
        ]
        return EndHistory(f"{site}-e1", site, slices, moves)

    def _slice(self, at_s: int, since_s: float, left_s: float) -> Slice:
        poor, left = 0 < since_s < left_s, since_s >= left_s
        circuit = self._circuits[-1 if left else 0]
        mos = 2.6 if poor else (4.1 if left else 4.35) + 0.05 * sin(at_s / 90)
        return Slice(summary(at_s, circuit=circuit, mos=mos, carries=_CALL), 0)


def _point(share: float, fast: float) -> dict[str, Any] | None:
    if _GAP[0] < share < _GAP[1]:
        return None
    poor = _POOR[0] < share < _POOR[1]
    delay = 9.0 * fast + 2 * sin(40 * share) + (30 if poor else 0)
    return {
        "delay_ms": [delay - 1.5, delay, delay + 4 + (60 if poor else 0)],
        "jitter_ms": [0.1, 0.4 + 0.2 * sin(70 * share), 1.9 + (8 if poor else 0)],
        "mos": [2.1 if poor else 4.0, 3.1 if poor else 4.3, 4.4],
        "loss_out": 0.095 if poor else 0.0004,
        "loss_in": 0.02 if poor else 0.0002,
        "sent_octets": int((40 + 20 * sin(9 * share)) * 1e6),
        "received_octets": int((75 + 30 * sin(9 * share)) * 1e6),
        "seconds": _STEP_S,
    }


def give_past(bench: ApiBench, past: MeasuredPast, **more: Any) -> None:
    """Let the API of a bench show a past."""
    state = bench.application.state
    state.context = replace(state.context, history=past, **more)
