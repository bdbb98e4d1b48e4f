"""What is wrong with a policy is said in these words: every fault at once, each in its place."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.policy.errors import LARGEST_POLICY
from edge.policy.store import PolicyStore
from edge.signed import policy_envelope
from inventory.errors import PolicyRefusedError
from tests.golden_files import assert_golden
from tests.rigs.edge.edge_policies import SIGNER, edge_policy, hub_policy, signed

GOLDEN = Path(__file__).with_name("edge-errors")
TRUST = SIGNER.public_key()


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """Return an envelope whose policy was changed before it was signed."""
    envelope = json.loads(signed(edge_policy()))
    change(envelope["policy"])
    rest = {key: value for key, value in envelope.items() if key != "signature"}
    return resigned(rest)


def resigned(rest: dict[str, Any]) -> str:
    """Return an envelope with a signature that holds, whatever is in it."""
    compact = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    signature = SIGNER.sign(b"sanaga edge policy\n" + compact.encode())
    return json.dumps({**rest, "signature": base64.b64encode(signature).decode()})


def many(policy: dict[str, Any]) -> None:
    policy["underlays"][0]["medium"] = "wet"
    policy["underlays"][1]["tunnel"] = "a name; with spaces"
    policy["underlays"][2]["listen_port"] = 70_000
    policy["underlays"][2]["mtu"] = "1340"
    policy["peers"][0]["public_key"] = "c2hvcnQ="
    policy["peers"][0]["paths"][1]["endpoint"]["address"] = "fe80::1"
    policy["peers"][0]["prefixes"] = ["10.0.1.1/24"]
    policy["classes"][3]["slo"]["loss"] = 3
    policy["classes"][4]["paths"]["media"] = []
    del policy["care"]["mtu"]
    policy["reload"] = True


def incoherent(policy: dict[str, Any]) -> None:
    policy["underlays"][1]["listen_port"] = policy["underlays"][0]["listen_port"]
    policy["underlays"][2]["tunnel"] = policy["care"]["interface"]
    policy["peers"][0]["paths"][0]["circuit"] = "nowhere"
    policy["peers"][0]["paths"][2]["name"] = policy["peers"][0]["paths"][1]["name"]
    policy["peers"][0]["prefixes"] = policy["prefixes"]
    policy["peers"][0]["device"] = policy["device"]
    policy["classes"] = [c for c in policy["classes"] if c["name"] != "portal"]
    policy["classes"][0]["share"] = 0.9


STRANGER = Ed25519PrivateKey.from_private_bytes(b"this key signs nothing for us ..")
CASES = {
    "empty": "",
    "torn": signed(edge_policy())[:1000],
    "a-list": "[]",
    "a-key-twice": '{"serial": 1, "serial": 2}',
    "no-number": '{"serial": NaN}',
    "too-deep": "[" * 100_000,
    "no-envelope": policy_envelope.policy_text(edge_policy()),
    "unsigned": json.dumps(
        {"serial": 1, "issued_at": "2026-11-23T08:00:00Z", "policy": {}, "signature": ""}
    ),
    "another-controller": signed(edge_policy(), key=STRANGER),
    "changed-after-signing": signed(edge_policy()).replace('"cost": 10', '"cost": 11'),
    "no-instant": json.dumps({**json.loads(signed(edge_policy())), "issued_at": "yesterday"}),
    "many-faults": changed(many),
    "incoherent": changed(incoherent),
}


@pytest.mark.parametrize("name", CASES)
def test_refusal_says_what_where_and_what_next(name):
    with pytest.raises(PolicyRefusedError) as refused:
        policy_envelope.verify_policy(CASES[name], "policy.json", TRUST)
    assert_golden(GOLDEN / f"{name}.txt", f"{refused.value}\n")


def test_too_long_policy_is_refused_unread():
    text = " " * (LARGEST_POLICY + 1)
    with pytest.raises(PolicyRefusedError) as refused:
        policy_envelope.verify_policy(text, "policy.json", TRUST)
    assert_golden(GOLDEN / "too-long.txt", f"{refused.value}\n")


def store(folder: Path) -> PolicyStore:
    return PolicyStore(
        folder, "kolofata-e1", lambda text, file: policy_envelope.verify_policy(text, file, TRUST)
    )


def test_older_policy_is_refused(tmp_path):
    made = store(tmp_path)
    running = policy_envelope.verify_policy(signed(edge_policy(), 7), "policy.json", TRUST)
    with pytest.raises(PolicyRefusedError) as refused:
        made.stage("txn", signed(edge_policy(), 7), running)
    assert_golden(GOLDEN / "not-newer.txt", f"{refused.value}\n")


def test_policy_of_another_device_is_refused(tmp_path):
    with pytest.raises(PolicyRefusedError) as refused:
        store(tmp_path).stage("txn", signed(hub_policy()), None)
    assert_golden(GOLDEN / "foreign.txt", f"{refused.value}\n")
