"""What this kernel offers a data plane; asked, never assumed.

Every question is asked in a network namespace of its own, which ends with the program that asks:
nothing of the host's is touched, and nothing is left to clear away.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from edge.wireguard.kernel import KernelWireGuard
from edge.wireguard.model import WireGuard
from edge.wireguard.syncconf import WireGuardFiles
from edge.wireguard.userspace import WireGuardGo
from inventory.errors import EdgeError

WITHIN_S: Final = 20.0
DUPLICATE: Final = """\
table ip trial {
  chain trial {
    type filter hook output priority 0; policy accept;
    udp sport 9 dup to 127.0.0.1 device "lo"
  }
}
"""
# A service without CAP_SYS_ADMIN makes one within a namespace of users, in which it keeps its own.
NAMESPACE: Final = ("unshare", "--net")
CONFINED: Final = ("unshare", "--user", "--keep-caps", "--net")
REDIRECT: Final = """\
qdisc add dev lo handle ffff: ingress
filter add dev lo parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev lo
"""


@dataclass(frozen=True, slots=True)
class KernelCapabilities:
    """What works here; what does not has to be done otherwise or without.

    wireguard: interfaces of the kernel's own. tun: interfaces for wireguard-go. htb: shaping of
    what leaves. ifb: shaping of what arrives. duplicate: copies of packets by nft. nexthop: routes
    that share next hop objects.
    """

    wireguard: bool
    tun: bool
    htb: bool
    ifb: bool
    duplicate: bool
    nexthop: bool


def probe() -> KernelCapabilities:
    """Return what the kernel offers.

    Raises EdgeError when it cannot be asked: without root, or without the programs to ask with.
    """
    accepted = partial(_accepted, _namespace())
    return KernelCapabilities(
        wireguard=accepted("ip", "link", "add", "trial", "type", "wireguard"),
        tun=accepted("ip", "tuntap", "add", "trial", "mode", "tun"),
        htb=accepted("tc", "qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb"),
        ifb=accepted("ip", "link", "add", "trial", "type", "ifb")
        and accepted("tc", "-batch", "-", stdin=REDIRECT),
        duplicate=accepted("nft", "-f", "-", stdin=DUPLICATE),
        nexthop=accepted("ip", "nexthop", "add", "id", "1", "blackhole"),
    )


def _namespace() -> Sequence[str]:
    """Return the command that makes a network namespace here. Raises EdgeError."""
    for made in (NAMESPACE, CONFINED):
        if _accepted(made, "ip", "link", "set", "lo", "up"):
            return made
    raise EdgeError(
        "the kernel makes no network namespaces; are you root, in a container? A service needs "
        "namespaces of users, or CAP_SYS_ADMIN in CapabilityBoundingSet ('systemctl edit')"
    )


def wireguard(
    offer: KernelCapabilities,
    folder: Path | None = None,
    own: Callable[[], KernelWireGuard] = KernelWireGuard,
) -> WireGuard:
    """Return the kernel's WireGuard where it has one, as own makes it, else wireguard-go.

    With a folder, both are set from files there by wg. Raises EdgeError when neither can work here.
    """
    return WireGuardFiles(folder, _maker(offer, KernelWireGuard)) if folder else _maker(offer, own)


def _maker(
    offer: KernelCapabilities, own: Callable[[], KernelWireGuard]
) -> KernelWireGuard | WireGuardGo:
    if offer.wireguard:
        return own()
    if offer.tun:
        return WireGuardGo()
    raise EdgeError(
        "the kernel has neither WireGuard nor /dev/net/tun; load a module ('modprobe wireguard' "
        "or 'modprobe tun'), or give the container /dev/net/tun"
    )


def _accepted(within: Sequence[str], *argv: str, stdin: str = "") -> bool:
    try:
        done = subprocess.run(
            [*within, *argv],
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            timeout=WITHIN_S,
        )
    except FileNotFoundError as error:
        raise EdgeError("unshare is not installed; install the package util-linux") from error
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
