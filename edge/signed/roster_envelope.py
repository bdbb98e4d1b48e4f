"""Rosters on their way to a gateway: signed, and the preshared keys for the gateway alone.

A roster stands in an envelope {"serial", "issued_at", "state", "roster", "sealed", "signature"};
sealed holds the preshared keys of its devices in their order, 32 octets each.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.signed import envelope
from edge.signed.serials import parse_serial
from inventory.errors import AccessError, PolicyRefusedError
from vpn.people import roster as rosters
from vpn.people.roster import SignedRoster
from vpn.wireguard import hpke

_PURPOSE: Final = b"sanaga people roster\n"
_OCTETS: Final = 32


def sign_roster(signed: SignedRoster, key: Ed25519PrivateKey, gateway_key: str) -> str:
    """Return a roster in its signed envelope, for the gateway of a public key in base64."""
    secrets, about = b"".join(signed.preshared), _about(signed.roster.gateway)
    rest = {
        "serial": signed.serial,
        "issued_at": signed.issued_at.isoformat(),
        "state": signed.state,
        "roster": rosters.roster_plain(signed.roster),
        "sealed": hpke.hpke_seal(secrets, gateway_key, about),
    }
    return envelope.sign_object(rest, _PURPOSE, key)


def verify_roster(
    written: str, file: str, trust: Ed25519PublicKey, private_keys: Iterable[bytes]
) -> SignedRoster:
    """Return the roster of an envelope that the trusted controller signed for this gateway.

    private_keys are the gateway's own, 32 octets each. Raises PolicyRefusedError, naming file;
    nothing of a roster is used before its signature holds.
    """
    rest = envelope.open_object(written, file, _PURPOSE, trust)
    try:
        return _read(rest, private_keys, file)
    except (AccessError, KeyError, TypeError, ValueError) as error:
        raise PolicyRefusedError(f"{file}: not a roster: {error}; run 'sanaga vpn load'") from None


def _read(rest: Mapping[str, Any], private_keys: Iterable[bytes], file: str) -> SignedRoster:
    roster = rosters.read_roster(rest["roster"])
    octets = hpke.hpke_open(rest["sealed"], private_keys, _about(roster.gateway), file)
    if len(octets) != _OCTETS * len(roster.devices):
        raise ValueError("not one preshared key for each device")
    preshared = tuple(octets[at : at + _OCTETS] for at in range(0, len(octets), _OCTETS))
    return SignedRoster(
        parse_serial(rest["serial"]),
        datetime.fromisoformat(rest["issued_at"]),
        parse_serial(rest["state"]),
        roster,
        preshared,
    )


def _about(gateway: str) -> bytes:
    return _PURPOSE + gateway.encode()


def signed_roster_json(signed: SignedRoster) -> dict[str, Any]:
    """Return a roster with its preshared keys, for the process that asked and nobody else."""
    return {
        "serial": signed.serial,
        "issued_at": signed.issued_at.isoformat(),
        "state": signed.state,
        "roster": rosters.roster_plain(signed.roster),
        "preshared": [base64.b64encode(one).decode("ascii") for one in signed.preshared],
    }
