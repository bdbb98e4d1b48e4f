"""The field of policies that says where an edge reports."""

import json

import pytest

from edge.policy import canonical
from edge.signed import policy_envelope
from inventory.errors import PolicyRefusedError
from tests.rigs.edge.edge_policies import edge_policy


def test_a_policy_without_controllers_reads_as_former_releases_wrote_it():
    text = canonical.policy_text(edge_policy())
    assert "telemetry" not in text
    assert policy_envelope.parse_policy(text, "policy.json").telemetry == ()


@pytest.mark.parametrize(
    "endpoint", ["noc.example.cm", "noc.example.cm:0", "a b:1", "", "noc.example.cm:99999", 8444]
)
def test_what_is_no_endpoint_is_refused_in_its_place(endpoint):
    held = {**canonical.policy_json(edge_policy()), "telemetry": ["192.0.2.1:8444", endpoint]}
    with pytest.raises(PolicyRefusedError, match=r"policy\.json#/telemetry/1: "):
        policy_envelope.parse_policy(json.dumps(held), "policy.json")
