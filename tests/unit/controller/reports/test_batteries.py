"""What a power supply's readings tell of its battery."""

from string import Formatter

import pytest

from controller.incidents.sentences import Language
from controller.reports.batteries import TEST_EVERY_S, BatterySample, battery_runs, judge_battery
from controller.reports.document import State
from controller.reports.finding_words import SENTENCES, finding_sentence

DAY = 86_400.0
NOW = 200 * DAY


def sample(minute, charge, *, on_battery=True, low=False, began_s=NOW - DAY):
    return BatterySample("mora-r1", began_s + minute * 60, on_battery, low, charge, None)


def mains(minute, charge=1.0, **more):
    return sample(minute, charge, on_battery=False, **more)


def judged(*samples, now_s=NOW):
    found = judge_battery("mora-r1", "mora", samples, now_s)
    return found.state, found.key


def test_a_run_lasts_until_the_mains_are_seen_again():
    runs = battery_runs([mains(0), sample(1, 1.0), sample(11, 0.9), mains(13)])
    assert [(one.seconds, one.first, one.last) for one in runs] == [(720.0, 1.0, 0.9)]
    assert runs[0].whole_s == pytest.approx(7200)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([mains(0), sample(1, 1.0), sample(21, 0.8), mains(22)], (State.GOOD, "battery-held")),
        ([mains(0), sample(1, 1.0), sample(11, 0.4), mains(12)], (State.NOTE, "battery-short")),
        ([mains(0), sample(1, 1.0), sample(4, 0.3), mains(5)], (State.ACT, "battery-short")),
        (
            [mains(0), sample(1, 0.9), sample(5, 0.5, low=True), mains(6)],
            (State.ACT, "battery-worn"),
        ),
        (
            [mains(0), sample(1, None), sample(9, None), mains(9)],
            (State.UNKNOWN, "battery-unmeasured"),
        ),
        ([mains(0)], (State.NOTE, "battery-untested")),
        ([mains(0), sample(1, 0.1, low=True)], (State.ACT, "battery-low")),
    ],
)
def test_a_run_on_battery_tells_how_long_it_would_last(samples, expected):
    assert judged(*samples) == expected


def test_silence_is_unknown_and_a_test_of_long_ago_does_not_count():
    held = [mains(0, began_s=0), sample(1, 1.0, began_s=0), mains(21, 0.8, began_s=0)]
    assert judged(*held, now_s=8 * DAY) == (State.UNKNOWN, "battery-silent")
    recent = mains(0, began_s=TEST_EVERY_S + 2 * DAY)
    assert judged(*held, recent, now_s=TEST_EVERY_S + 3 * DAY) == (State.NOTE, "battery-untested")


def test_every_sentence_is_there_in_both_languages_with_the_same_values():
    english, french = SENTENCES[Language.ENGLISH], SENTENCES[Language.FRENCH]
    assert set(english) == set(french)
    for key, text in english.items():
        assert _fields(text) == _fields(french[key]), key


def _fields(text):
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


def test_a_sentence_says_it_as_people_do():
    found = judge_battery("mora-r1", "mora", [sample(1, 1.0), sample(21, 0.8), mains(22)], NOW)
    said = finding_sentence(found, "Africa/Douala", Language.FRENCH)
    assert said.startswith("A tenu 21 min le ")
    assert said.endswith("de 100,00 % à 80,00 % ; pleine, elle tiendrait 1 h 45 min.")
