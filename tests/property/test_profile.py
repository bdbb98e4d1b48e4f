"""No test is judged by how long its examples take: a busy machine would make it fail."""

from hypothesis import HealthCheck, settings


def test_no_example_has_a_time_limit():
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
