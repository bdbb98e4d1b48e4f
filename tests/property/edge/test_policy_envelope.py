"""Laws of policies on their way: what is written is read again, and no text does harm."""

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.policy import canonical
from edge.signed import policy_envelope
from inventory.errors import PolicyRefusedError
from inventory.model import Medium
from tests.rigs.edge.edge_policies import SIGNER, edge_policy, hub_policy, signed

TRUST = SIGNER.public_key()
prefixes4 = st.builds(
    lambda n, length: IPv4Network((n >> (32 - length) << (32 - length), length)),
    # Below loopback, which no router sends anything to.
    st.integers(0x0B000000, 0x7EFFFFFF),
    st.integers(8, 32),
)
prefixes6 = st.builds(lambda n: IPv6Network((0xFD << 120 | n << 64, 64)), st.integers(0, 2**48 - 1))
rates = st.floats(0.01, 100_000, allow_nan=False)
names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


few = settings(max_examples=25)


def outcome(text):
    """Return the policy of a text, or why it is refused."""
    try:
        return policy_envelope.parse_policy(text, "policy.json"), ""
    except PolicyRefusedError as error:
        return None, str(error)


@st.composite
def policies(draw):
    made = draw(st.sampled_from((edge_policy, hub_policy)))()
    underlays = tuple(
        replace(
            underlay,
            gateway=IPv4Address(draw(st.integers(0, 2**32 - 1))),
            medium=draw(st.sampled_from(Medium)),
            rate_up_mbps=draw(rates),
            mtu=draw(st.integers(576, 9000)),
            shape_ingress=draw(st.booleans()),
        )
        for underlay in made.underlays
    )
    own = draw(st.lists(prefixes4 | prefixes6, max_size=4, unique=True))
    telemetry = draw(st.sampled_from([(), ("noc.example.cm:8444", "[2001:db8::7]:8444")]))
    parts = {"underlays": underlays, "prefixes": tuple(own), "telemetry": telemetry}
    return replace(made, network=draw(names), **parts)


@few
@given(policies())
def test_policy_written_and_read_is_the_same(policy):
    assert (
        policy_envelope.parse_policy(policy_envelope.policy_text(policy), "policy.json") == policy
    )


@few
@given(policies())
def test_equal_policies_are_equal_texts(policy):
    again = policy_envelope.parse_policy(policy_envelope.policy_text(policy), "policy.json")
    assert policy_envelope.policy_text(again) == policy_envelope.policy_text(policy)


@few
@given(policies())
def test_what_was_checked_elsewhere_is_the_same_policy(policy):
    travelled = json.loads(json.dumps(canonical.policy_json(policy)))
    assert canonical.policy_from_json(travelled) == policy


@few
@given(policies(), st.integers(1, 2**53 - 1))
def test_signed_policy_is_verified_with_its_serial(policy, serial):
    found = policy_envelope.verify_policy(signed(policy, serial), "policy.json", TRUST)
    assert (found.serial, found.policy) == (serial, policy)


@few
@given(st.data())
def test_no_change_of_one_character_keeps_the_signature(data):
    envelope = signed(edge_policy())
    place = data.draw(st.integers(0, len(envelope) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != envelope[place]))
    changed = envelope[:place] + other + envelope[place + 1 :]
    try:
        found = policy_envelope.verify_policy(changed, "policy.json", TRUST)
    except PolicyRefusedError:
        return
    # White space between values means nothing, and is not signed.
    assert found == policy_envelope.verify_policy(envelope, "policy.json", TRUST)
    assert json.loads(changed) == json.loads(envelope)


@given(json_values)
def test_any_json_is_refused_in_words(value):
    with pytest.raises(PolicyRefusedError, match=r"^policy\.json"):
        policy_envelope.verify_policy(json.dumps(value), "policy.json", TRUST)


@given(st.text() | st.binary().map(lambda b: b.decode("utf-8", "surrogateescape")))
def test_any_text_is_refused_in_words(text):
    with pytest.raises(PolicyRefusedError, match=r"^policy\.json"):
        policy_envelope.parse_policy(text, "policy.json")


@settings(max_examples=50)
@given(st.data(), json_values)
def test_any_value_in_any_place_of_a_policy_is_taken_or_refused_in_words(data, value):
    held = canonical.policy_json(edge_policy())
    spot: Any = held
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        inside = spot[key]
        if not isinstance(inside, (dict, list)) or not inside or data.draw(st.booleans()):
            spot[key] = value
            break
        spot = inside
    found, refusal = outcome(json.dumps(held))
    assert all(line.startswith(("policy.json", "and ")) for line in refusal.splitlines())
    assert (
        refusal
        or policy_envelope.parse_policy(policy_envelope.policy_text(found), "policy.json") == found
    )
