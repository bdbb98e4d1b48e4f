"""What travels between controller and edge: policies as canonical text, and signed.

A policy's canonical text is JSON with sorted keys, so that equal policies are equal texts. Signed,
it stands in an envelope {"serial", "issued_at", "policy", "signature"}; the signature (Ed25519,
RFC 8032) covers the compact JSON of the rest, keys sorted, after a line that says what it is.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BeforeValidator, Field, StrictInt, StrictStr, ValidationError

from edge.policy.canonical import SignedPolicy, plain, pretty, text
from edge.policy.errors import LARGEST_POLICY
from edge.policy.model import EdgePolicy
from edge.policy.schema import JsonPath, PolicyDocument, Wrong, incoherent
from inventory.documents.fields import Document
from inventory.documents.messages import follows, quoted, refuse, worded
from inventory.errors import Fault, Location, PolicyRefusedError

__all__ = ["LARGEST_POLICY", "SignedPolicy", "policy", "pretty", "sign", "text", "verify"]

_LARGEST_SERIAL: Final = 2**53 - 1
_MOST_FAULTS: Final = 50
_PURPOSE: Final = b"sanaga edge policy\n"
_EXAMPLES: Final[Mapping[str, str]] = {
    "issued_at": "2026-11-23T08:00:00Z",
    "serial": "1",
}


def _instant(value: object) -> object:
    if isinstance(value, str):
        return value
    raise refuse("issued_at is no text", "write an instant such as '2026-11-23T08:00:00Z'")


class EnvelopeDocument(Document):
    """What stands around a policy on its way."""

    serial: Annotated[StrictInt, Field(ge=1, le=_LARGEST_SERIAL)]
    issued_at: Annotated[AwareDatetime, BeforeValidator(_instant)]
    policy: dict[str, Any]
    signature: StrictStr


def policy(written: str, file: str) -> EdgePolicy:
    """Return the policy that a text without envelope holds. Raises PolicyRefusedError."""
    return _policy(_object(written, file), file, ())


def sign(signed: SignedPolicy, key: Ed25519PrivateKey) -> str:
    """Return a policy in its signed envelope."""
    rest = {
        "serial": signed.serial,
        "issued_at": signed.issued_at.isoformat(),
        "policy": plain(signed.policy),
    }
    signature = base64.b64encode(key.sign(_covered(rest))).decode("ascii")
    return pretty({**rest, "signature": signature})


def verify(written: str, file: str, trust: Ed25519PublicKey) -> SignedPolicy:
    """Return the policy of an envelope that the trusted controller signed.

    Raises PolicyRefusedError; nothing of a policy is looked at before its signature holds.
    """
    envelope = _object(written, file)
    document = _envelope(envelope, file)
    rest = {key: value for key, value in envelope.items() if key != "signature"}
    try:
        trust.verify(base64.b64decode(document.signature, validate=True), _covered(rest))
    except (InvalidSignature, binascii.Error, ValueError):
        why = (
            ("signature",),
            "the controller that this edge trusts has not signed this",
            "take the policy from that controller, or enrol again with --controller-key",
        )
        raise _refusal([why], file) from None
    inside = _policy(document.policy, file, ("policy",))
    return SignedPolicy(document.serial, document.issued_at, inside)


def _covered(rest: Mapping[str, Any]) -> bytes:
    return _PURPOSE + json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii")


def _object(written: str, file: str) -> dict[str, Any]:
    """Return the JSON object of a text. Raises PolicyRefusedError."""
    if len(written) > LARGEST_POLICY:
        what = f"{len(written):,} characters are more than any policy has"
        raise _refusal([((), what, f"write at most {LARGEST_POLICY:,}")], file)
    try:
        found = json.loads(written, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _refusal([((), *_no_json(error))], file) from None
    if not isinstance(found, dict):
        raise _refusal([((), "this is no JSON object", 'write {"serial": 1, ...}')], file)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {quoted(next(k for k in keys if keys.count(k) > 1))} twice")
    return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word}, which JSON has not")


def _no_json(error: Exception) -> tuple[str, str]:
    hint = "the file is torn or none of the controller's; take it anew"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON from line {error.lineno} column {error.colno} on", hint
    if isinstance(error, RecursionError):
        return "nested too deep", hint
    return f"the text holds {error}", hint


def _envelope(envelope: dict[str, Any], file: str) -> EnvelopeDocument:
    try:
        return EnvelopeDocument.model_validate(envelope)
    except ValidationError as error:
        raise _refusal(_worded(error, EnvelopeDocument, "the envelope"), file) from None


def _policy(value: dict[str, Any], file: str, prefix: JsonPath) -> EdgePolicy:
    try:
        made = PolicyDocument.model_validate(value).to_model()
    except ValidationError as error:
        wrong = _worded(error, PolicyDocument, "the policy")
    else:
        wrong = [*incoherent(made)]
        if not wrong:
            return made
    raise _refusal([((*prefix, *path), what, hint) for path, what, hint in wrong], file)


def _worded(error: ValidationError, shape: type[Document], noun: str) -> list[Wrong]:
    found = [detail for detail in error.errors(include_url=False) if not follows(detail)]
    return [(detail["loc"], *worded(detail, shape, noun, _EXAMPLES)) for detail in found]


def _refusal(wrong: Iterable[Wrong], file: str) -> PolicyRefusedError:
    """Return the refusal that names every fault by file and JSON pointer (RFC 6901)."""
    faults = [Fault(Location(_place(file, path)), what, hint) for path, what, hint in wrong]
    lines = [str(fault) for fault in faults[:_MOST_FAULTS]]
    more = len(faults) - len(lines)
    return PolicyRefusedError(
        "\n".join([*lines, f"and {more} more faults"][: len(lines) + (more > 0)])
    )


def _place(file: str, path: JsonPath) -> str:
    steps = (quoted(step)[1:-1].replace("~", "~0").replace("/", "~1") for step in path)
    return "#".join([file, *(["".join(f"/{step}" for step in steps)] if path else [])])
