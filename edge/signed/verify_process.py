"""The process that verifies envelopes: `python -m edge.signed.verify_process KIND DIR FILE`.

The envelope is on stdin. The answer on stdout holds what is sealed to this device, and goes to the
daemon that started this. KIND is policy, roster, chains or revoked.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from edge.identity import trust
from inventory.errors import SanagaError


def _policy(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    from edge.policy.canonical import policy_json  # noqa: PLC0415 - each kind is a process of its own
    from edge.signed import policy_envelope  # noqa: PLC0415

    signed = policy_envelope.verify_policy(envelope, file, trust.trusted_key(folder))
    issued_at = signed.issued_at.isoformat()
    return {"serial": signed.serial, "issued_at": issued_at, "policy": policy_json(signed.policy)}


def _roster(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    from edge.identity import keyring  # noqa: PLC0415
    from edge.signed import roster_envelope  # noqa: PLC0415

    private_keys = keyring.private_keys(folder).values()
    return roster_envelope.signed_roster_json(
        roster_envelope.verify_roster(envelope, file, trust.trusted_key(folder), private_keys)
    )


def _chains(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    from edge.identity import keyring  # noqa: PLC0415
    from edge.signed import psk_envelope  # noqa: PLC0415

    private_keys = keyring.private_keys(folder).values()
    return psk_envelope.psk_bundle_json(
        psk_envelope.verify_psk_bundle(envelope, file, trust.trusted_key(folder), private_keys)
    )


def _revoked(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    from edge.signed import revocation_envelope  # noqa: PLC0415

    return revocation_envelope.revocation_list_json(
        revocation_envelope.verify_revocation_list(envelope, file, trust.trusted_key(folder))
    )


KINDS: Final[Mapping[str, Callable[[Path, str, str], dict[str, Any]]]] = {
    "policy": _policy,
    "roster": _roster,
    "chains": _chains,
    "revoked": _revoked,
}


def verify_envelope(kind: str, folder: Path, file: str, envelope: str) -> dict[str, Any]:
    """Return what an envelope holds as plain JSON, or why it is refused."""
    try:
        return KINDS[kind](folder, file, envelope)
    except (SanagaError, FileNotFoundError) as error:
        return {"refused": str(error)}


def main(arguments: list[str]) -> None:
    """Answer on stdout."""
    kind, folder, file = arguments
    envelope = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    sys.stdout.write(json.dumps(verify_envelope(kind, Path(folder), file, envelope)))


if __name__ == "__main__":
    main(sys.argv[1:])
