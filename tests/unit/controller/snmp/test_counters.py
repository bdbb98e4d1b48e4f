"""When two readings of a counter give a rate, and why they do not."""

import pytest

from controller.snmp.counters import Counter, CounterSample, Gap, Rate, counter_rate, restarted

BEFORE = CounterSample(Counter(1000), 100.0, 5000.0)


def after(value=11_000, seconds=10.0, **changes):
    made = {"bits": 64, "uptime_s": 5000.0 + seconds, "discontinuity": 0} | changes
    counter = Counter(value, made.pop("bits"))
    return CounterSample(counter, 100.0 + seconds, made["uptime_s"], made["discontinuity"])


def test_a_counter_that_rose_gives_a_rate():
    assert counter_rate(BEFORE, after(), 125e6) == Rate(1000.0, 10.0)


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (after(value=500), "the counter fell"),
        (after(uptime_s=3.0), "the agent restarted"),
        (after(discontinuity=77), "the agent says that the counter was set anew"),
        (after(bits=32), "the counter has another width"),
        (after(seconds=0.0), "no time passed"),
        (after(value=10**12), "more than the link can carry"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_follow_gives_a_gap(later, reason):
    assert counter_rate(BEFORE, later, 125e6) == Gap(reason)


def test_the_first_reading_gives_a_gap():
    assert counter_rate(None, after(), 125e6) == Gap("the first reading")


def test_what_an_agent_counted_before_its_answer_from_a_cache_is_not_too_much():
    # 24 s of a full link, counted within 10 s of ours.
    full = after(value=1000 + int(125e6 * 24))
    assert isinstance(counter_rate(BEFORE, full, 125e6), Rate)


@pytest.mark.parametrize(
    ("before_s", "after_s", "seconds", "anew"),
    [
        (5000, 5010, 10, False),
        (5000, 5008, 10, False),
        (5000, 4, 10, True),
        # It ran for 10 s when it was read, restarted, and 300 s later runs for 20 s.
        (10, 20, 300, True),
        (3, 5, 10, True),
        (5000, 5297, 300, False),
    ],
)
def test_a_restart_shows_in_the_uptime(before_s, after_s, seconds, anew):
    assert restarted(before_s, after_s, seconds) is anew
