"""Signed JSON objects {…, "signature"}, as the controller sends them to its edges.

The signature (Ed25519, RFC 8032) covers a line that names the purpose and, after it, the compact
JSON of the rest with keys sorted. Where there is "sealed", it holds secrets by HPKE (RFC 9180: base
mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305) to the device's WireGuard key.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from inventory.errors import PolicyRefusedError

_SIGNATURE: Final = "signature"


def add_signature(
    rest: Mapping[str, Any], purpose: bytes, key: Ed25519PrivateKey
) -> dict[str, Any]:
    """Return an object with its signature for a purpose."""
    signature = base64.b64encode(key.sign(_covered(rest, purpose))).decode("ascii")
    return {**rest, _SIGNATURE: signature}


def sign_object(rest: Mapping[str, Any], purpose: bytes, key: Ed25519PrivateKey) -> str:
    """Return the text of an object with its signature, which ends with a line feed."""
    return json.dumps(add_signature(rest, purpose, key), separators=(",", ":")) + "\n"


def open_object(
    written: str, file: str, purpose: bytes, trust: Ed25519PublicKey
) -> Mapping[str, Any]:
    """Return what the trusted controller signed for a purpose, without the signature.

    Raises PolicyRefusedError, naming file; nothing is used before the signature holds.
    """
    envelope = parse_object(written, file)
    if not has_signature(envelope, purpose, trust):
        raise PolicyRefusedError(
            f"{file}: the controller that this edge trusts has not signed this; take it from that "
            "controller"
        )
    return _without_signature(envelope)


def has_signature(envelope: Mapping[str, Any], purpose: bytes, trust: Ed25519PublicKey) -> bool:
    """Return whether a key signed an object for a purpose."""
    try:
        signature = base64.b64decode(str(envelope.get(_SIGNATURE)), validate=True)
        trust.verify(signature, _covered(_without_signature(envelope), purpose))
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_object(written: str, file: str) -> dict[str, Any]:
    """Return the JSON object of a text. Raises PolicyRefusedError, naming file.

    A key that is there twice is refused, so that no two readers see different objects.
    """
    try:
        found = json.loads(written, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        what = _what_is_wrong(error)
        raise PolicyRefusedError(
            f"{file}: {what}; the file is torn or not the controller's; take it again"
        ) from None
    if not isinstance(found, dict):
        raise PolicyRefusedError(f'{file}: this is no JSON object; write {{"serial": 1, ...}}')
    return found


def _without_signature(envelope: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in envelope.items() if key != _SIGNATURE}


def _covered(rest: Mapping[str, Any], purpose: bytes) -> bytes:
    return purpose + json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)[:40]!r} twice")
    return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word}, which JSON has not")


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON from line {error.lineno} column {error.colno} on"
    if isinstance(error, RecursionError):
        return "nested too deep"
    return f"the text holds {error}"
