"""What the service tells of an edge's past: bands of every figure, and where traffic moved."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.service.edge_reports import EdgeReports
from edge.telemetry.model import ChangeKind, spread_of
from tests.rigs.controller.telemetry_rig import (
    EDGE,
    FIBRE,
    HUB,
    NOON,
    arrival,
    change,
    message,
    summary,
)
from tests.rigs.controller.telemetry_service import open_series
from tests.simulated_time import START, TestClock


class Nobody:
    """Takes no news, as a controller does that does not decide."""

    def report(self, *_):
        raise AssertionError("nothing is reported of what is history")

    def leading(self):
        return False

    def wake(self):
        raise AssertionError("nothing is decided on what is history")


@pytest.fixture
def reports(tmp_path):
    series = open_series(tmp_path)
    calm = summary(NOON, delay_ms=spread_of([20.0, 22.0]), jitter_ms=spread_of([1.0, 3.0, 9.0]))
    moved = change(ChangeKind.MOVE, NOON + 5, service="clinical", reason="the fibre is dead")
    dead = change(ChangeKind.PATH_STATE, NOON + 4, state="dead")
    series.append([arrival(message(1, NOON + 60, [calm], changes=(dead, moved)), NOON + 60)])
    clock = TestClock()
    clock.step(NOON + 600 - START.timestamp())
    key = Ed25519PrivateKey.generate()
    yield EdgeReports(series.engine, key, Nobody(), lambda *_: None, clock)
    series.engine.dispose()


def test_a_path_of_which_nothing_was_packed_yet_has_every_figure_with_least_and_most(reports):
    (series,) = reports.path_series(EDGE, FIBRE, NOON, NOON + 60)
    point = series["points"][0]
    assert (point["jitter_ms"][0], point["jitter_ms"][2]) == (1.0, 9.0)
    assert point["jitter_ms"][0] <= point["jitter_ms"][1] <= point["jitter_ms"][2]
    assert (point["delay_ms"][0], point["delay_ms"][2]) == (20.0, 22.0)


def test_moves_of_the_period_are_told_and_other_changes_are_not(reports):
    assert reports.path_moves(EDGE, NOON, NOON + 60) == [
        {
            "at_unix_s": NOON + 5,
            "service": "clinical",
            "peer": HUB,
            "circuit": FIBRE,
            "reason": "the fibre is dead",
        }
    ]
    assert reports.path_moves(EDGE, NOON + 6, NOON + 60) == []
