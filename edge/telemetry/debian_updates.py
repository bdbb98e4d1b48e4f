"""Security updates of Debian's packages that wait on a machine, as apt knows them."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LISTS: Final = Path("/var/lib/apt/lists")
STALE_S: Final = 8 * 86_400.0
_WITHIN_S: Final = 120
_SECURITY: Final = re.compile(r"^Inst (\S+) .*-security", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class WaitingUpdates:
    """The packages that have a security update; stale_s is how old apt's lists are where too old.

    fault says why it is not known.
    """

    packages: tuple[str, ...] = ()
    stale_s: float | None = None
    fault: str = ""


def waiting_updates(now_s: float, lists: Path = LISTS) -> WaitingUpdates:
    """Return which security updates wait at a time (Unix seconds); it starts apt, and may wait."""
    age_s = now_s - max((one.stat().st_mtime for one in lists.glob("*Release")), default=0.0)
    if age_s > STALE_S:
        return WaitingUpdates(stale_s=age_s)
    try:
        told = simulated_upgrade()
    except (OSError, subprocess.SubprocessError) as error:
        return WaitingUpdates(fault=str(error))
    return WaitingUpdates(tuple(_SECURITY.findall(told)))


def simulated_upgrade() -> str:
    """Return what apt would do to bring this machine up to date; it changes nothing.

    It yields to whatever else the machine does. Raises OSError, SubprocessError.
    """
    done = subprocess.run(
        ["nice", "-n", "19", "apt-get", "--simulate", "--quiet", "dist-upgrade"],  # noqa: S607 - found by PATH
        env={"PATH": os.defpath, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_WITHIN_S,
        check=True,
    )
    return done.stdout
