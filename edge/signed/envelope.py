"""What a controller signs and seals for one device: {…, "sealed", "signature"}, in JSON.

sealed holds secrets by HPKE (RFC 9180: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
ChaCha20-Poly1305) to the device's WireGuard key. The signature (Ed25519, RFC 8032) covers the
compact JSON of the rest, keys sorted, after a line that says what it is.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from inventory.errors import PolicyRefusedError

_LARGEST_SERIAL: Final = 2**53 - 1


def signed(rest: Mapping[str, Any], purpose: bytes, key: Ed25519PrivateKey) -> str:
    """Return an envelope of a purpose, which ends with a line feed."""
    signature = base64.b64encode(key.sign(_covered(rest, purpose))).decode("ascii")
    return json.dumps({**rest, "signature": signature}, separators=(",", ":")) + "\n"


def opened(written: str, file: str, purpose: bytes, trust: Ed25519PublicKey) -> Mapping[str, Any]:
    """Return what an envelope holds that the trusted controller signed for a purpose.

    Raises PolicyRefusedError, naming file; nothing is looked at before the signature holds.
    """
    envelope = _object(written, file)
    rest = {key: value for key, value in envelope.items() if key != "signature"}
    try:
        signature = base64.b64decode(str(envelope.get("signature")), validate=True)
        trust.verify(signature, _covered(rest, purpose))
    except (InvalidSignature, ValueError):
        raise PolicyRefusedError(
            f"{file}: the controller that this edge trusts has not signed this; take it from that "
            "controller"
        ) from None
    return rest


def number(value: Any) -> int:
    """Return a serial. Raises ValueError when it is none."""
    if type(value) is not int or not 0 <= value <= _LARGEST_SERIAL:
        raise ValueError("a serial is none")
    return value


def _covered(rest: Mapping[str, Any], purpose: bytes) -> bytes:
    return purpose + json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii")


def _object(written: str, file: str) -> Mapping[str, Any]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PolicyRefusedError(f"{file}: this is no JSON object; take it anew")
    return found
