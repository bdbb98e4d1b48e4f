"""Verifiers of what the controller signed; each starts a process that verifies.

The libraries that check signatures and documents need more memory than the rest of the daemon, and
only for moments. The other process reads an envelope and answers with its content as plain JSON.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from edge.policy.canonical import SignedPolicy, policy_from_json
from inventory.errors import EdgeError, PolicyRefusedError
from vpn.people import roster
from vpn.people.revocation_list import RevocationList
from vpn.people.roster import SignedRoster
from vpn.wireguard.psk_ratchet import PskBundle, PskChain

_PROGRAM: Final = "edge.signed.verify_process"
_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class PolicyVerifier:
    """Verifies policies with the controller's key in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> SignedPolicy:
        """Return the policy of an envelope that the trusted controller signed.

        Raises PolicyRefusedError, EdgeError if it could not be verified.
        """
        answered = _verified("policy", self.folder, envelope, file)
        issued_at = datetime.fromisoformat(answered["issued_at"])
        return SignedPolicy(
            int(answered["serial"]), issued_at, policy_from_json(answered["policy"])
        )


@dataclass(frozen=True, slots=True)
class RosterVerifier:
    """Verifies rosters with the controller's key and opens them with the keys in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> SignedRoster:
        """Return the roster of an envelope that the trusted controller signed for this device.

        Raises PolicyRefusedError, EdgeError if it could not be verified.
        """
        answered = _verified("roster", self.folder, envelope, file)
        return SignedRoster(
            int(answered["serial"]),
            datetime.fromisoformat(answered["issued_at"]),
            int(answered["state"]),
            roster.read_roster(answered["roster"]),
            tuple(map(base64.b64decode, answered["preshared"])),
        )


@dataclass(frozen=True, slots=True)
class PskVerifier:
    """Verifies preshared-key bundles and opens them with the keys in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> PskBundle:
        """Return the chains of an envelope that the trusted controller signed for this device.

        Raises PolicyRefusedError, EdgeError if it could not be verified.
        """
        answered = _verified("chains", self.folder, envelope, file)
        return PskBundle(
            str(answered["device"]),
            datetime.fromisoformat(answered["issued_at"]),
            int(answered["series"]),
            str(answered["fingerprint"]),
            {
                peer: PskChain(epoch, base64.b64decode(octets))
                for peer, (epoch, octets) in answered["chains"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class RevocationVerifier:
    """Verifies lists of revoked keys with the controller's key in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> RevocationList:
        """Return the list of an envelope that the trusted controller signed.

        Raises PolicyRefusedError, EdgeError if it could not be verified.
        """
        answered = _verified("revoked", self.folder, envelope, file)
        issued_at = datetime.fromisoformat(answered["issued_at"])
        return RevocationList(int(answered["serial"]), issued_at, tuple(answered["keys"]))


def _verified(kind: str, folder: Path, envelope: str, file: str) -> Mapping[str, Any]:
    """Return what the verifying process found in an envelope."""
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-P", "-m", _PROGRAM, kind, str(folder), file],
            input=envelope,
            encoding="utf-8",
            errors="surrogateescape",
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
        answered: Mapping[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise EdgeError(f"{file}: it could not be checked: {error}") from error
    if "refused" in answered:
        raise PolicyRefusedError(str(answered["refused"]))
    return answered
