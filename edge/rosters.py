"""Rosters on their way to a gateway: signed, and the preshared keys for the gateway alone.

A roster stands in an envelope {"serial", "issued_at", "state", "roster", "sealed", "signature"}.
sealed holds the preshared keys of its devices in their order, 32 octets each, by HPKE (RFC 9180:
base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305) to the gateway's WireGuard
key. The signature (Ed25519, RFC 8032) covers the compact JSON of the rest, keys sorted, after a
line that says what it is.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from inventory.errors import AccessError, PolicyRefusedError
from vpn import roster as rosters
from vpn.roster import SignedRoster

_PURPOSE: Final = b"sanaga people roster\n"
_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_LARGEST_SERIAL: Final = 2**53 - 1
_OCTETS: Final = 32


def sign(signed: SignedRoster, key: Ed25519PrivateKey, gateway_key: str) -> str:
    """Return a roster in its signed envelope, for the gateway of a public key in base64."""
    public = X25519PublicKey.from_public_bytes(base64.b64decode(gateway_key))
    sealed = _SUITE.encrypt(b"".join(signed.preshared), public, _about(signed.roster.gateway))
    rest = {
        "serial": signed.serial,
        "issued_at": signed.issued_at.isoformat(),
        "state": signed.state,
        "roster": rosters.plain(signed.roster),
        "sealed": base64.b64encode(sealed).decode("ascii"),
    }
    signature = base64.b64encode(key.sign(_covered(rest))).decode("ascii")
    return json.dumps({**rest, "signature": signature}, separators=(",", ":")) + "\n"


def verify(written: str, file: str, trust: Ed25519PublicKey, private_key: bytes) -> SignedRoster:
    """Return the roster of an envelope that the trusted controller signed for this gateway.

    private_key is the gateway's own, 32 octets. Raises PolicyRefusedError, naming file; nothing of
    a roster is looked at before its signature holds.
    """
    envelope = _object(written, file)
    rest = {key: value for key, value in envelope.items() if key != "signature"}
    try:
        signature = base64.b64decode(str(envelope.get("signature")), validate=True)
        trust.verify(signature, _covered(rest))
    except (InvalidSignature, ValueError):
        raise PolicyRefusedError(
            f"{file}: the controller that this edge trusts has not signed this; take the roster "
            "from that controller"
        ) from None
    try:
        return _opened(rest, X25519PrivateKey.from_private_bytes(private_key))
    except InvalidTag:
        raise PolicyRefusedError(
            f"{file}: the preshared keys are sealed to another device's key; pin this device's key "
            "in edge_keys and say 'sanaga vpn apply'"
        ) from None
    except (AccessError, KeyError, TypeError, ValueError) as error:
        raise PolicyRefusedError(f"{file}: this is no roster: {error}; take it anew") from None


def _opened(rest: Mapping[str, Any], private: X25519PrivateKey) -> SignedRoster:
    roster = rosters.read(rest["roster"])
    sealed = base64.b64decode(rest["sealed"], validate=True)
    octets = _SUITE.decrypt(sealed, private, _about(roster.gateway))
    if len(octets) != _OCTETS * len(roster.devices):
        raise ValueError("there is not one preshared key for each device")
    preshared = tuple(octets[at : at + _OCTETS] for at in range(0, len(octets), _OCTETS))
    return SignedRoster(
        _number(rest["serial"]),
        datetime.fromisoformat(rest["issued_at"]),
        _number(rest["state"]),
        roster,
        preshared,
    )


def _about(gateway: str) -> bytes:
    return _PURPOSE + gateway.encode()


def _covered(rest: Mapping[str, Any]) -> bytes:
    return _PURPOSE + json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii")


def _object(written: str, file: str) -> Mapping[str, Any]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PolicyRefusedError(f"{file}: this is no JSON object; take the roster anew")
    return found


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST_SERIAL:
        raise ValueError("a serial is none")
    return value


def plain(signed: SignedRoster) -> dict[str, Any]:
    """Return a roster with its preshared keys, for the process that asked and nobody else."""
    return {
        "serial": signed.serial,
        "issued_at": signed.issued_at.isoformat(),
        "state": signed.state,
        "roster": rosters.plain(signed.roster),
        "preshared": [base64.b64encode(one).decode("ascii") for one in signed.preshared],
    }
