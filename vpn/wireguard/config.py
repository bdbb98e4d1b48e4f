"""wg-quick's files as values, and how they are written for WireGuard's own tools and apps."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final, TypeAlias

from inventory.addressing import Prefix
from inventory.free_text import quoted
from vpn.key_text import PublicKey
from vpn.model import Endpoint
from vpn.wireguard.keys import Secret

Address: TypeAlias = IPv4Interface | IPv6Interface

KEEPALIVE_S: Final = 25
# wg-quick makes an interface of a file's name, and Linux lets none have a longer one.
LONGEST_NAME: Final = 15
_QUICK_NAME: Final = re.compile(rf"[a-zA-Z0-9_=+.-]{{1,{LONGEST_NAME}}}\.conf")


@dataclass(frozen=True, slots=True)
class PeerSection:
    """A far end; what lies behind it may come from nobody else (cryptokey routing)."""

    public_key: PublicKey
    allowed: tuple[Prefix, ...] = ()
    endpoint: Endpoint | None = None
    preshared_key: Secret | None = None
    keepalive_s: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """One WireGuard interface; private_key is None where its owner fills it in.

    unused are the keys of a file that was read whose settings mean nothing here.
    """

    private_key: Secret | None = None
    addresses: tuple[Address, ...] = ()
    peers: tuple[PeerSection, ...] = ()
    listen_port: int | None = None
    mtu: int | None = None
    dns: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def quick_name_fault(name: str) -> str:
    """Return why wg-quick would refuse a file of some name; nothing when it takes it."""
    if _QUICK_NAME.fullmatch(name):
        return ""
    return (
        f"wg-quick refuses a file called {quoted(name)}: it takes at most {LONGEST_NAME} letters, "
        "digits and _ = + . - before '.conf'"
    )


def render_config(config: Config, *, remark: str = "") -> str:
    """Return a file for wg-quick; remark becomes its first line."""
    blocks = ["\n".join(_interface_lines(config))]
    blocks += ["\n".join(_peer_lines(peer, wg_quick=True)) for peer in config.peers]
    head = f"# {' '.join(remark.split())}\n" if remark else ""
    return head + "\n\n".join(blocks) + "\n"


def render_peers(peers: Iterable[PeerSection]) -> str:
    """Return peers as `wg` itself reads them, without wg-quick's own keys.

    What `wg syncconf` reads must begin with the interface's own section: without one it takes the
    private key away.
    """
    return "\n".join("\n".join((*_peer_lines(peer, wg_quick=False), "")) for peer in peers)


def _interface_lines(config: Config) -> Iterator[str]:
    yield "[Interface]"
    if config.private_key:
        yield f"PrivateKey = {config.private_key.reveal()}"
    else:
        yield "# PrivateKey = (the device's own, which never left it)"
    if config.addresses:
        yield f"Address = {', '.join(map(str, config.addresses))}"
    if config.dns:
        yield f"DNS = {', '.join(config.dns)}"
    if config.listen_port is not None:
        yield f"ListenPort = {config.listen_port}"
    if config.mtu is not None:
        yield f"MTU = {config.mtu}"


def _peer_lines(peer: PeerSection, *, wg_quick: bool) -> Iterator[str]:
    yield "[Peer]"
    yield f"PublicKey = {peer.public_key}"
    if peer.preshared_key:
        yield f"PresharedKey = {peer.preshared_key.reveal()}"
    if peer.allowed or wg_quick:
        yield f"AllowedIPs = {', '.join(map(str, peer.allowed))}"
    if peer.endpoint:
        yield f"Endpoint = {peer.endpoint}"
    if peer.keepalive_s:
        yield f"PersistentKeepalive = {peer.keepalive_s}"
