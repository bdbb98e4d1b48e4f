"""A clock that tests turn by hand."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class TestClock:
    """Stands still unless paused or turned."""

    __test__ = False

    def __init__(self) -> None:
        self.elapsed = self.set_by = 0.0

    def now(self) -> float:
        return 1000.0 + self.elapsed

    def instant(self) -> datetime:
        return START + timedelta(seconds=self.elapsed + self.set_by)

    def step(self, seconds: float) -> None:
        """Set the time of day, as an administrator or the network's time does."""
        self.set_by += seconds

    def pause(self, seconds: float) -> None:
        self.elapsed += seconds
