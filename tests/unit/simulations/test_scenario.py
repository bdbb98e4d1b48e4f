"""Scenario files."""

import pytest

from inventory.errors import LabError
from simulations import scenario

GOOD = """
title: A cut
topology: northern-spur
seconds: 10
calls: [{name: c, from: kolofata, to: yaounde}]
events:
  - {at_s: 5, restore: x}
  - {at_s: 2, cut: x, silent: true}
  - {at_s: 3, impair: {circuit: x, loss: 0.1}}
expect:
  - {kind: call, call: c, silence_ms: 100}
  - {kind: reach, from: kolofata, to: yaounde}
"""


@pytest.fixture
def read(tmp_path):
    def write_and_read(text):
        file = tmp_path / "s.yaml"
        file.write_text(text)
        return scenario.read_scenario(file)

    return write_and_read


def test_every_scenario_of_the_library_is_valid():
    files = scenario.scenario_library()
    assert len(files) >= 3
    assert all(scenario.read_scenario(file).expect for file in files)


def test_scenario_says_what_happens_and_must_hold(read):
    made = read(GOOD)
    assert str(made.events[1]) == "2 s: cut x silently"
    assert made.events[2].impair.shape() == {"loss": 0.1}
    assert [expected.kind for expected in made.expect] == ["call", "reach"]


def test_hole_may_be_in_one_direction_alone(read):
    made = read(GOOD.replace("silent: true", "silent: true, directions: [ab]"))
    assert str(made.events[1]) == "2 s: cut x silently (ab)"
    assert made.events[1].directions == ("ab",)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("cut: x, silent: true", "cut: x, restore: x", "exactly one of"),
        ("silent: true", "loud: true", "loud"),
        ("at_s: 5", "at_s: 50", "after the end"),
        ("call: c, silence", "call: d, silence", "not there: d"),
        ("loss: 0.1", "loss: 10", "loss"),
        ("seconds: 10", "seconds: 0", "seconds"),
        ("title: A cut", "title: [", "s.yaml"),
        ("restore: x", "restore: x, directions: [ab]", "silent cut"),
        ("cut: x, silent: true", "cut: x, silent: true, directions: [up]", "directions"),
        ("to: yaounde}]", "to: yaounde, profile: hologram}]", "profile"),
    ],
)
def test_faults_in_a_scenario_are_named(read, old, new, complaint):
    with pytest.raises(LabError, match=complaint):
        read(GOOD.replace(old, new))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(LabError, match="No such file"):
        scenario.read_scenario(tmp_path / "none.yaml")
