"""Verifiers of what the controller signed, each in a process of its own.

What checks signatures and documents needs more memory than all the rest of the daemon, for moments
of its life. The other process reads an envelope and answers with what it holds, as plain JSON.
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

from edge.policy.canonical import SignedPolicy, trusted
from inventory.errors import EdgeError, PolicyRefusedError
from vpn.people import roster
from vpn.people.revocation_list import RevocationList
from vpn.people.roster import SignedRoster
from vpn.wireguard.psk_ratchet import PskBundle, PskChain

_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class PolicyVerifier:
    """Checks policies by the trust that is in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> SignedPolicy:
        """Return the policy of an envelope that the trusted controller signed.

        Raises PolicyRefusedError, EdgeError when nothing could be checked.
        """
        said = _checked(["edge.checking"], self.folder, envelope, file)
        issued_at = datetime.fromisoformat(said["issued_at"])
        return SignedPolicy(int(said["serial"]), issued_at, trusted(said["policy"]))


@dataclass(frozen=True, slots=True)
class RosterVerifier:
    """Checks rosters by the trust and the key that are in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> SignedRoster:
        """Return the roster of an envelope that the trusted controller signed for this device.

        Raises PolicyRefusedError, EdgeError when nothing could be checked.
        """
        said = _checked(["edge.signed.verify_process", "roster"], self.folder, envelope, file)
        return SignedRoster(
            int(said["serial"]),
            datetime.fromisoformat(said["issued_at"]),
            int(said["state"]),
            roster.read(said["roster"]),
            tuple(map(base64.b64decode, said["preshared"])),
        )


@dataclass(frozen=True, slots=True)
class PskVerifier:
    """Opens chains of preshared keys by the trust and the keys that are in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> PskBundle:
        """Return the chains of an envelope that the trusted controller signed for this device.

        Raises PolicyRefusedError, EdgeError when nothing could be checked.
        """
        said = _checked(["edge.signed.verify_process", "chains"], self.folder, envelope, file)
        return PskBundle(
            str(said["device"]),
            datetime.fromisoformat(said["issued_at"]),
            int(said["series"]),
            str(said["fingerprint"]),
            {
                peer: PskChain(epoch, base64.b64decode(octets))
                for peer, (epoch, octets) in said["chains"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class RevocationVerifier:
    """Checks lists of revoked keys by the trust that is in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> RevocationList:
        """Return the list of an envelope that the trusted controller signed.

        Raises PolicyRefusedError, EdgeError when nothing could be checked.
        """
        said = _checked(["edge.signed.verify_process", "revoked"], self.folder, envelope, file)
        issued_at = datetime.fromisoformat(said["issued_at"])
        return RevocationList(int(said["serial"]), issued_at, tuple(said["keys"]))


def _checked(program: list[str], folder: Path, envelope: str, file: str) -> Mapping[str, Any]:
    """Return what a process of ours found in an envelope."""
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-P", "-m", *program, str(folder), file],
            input=envelope,
            encoding="utf-8",
            errors="surrogateescape",
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
        said: Mapping[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise EdgeError(f"{file}: it could not be checked: {error}") from error
    if "refused" in said:
        raise PolicyRefusedError(str(said["refused"]))
    return said
