"""The process that checks rosters: `python -m edge.admitting DIR FILE`, the envelope on stdin.

Its answer on stdout holds preshared keys, and goes to the daemon that started it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from edge import keys, rosters, trust
from edge.identity import KEY
from inventory.errors import SanagaError


def answer(folder: Path, file: str, envelope: str) -> dict[str, Any]:
    """Return what an envelope holds as plain JSON, or why it is refused."""
    try:
        private_key = keys.read(folder / KEY)
        signed = rosters.verify(envelope, file, trust.trusted_key(folder), private_key)
    except (SanagaError, FileNotFoundError) as error:
        return {"refused": str(error)}
    return rosters.plain(signed)


def main(arguments: list[str]) -> None:
    """Answer on stdout."""
    folder, file = arguments
    envelope = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    sys.stdout.write(json.dumps(answer(Path(folder), file, envelope)))


if __name__ == "__main__":
    main(sys.argv[1:])
