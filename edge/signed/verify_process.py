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
    from edge.policy.canonical import plain  # noqa: PLC0415 - each kind is a process of its own
    from edge.signed import policy_envelope  # noqa: PLC0415

    signed = policy_envelope.verify(envelope, file, trust.trusted_key(folder))
    issued_at = signed.issued_at.isoformat()
    return {"serial": signed.serial, "issued_at": issued_at, "policy": plain(signed.policy)}


def _roster(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    from edge.identity import keyring  # noqa: PLC0415
    from edge.signed import roster_envelope  # noqa: PLC0415

    private_keys = keyring.ring(folder).values()
    return roster_envelope.plain(
        roster_envelope.verify(envelope, file, trust.trusted_key(folder), private_keys)
    )


def _chains(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    from edge.identity import keyring  # noqa: PLC0415
    from edge.signed import psk_envelope  # noqa: PLC0415

    private_keys = keyring.ring(folder).values()
    return psk_envelope.plain(
        psk_envelope.verify(envelope, file, trust.trusted_key(folder), private_keys)
    )


def _revoked(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    from edge.signed import revocation_envelope  # noqa: PLC0415

    return revocation_envelope.plain(
        revocation_envelope.verify(envelope, file, trust.trusted_key(folder))
    )


KINDS: Final[Mapping[str, Callable[[Path, str, str], dict[str, Any]]]] = {
    "policy": _policy,
    "roster": _roster,
    "chains": _chains,
    "revoked": _revoked,
}


def answer(kind: str, folder: Path, file: str, envelope: str) -> dict[str, Any]:
    """Return what an envelope holds as plain JSON, or why it is refused."""
    try:
        return KINDS[kind](folder, file, envelope)
    except (SanagaError, FileNotFoundError) as error:
        return {"refused": str(error)}


def main(arguments: list[str]) -> None:
    """Answer on stdout."""
    kind, folder, file = arguments
    envelope = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    sys.stdout.write(json.dumps(answer(kind, Path(folder), file, envelope)))


if __name__ == "__main__":
    main(sys.argv[1:])
