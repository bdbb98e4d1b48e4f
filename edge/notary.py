"""Has policies checked by a process of their own: edge.checking.

What checks signatures and documents needs more memory than all the rest of the daemon, for moments
of its life. The other process reads an envelope and answers with what it holds, as plain JSON.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from edge.canonical import SignedPolicy, trusted
from inventory.errors import EdgeError, PolicyRefusedError

_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Notary:
    """Checks policies by the trust that is in a folder."""

    folder: Path

    def __call__(self, envelope: str, file: str) -> SignedPolicy:
        """Return the policy of an envelope that the trusted controller signed.

        Raises PolicyRefusedError, EdgeError when nothing could be checked.
        """
        command = [sys.executable, "-P", "-m", "edge.checking", str(self.folder), file]
        try:
            done = subprocess.run(  # noqa: S603 - ourselves
                command,
                input=envelope,
                encoding="utf-8",
                errors="surrogateescape",
                capture_output=True,
                timeout=_WITHIN_S,
                check=False,
            )
            said = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise EdgeError(f"{file}: the policy could not be checked: {error}") from error
        if "refused" in said:
            raise PolicyRefusedError(str(said["refused"]))
        issued_at = datetime.fromisoformat(said["issued_at"])
        return SignedPolicy(int(said["serial"]), issued_at, trusted(said["policy"]))
