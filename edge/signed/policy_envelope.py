"""Policies on their way from controller to edge: as canonical text, and signed.

A policy's canonical text is JSON with sorted keys, so that equal policies are equal texts. Signed,
it stands in an envelope {"serial", "issued_at", "policy", "signature"}; see edge.signed.envelope.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BeforeValidator, Field, StrictInt, StrictStr, ValidationError

from edge.policy.canonical import SignedPolicy, canonical_json, policy_json, policy_text
from edge.policy.errors import LARGEST_POLICY
from edge.policy.model import EdgePolicy
from edge.policy.schema import JsonPath, PolicyDocument, Wrong, incoherences
from edge.signed import envelope
from edge.signed.serials import LARGEST_SERIAL
from inventory.documents.fields import Document
from inventory.documents.messages import follows, refuse_value, validation_messages
from inventory.errors import Fault, Location, PolicyRefusedError
from inventory.free_text import quoted

__all__ = [
    "LARGEST_POLICY",
    "SignedPolicy",
    "canonical_json",
    "parse_policy",
    "policy_text",
    "sign_policy",
    "verify_policy",
]

_MOST_FAULTS: Final = 50
_PURPOSE: Final = b"sanaga edge policy\n"
_EXAMPLES: Final[Mapping[str, str]] = {
    "issued_at": "2026-11-23T08:00:00Z",
    "serial": "1",
}


def _instant(value: object) -> object:
    if isinstance(value, str):
        return value
    raise refuse_value("issued_at is no text", "write an instant such as '2026-11-23T08:00:00Z'")


class EnvelopeDocument(Document):
    """A policy with its serial and signature, as JSON."""

    serial: Annotated[StrictInt, Field(ge=1, le=LARGEST_SERIAL)]
    issued_at: Annotated[AwareDatetime, BeforeValidator(_instant)]
    policy: dict[str, Any]
    signature: StrictStr


def parse_policy(written: str, file: str) -> EdgePolicy:
    """Return the policy that a text without envelope holds. Raises PolicyRefusedError."""
    return _policy(_object(written, file), file, ())


def sign_policy(signed: SignedPolicy, key: Ed25519PrivateKey) -> str:
    """Return a policy in its signed envelope."""
    rest = {
        "serial": signed.serial,
        "issued_at": signed.issued_at.isoformat(),
        "policy": policy_json(signed.policy),
    }
    return canonical_json(envelope.add_signature(rest, _PURPOSE, key))


def verify_policy(written: str, file: str, trust: Ed25519PublicKey) -> SignedPolicy:
    """Return the policy of an envelope that the trusted controller signed.

    Raises PolicyRefusedError; nothing of a policy is looked at before its signature holds.
    """
    held = _object(written, file)
    document = _envelope(held, file)
    if not envelope.has_signature(held, _PURPOSE, trust):
        why = (
            ("signature",),
            "the controller that this edge trusts has not signed this",
            "take the policy from that controller, or enrol again with --controller-key",
        )
        raise _refusal([why], file)
    inside = _policy(document.policy, file, ("policy",))
    return SignedPolicy(document.serial, document.issued_at, inside)


def _object(written: str, file: str) -> dict[str, Any]:
    """Return the JSON object of a text. Raises PolicyRefusedError."""
    if len(written) > LARGEST_POLICY:
        what = f"{len(written):,} characters are more than any policy has"
        raise _refusal([((), what, f"write at most {LARGEST_POLICY:,}")], file)
    return envelope.parse_object(written, file)


def _envelope(held: dict[str, Any], file: str) -> EnvelopeDocument:
    try:
        return EnvelopeDocument.model_validate(held)
    except ValidationError as error:
        raise _refusal(_worded(error, EnvelopeDocument, "the envelope"), file) from None


def _policy(value: dict[str, Any], file: str, prefix: JsonPath) -> EdgePolicy:
    try:
        made = PolicyDocument.model_validate(value).to_model()
    except ValidationError as error:
        wrong = _worded(error, PolicyDocument, "the policy")
    else:
        wrong = [*incoherences(made)]
        if not wrong:
            return made
    raise _refusal([((*prefix, *path), what, hint) for path, what, hint in wrong], file)


def _worded(error: ValidationError, shape: type[Document], noun: str) -> list[Wrong]:
    found = [detail for detail in error.errors(include_url=False) if not follows(detail)]
    return [
        (detail["loc"], *validation_messages(detail, shape, noun, _EXAMPLES)) for detail in found
    ]


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
