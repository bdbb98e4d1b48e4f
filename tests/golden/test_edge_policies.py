"""What the edges of northern-spur must do, as they are told: reviewed as a diff."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from controller.load import Loaded, load
from controller.planning.from_folder import edge_configs
from edge.signed import policy_envelope
from inventory.country import examples
from tests.golden_files import assert_golden

EXPECTED = Path(__file__).parent / "policies"
EDGES = ("kolofata-e1", "yaounde-e1")


def _loaded() -> Loaded:
    """Return the example with keys pinned that nobody has the other half of."""
    loaded = load(examples.FOLDER / "northern-spur")
    keys = {name: base64.b64encode(bytes([n]) * 32).decode() for n, name in enumerate(EDGES)}
    devices = {
        name: replace(device, public_key=keys.get(name, ""))
        for name, device in loaded.intent.devices.items()
    }
    return replace(loaded, intent=replace(loaded.intent, devices=devices))


@pytest.mark.parametrize("name", EDGES)
def test_an_edge_is_told_what_was_reviewed(name: str):
    assert_golden(EXPECTED / f"{name}.json", edge_configs(_loaded())[name].text)


@pytest.mark.parametrize("name", EDGES)
def test_what_an_edge_is_told_is_a_policy_that_it_takes(name: str):
    text = edge_configs(_loaded())[name].text
    assert policy_envelope.policy_text(policy_envelope.parse_policy(text, name)) == text


def test_no_golden_file_is_left_over():
    assert (
        {file.stem for file in EXPECTED.glob("*.json")}
        == set(EDGES)
        == set(edge_configs(_loaded()))
    )
