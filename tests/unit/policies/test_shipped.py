"""The intents that come with the program are accepted, and keep what they promise."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inventory import intent
from inventory.country.examples import example_names, write_example
from inventory.country.intent_folder import write_national
from inventory.documents import entries
from policies import expectations
from policies.clinical import read_catalogue
from policies.documents import check_policies
from policies.model import CARE_CLASSES, ORDINARY_CLASS
from topology.build import build_topology


def example(name: str) -> Callable[[Path], None]:
    return lambda folder: write_example(folder, name)


@pytest.mark.parametrize(
    "write", [write_national, *map(example, example_names())], ids=["national", *example_names()]
)
def test_expectations_of_a_shipped_intent_hold(write: Callable[[Path], None], tmp_path: Path):
    folder = tmp_path / "intent"
    write(folder)
    read = entries.read_documents(folder)
    found, faults = intent.check_intent(read)
    assert faults == ()
    assert found is not None
    policies, faults = check_policies(read, found)
    assert faults == ()
    assert policies is not None
    findings = expectations.check_expectations(policies, found, build_topology(found))
    assert len(findings) >= 8
    assert [finding for finding in findings if not finding.holds] == []


def test_classes_that_edges_know_by_name_are_in_the_catalogue():
    known = read_catalogue()
    assert {*CARE_CLASSES, ORDINARY_CLASS} <= known.classes.keys() & known.paths.keys()
