"""WireGuard by its own program alone: a file for each interface, which `wg syncconf` loads.

For hosts on which another program speaks to WireGuard than ours can: whatever serves an interface,
wg knows it. The files hold private and preshared keys, for their owner alone; by hand they are
loaded with `wg syncconf NAME NAME.conf`, which touches only peers that differ.
"""

import base64
import subprocess
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Final, Protocol

from edge.policy.model import TunnelEndpoint
from edge.storage import atomic
from edge.wireguard import link_setup, sticky_sockets
from edge.wireguard.diff import Served, ServedPeer, diff_device
from edge.wireguard.endpoints import RememberedEndpoints
from edge.wireguard.model import (
    NO_PRESHARED_KEY,
    PeerStatus,
    Tunnel,
    TunnelPeer,
    TunnelState,
)
from inventory.errors import TunnelError

PROGRAM: Final = "wg"
WITHIN_S: Final = 20.0
NONE: Final = "(none)"
OFF: Final = "off"


class Maker(Protocol):
    """Makes bare interfaces of WireGuard and takes them away; raises TunnelError."""

    def made(self, name: str) -> tuple[str, ...]:
        """Make an interface unless it is there and served, and return what had to be done."""
        ...

    def remove(self, name: str) -> None:
        """Take an interface and whatever serves it away."""
        ...


class WireGuardFiles:
    """Sets WireGuard interfaces from files in a folder; see edge.wireguard.model.WireGuard.

    maker makes the interfaces that are not there.
    """

    def __init__(self, folder: Path, maker: Maker, program: str = PROGRAM) -> None:
        self._folder = folder
        self._maker = maker
        self._program = program
        self._learned = RememberedEndpoints()

    def ensure(self, tunnel: Tunnel, private_key: bytes) -> tuple[str, ...]:
        """Make an interface what it should be and return, in words, what had to be done."""
        name = tunnel.name
        done, now = self._maker.made(name), self._served(name)
        self._learned.note(name, now)
        full = self._learned.filled(tunnel, now)
        words = diff_device(now, full, private_key).words(name)
        file = self._folder / f"{name}.conf"
        if words or not file.exists():
            self._write(file, syncconf_text(full, private_key))
            self._said("syncconf", name, str(file))
        done = (*done, *words, *link_setup.adapt_interface(tunnel))
        return (*done, *sticky_sockets.unstick(tunnel, changed=bool(done)))

    def state(self, name: str) -> TunnelState | None:
        """Return an interface as it is; None when it does not exist or nobody serves it."""
        found = link_setup.find_interface(name)
        if found is None or found.kind not in {link_setup.TUN, link_setup.WIREGUARD}:
            return None
        try:
            now = self._served(name)
        except TunnelError:
            return None
        self._learned.note(name, now)
        return now.state(index=found.index, mtu=found.mtu)

    def remove(self, name: str) -> None:
        """Take an interface, whatever serves it, and its file away."""
        self._learned.forget(name)
        self._maker.remove(name)
        (self._folder / f"{name}.conf").unlink(missing_ok=True)

    def _write(self, file: Path, conf: str) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic.replace(file, conf)
        except OSError as error:
            raise TunnelError(f"{file}: cannot be written: {error.strerror}") from error

    def _served(self, name: str) -> Served:
        return parse_dump(self._said("show", name, "dump"))

    def _said(self, *words: str) -> str:
        """Return what wg says; no key is among the words. Raises TunnelError."""
        name = words[1]
        try:
            done = subprocess.run(
                [self._program, *words],
                capture_output=True,
                text=True,
                timeout=WITHIN_S,
                check=False,
            )
        except FileNotFoundError as error:
            raise TunnelError(
                f"{name}: {self._program} is not installed; install the package wireguard-tools"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise TunnelError(f"{name}: wg does not answer within {WITHIN_S:g} s") from error
        if done.returncode:
            why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise TunnelError(f"{name}: wg {words[0]}: {why}; is its listening port free?")
        return done.stdout


def syncconf_text(tunnel: Tunnel, private_key: bytes) -> str:
    """Return a tunnel as `wg syncconf` reads it."""
    head = (
        "[Interface]",
        f"PrivateKey = {_base64(private_key)}",
        *([f"ListenPort = {tunnel.listen_port}"] if tunnel.listen_port else ()),
        f"FwMark = {tunnel.mark:#x}",
    )
    blocks = ("\n".join(head), *("\n".join(_peer_lines(peer)) for peer in tunnel.peers))
    return "\n\n".join(blocks) + "\n"


def _peer_lines(peer: TunnelPeer) -> Iterator[str]:
    yield "[Peer]"
    yield f"PublicKey = {peer.public_key}"
    if peer.preshared_key != NO_PRESHARED_KEY:
        yield f"PresharedKey = {_base64(peer.preshared_key)}"
    if peer.allowed:
        yield f"AllowedIPs = {', '.join(map(str, peer.allowed))}"
    if peer.endpoint:
        yield f"Endpoint = {peer.endpoint.address}:{peer.endpoint.port}"
    yield f"PersistentKeepalive = {peer.keepalive_s or OFF}"


def parse_dump(dump: str) -> Served:
    """Return the device that `wg show NAME dump` describes. Raises TunnelError."""
    try:
        own, *peers = (line.split("\t") for line in dump.splitlines())
        private, _, port, mark = own
        return Served(
            private_key=None if private == NONE else base64.b64decode(private),
            listen_port=int(port),
            mark=0 if mark == OFF else int(mark, 16),
            peers={words[0]: _peer(words) for words in peers},
        )
    except (ValueError, IndexError) as error:
        # The words hold keys.
        raise TunnelError("wg says what cannot be understood; update wireguard-tools") from error


def _peer(words: Sequence[str]) -> ServedPeer:
    _, preshared, endpoint, allowed, shaken, received, sent, keepalive = words
    return ServedPeer(
        state=PeerStatus(_endpoint(endpoint), float(shaken), int(received), int(sent)),
        allowed=frozenset(map(ip_network, allowed.split(","))) if allowed != NONE else frozenset(),
        keepalive_s=0 if keepalive == OFF else int(keepalive),
        preshared_key=NO_PRESHARED_KEY if preshared == NONE else base64.b64decode(preshared),
    )


def _endpoint(written: str) -> TunnelEndpoint | None:
    """Return an IPv4 endpoint; None for none, and for one over IPv6, which no policy has."""
    address, _, port = written.rpartition(":")
    return (
        TunnelEndpoint(IPv4Address(address), int(port)) if address and "[" not in address else None
    )


def _base64(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
