"""The process that checks policies: `python -m edge.checking DIR FILE`, the envelope on stdin."""

import json
import sys
from pathlib import Path
from typing import Any

from edge.identity import trust
from edge.policy.canonical import plain
from edge.signed import policy_envelope
from inventory.errors import SanagaError


def answer(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    """Return what an envelope holds as plain JSON, or why it is refused."""
    try:
        signed = policy_envelope.verify(envelope, file, trust.trusted_key(folder))
    except SanagaError as error:
        return {"refused": str(error)}
    issued_at = signed.issued_at.isoformat()
    return {"serial": signed.serial, "issued_at": issued_at, "policy": plain(signed.policy)}


def main(arguments: list[str]) -> None:
    """Answer on stdout."""
    folder, file = arguments
    envelope = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    sys.stdout.write(json.dumps(answer(Path(folder), file, envelope)))


if __name__ == "__main__":
    main(sys.argv[1:])
