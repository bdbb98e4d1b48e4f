"""Lists of revoked keys on their way: signed by the controller, carried by anybody.

They stand in an envelope {"serial", "issued_at", "keys", "signature"}; see edge.signed.envelope.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.signed import envelope
from edge.signed.serials import parse_serial
from inventory.errors import PolicyRefusedError
from vpn.key_text import key_octets
from vpn.people.revocation_list import RevocationList

_PURPOSE: Final = b"sanaga revoked keys\n"
MOST_KEYS: Final = 20_000


def sign_revocation_list(found: RevocationList, key: Ed25519PrivateKey) -> str:
    """Return a list in its signed envelope."""
    return envelope.sign_object(revocation_list_json(found), _PURPOSE, key)


def verify_revocation_list(written: str, file: str, trust: Ed25519PublicKey) -> RevocationList:
    """Return the list of an envelope that the trusted controller signed.

    Raises PolicyRefusedError, naming file.
    """
    rest = envelope.open_object(written, file, _PURPOSE, trust)
    try:
        return read_revocation_list(rest)
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyRefusedError(
            f"{file}: not a list of revoked keys: {error}; take it again"
        ) from None


def revocation_list_json(found: RevocationList) -> dict[str, Any]:
    """Return a list as JSON."""
    return {
        "serial": found.serial,
        "issued_at": found.issued_at.isoformat(),
        "keys": list(found.keys),
    }


def read_revocation_list(written: Mapping[str, Any]) -> RevocationList:
    """Return the list that plain() wrote. Raises KeyError, TypeError, ValueError."""
    keys = written["keys"]
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise ValueError(f"keys is not a list of at most {MOST_KEYS}")
    if any(not isinstance(key, str) or not key_octets(key) for key in keys):
        raise ValueError("a key is not a WireGuard public key")
    issued_at = datetime.fromisoformat(written["issued_at"])
    return RevocationList(parse_serial(written["serial"]), issued_at, tuple(keys))
