"""Whether addresses answer, asked of all of them at once."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

_PINGS_AT_ONCE: Final = 32
_PING_S: Final = 10

Address: TypeAlias = IPv4Address | IPv6Address


def unreached(source: Address | None, targets: Sequence[Address]) -> tuple[Address, ...]:
    """Return the targets that do not answer a ping from an address, or from any when it is None."""
    with ThreadPoolExecutor(_PINGS_AT_ONCE) as pool:
        answers = list(pool.map(lambda target: _answers(source, target), targets))
    return tuple(t for t, answered in zip(targets, answers, strict=True) if not answered)


def _answers(source: Address | None, target: Address) -> bool:
    bound = ["-I", str(source)] if source and source.version == target.version else []
    command = ["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", *bound, str(target)]
    try:
        done = subprocess.run(  # noqa: S603 - addresses alone, no text of anybody's
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PING_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
