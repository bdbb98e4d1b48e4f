"""The whole country: one incident for each fault, no notice of a consequence, fast decisions."""

from statistics import median
from time import process_time

import pytest

from controller.decisions.decide import decide
from controller.incidents.model import Health
from tests.rigs.incidents.national_life import NationalLife
from tests.rigs.incidents.networks import national
from tests.rigs.incidents.story import Story

SITES = 429
WITHIN_S = 0.005


def live(seed, steps):
    life = NationalLife(seed)
    for _ in range(steps):
        done, opened, due = life.step()
        assert life.open_roots() == life.expected, done
        assert len(opened) == len(due), (done, opened, due)


def test_every_random_cut_in_the_country_is_one_incident_without_a_childs_notice():
    live(1, 30)


@pytest.mark.long
def test_a_thousand_random_cuts_and_repairs_in_the_country():
    for seed in range(10):
        live(seed, 100)


def test_one_decision_on_the_country_takes_at_most_five_milliseconds():
    assert len(national().sites) == SITES
    story = Story(national())
    story.all_well()
    story.wait(300)
    fibres = [name for name in national().circuits if "fibre" in name][::9]
    assert len(fibres) > 20
    spent = []
    for name in fibres:
        for said in story.dead(name):
            began_s = process_time()
            outcome = decide(story.state, national(), (said,), story.now_s)
            spent.append(process_time() - began_s)
            story.state = outcome.state
        story.wait(1)
        assert story.roots() == [name]
        story.hear(*story.dead(name, state=Health.OK))
        story.wait(1_000)
    assert median(spent) <= WITHIN_S
