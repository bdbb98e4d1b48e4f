"""What this machine offers a laboratory; asked, never assumed."""

import os
import pwd
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from inventory.errors import LabError

FRR: Final = Path("/usr/lib/frr")
DAEMONS: Final = ("zebra", "bgpd", "bfdd", "staticd")
SSHD: Final = Path("/usr/sbin/sshd")
SNMPD: Final = Path("/usr/sbin/snmpd")
LLDPD: Final = Path("/usr/sbin/lldpd")
# Program and the Debian package that brings it.
PROGRAMS: Final = (
    *((FRR / daemon, "frr") for daemon in DAEMONS),
    (Path("/usr/bin/vtysh"), "frr"),
    (SSHD, "openssh-server"),
    (SNMPD, "snmpd"),
    (LLDPD, "lldpd"),
)
IN_PATH: Final = (
    *(("ip", "iproute2"), ("tc", "iproute2")),
    *(("ping", "iputils-ping"), ("nft", "nftables")),
)
SEARCH: Final = tuple(Path(p) for p in ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"))


# Every wireguard-go watches its socket with one of these; Debian allows 128 for all of root's.
WATCHES: Final = Path("/proc/sys/fs/inotify/max_user_instances")
WATCHES_OF_OTHERS: Final = 64
SOCKETS: Final = Path("/var/run/wireguard")


@dataclass(frozen=True, slots=True)
class Kernel:
    """Whether the kernel can impair packets itself, and which interface kind is always up."""

    netem: bool
    stub: str


def require_root() -> None:
    """Raise LabError unless this process may make namespaces."""
    if os.geteuid():
        raise LabError("the laboratory makes network namespaces and needs root; use sudo")


def require_packages() -> None:
    """Raise LabError naming every Debian package whose programs are missing."""
    missing = sorted({*_missing_files(PROGRAMS), *_missing_commands()})
    if missing:
        raise LabError(f"missing packages: {', '.join(missing)}; run 'make setup'")


def knows_user(name: str) -> bool:
    """Return whether the machine knows a user, by whose name a router is managed."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _missing_files(programs: Iterable[tuple[Path, str]]) -> Iterable[str]:
    return (package for program, package in programs if not program.exists())


def _missing_commands() -> Iterable[str]:
    return (
        package
        for command, package in IN_PATH
        if not any((folder / command).exists() for folder in SEARCH)
    )


def probe_kernel() -> Kernel:
    """Ask the kernel in a scratch namespace, which is gone afterwards.

    Raises LabError when not even a namespace can be made.
    """
    scratch = f"sanaga-probe-{uuid4().hex[:8]}"
    if not _accepted("ip", "netns", "add", scratch):
        raise LabError("the kernel makes no network namespaces; are you root in a container?")
    try:
        netem = _accepted(
            *("tc", "-n", scratch, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
        )
        dummy = _accepted("ip", "-n", scratch, "link", "add", "stub0", "type", "dummy")
    finally:
        _accepted("ip", "netns", "del", scratch)
    _require_tap(netem=netem)
    return Kernel(netem, "dummy" if dummy else "ifb")


def make_room(tunnels: int) -> str:
    """Let so many more tunnels be served on this machine; return what was changed, in words."""
    taken = len(list(SOCKETS.glob("*.sock")))
    wanted = tunnels + taken + WATCHES_OF_OTHERS
    allowed = int(WATCHES.read_text(encoding="ascii"))
    if not tunnels or allowed >= wanted:
        return ""
    wanted = max(wanted, 2 * allowed)
    WATCHES.write_text(str(wanted), encoding="ascii")
    return f"fs.inotify.max_user_instances is {wanted} now, not {allowed}: tunnels need it"


def _accepted(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _require_tap(*, netem: bool) -> None:
    if not netem and not Path("/dev/net/tun").exists():
        raise LabError("the kernel has neither netem nor /dev/net/tun; circuits cannot be made")
