"""Preshared-key bundles on their way to a device: signed, and sealed to that device.

Chains stand in an envelope {"device", "issued_at", "series", "fingerprint", "epoch", "peers",
"sealed", "signature"}; sealed holds the chain of that epoch with each peer, in their order, 32
octets each.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.signed import envelope
from edge.signed.serials import parse_serial
from inventory.errors import PolicyRefusedError
from inventory.model import DeviceName
from vpn.wireguard import hpke
from vpn.wireguard.psk_ratchet import PskBundle, PskChain

_PURPOSE: Final = b"sanaga pair chains\n"
_OCTETS: Final = 32


def sign_psk_bundle(given: PskBundle, key: Ed25519PrivateKey, device_key: str) -> str:
    """Return chains in their signed envelope, for the device of a public key in base64.

    All are of one epoch.
    """
    chains = given.chains.values()
    rest = {
        "device": given.device,
        "issued_at": given.issued_at.isoformat(),
        "series": given.series,
        "fingerprint": given.fingerprint,
        "epoch": max((chain.epoch for chain in chains), default=0),
        "peers": list(given.chains),
        "sealed": hpke.hpke_seal(
            b"".join(chain.octets for chain in chains), device_key, _about(given.device)
        ),
    }
    return envelope.sign_object(rest, _PURPOSE, key)


def verify_psk_bundle(
    written: str, file: str, trust: Ed25519PublicKey, private_keys: Iterable[bytes]
) -> PskBundle:
    """Return the chains of an envelope that the trusted controller signed for this device.

    private_keys are the device's own. Raises PolicyRefusedError, naming file.
    """
    rest = envelope.open_object(written, file, _PURPOSE, trust)
    try:
        octets = hpke.hpke_open(rest["sealed"], private_keys, _about(rest["device"]), file)
        return _read(rest, octets)
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyRefusedError(
            f"{file}: not a preshared-key bundle: {error}; run 'sanaga vpn site load'"
        ) from None


def _read(rest: Mapping[str, Any], octets: bytes) -> PskBundle:
    peers, epoch = rest["peers"], parse_serial(rest["epoch"])
    if len(octets) != _OCTETS * len(peers):
        raise ValueError("not one chain for each peer")
    chains = {
        str(peer): PskChain(epoch, octets[place * _OCTETS : (place + 1) * _OCTETS])
        for place, peer in enumerate(peers)
    }
    issued_at, series = datetime.fromisoformat(rest["issued_at"]), parse_serial(rest["series"])
    return PskBundle(str(rest["device"]), issued_at, series, str(rest["fingerprint"]), chains)


def _about(device: DeviceName) -> bytes:
    return _PURPOSE + device.encode()


def psk_bundle_json(given: PskBundle) -> dict[str, Any]:
    """Return chains as JSON, for the process that asked and nobody else."""
    return {
        "device": given.device,
        "issued_at": given.issued_at.isoformat(),
        "series": given.series,
        "fingerprint": given.fingerprint,
        "chains": {
            peer: [chain.epoch, base64.b64encode(chain.octets).decode("ascii")]
            for peer, chain in given.chains.items()
        },
    }
