"""Acts that forms ask for, differences, and progress, as pages show them."""

import pytest
from fastapi import Response

from accounts.errors import NotThereError, SecondPersonError, StepUpNeededError
from controller.api.problems import ProblemError
from controller.change_pages.diffs import DiffLine, diff_lines, waves_of
from controller.change_pages.progress import progress_of
from controller.web.acting import carry_out
from inventory.errors import AccessError


def raised(error):
    def act():
        raise error

    return act


def shown(problem):
    return Response(problem.detail, problem.status)


def test_an_act_that_needs_the_second_factor_again_is_left_to_the_page_that_asks_for_it():
    with pytest.raises(ProblemError) as caught:
        carry_out(raised(StepUpNeededError()), shown)
    assert "step_up" in caught.value.more


@pytest.mark.parametrize("error", [SecondPersonError("no"), AccessError("no")])
def test_what_is_refused_is_said_on_the_page(error):
    answer = carry_out(raised(error), shown)
    assert (answer.status_code, answer.body) == (409, b"no")


def test_what_is_not_there_is_no_page_of_ours():
    with pytest.raises(ProblemError):
        carry_out(raised(NotThereError("none")), shown)


def test_lines_of_a_difference_say_what_comes_and_goes():
    text = "--- running\n+++ intended\n@@ -1,2 +1,2 @@\n exit\n--- old\n+new"
    assert diff_lines(text) == (
        DiffLine("place", "@@ -1,2 +1,2 @@"),
        DiffLine("same", "exit"),
        DiffLine("del", "-- old"),
        DiffLine("add", "new"),
    )


def test_a_sentence_in_place_of_a_difference_stays_whole():
    assert diff_lines("blank router: 9 lines") == (DiffLine("same", "blank router: 9 lines"),)


def test_a_plan_of_half_the_country_is_shown_as_far_as_a_browser_bears_it():
    diff = "--- running\n+++ intended\n@@ -1 +1 @@\n-old\n+new\n+newer"
    changes = [{"wave": wave, "device": f"r{wave}", "diff": diff} for wave in (1, 2, 2)]
    whole = waves_of(changes)
    assert [(wave, len(devices)) for wave, devices in whole] == [(1, 1), (2, 2)]
    assert all(one.hidden == 0 for _, devices in whole for one in devices)
    found = [one for _, devices in waves_of(changes, 6) for one in devices]
    assert [(len(one.lines), one.hidden) for one in found] == [(4, 0), (2, 2), (0, 4)]
    assert [(one.added, one.removed) for one in found] == [(2, 1)] * 3


def test_progress_is_that_of_the_events_and_others_are_passed_over():
    done = {"event": "DeviceDone", "device": "r1", "detail": ""}
    found = progress_of(
        [
            {"event": "ReadingStarted", "devices": 2},
            {**done, "act": "read"},
            {"event": "of-a-later-release"},
        ]
    )
    assert (found.done, found.total) == (1, 2)
    found = progress_of(
        [
            {"event": "ApplyStarted", "devices": 2, "waves": 2},
            {**done, "act": "stage"},
            {"event": "WaveStarted", "number": 1, "devices": ["r1"]},
            {**done, "act": "commit", "detail": "refuses a line"},
            {"event": "WaveEnded", "number": 1, "verdict": {"holds": False, "evidence": ["cut"]}},
        ]
    )
    assert (found.done, found.total) == (1, 6)
    assert found.acts("r1") == {"stage": "", "commit": "refuses a line"}
    assert [wave.holds for wave in found.waves] == [False, None]
