"""A clock that tests turn by hand."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class TestClock:
    """Stands still unless paused or turned."""

    __test__ = False

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> float:
        return 1000.0 + self.elapsed

    def instant(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def pause(self, seconds: float) -> None:
        self.elapsed += seconds
